"""docs/bus-members.md shows the text of a member's software that is run on a real broker, and the header as it is."""

from __future__ import annotations

import re
import tomllib

import pytest

from hub.rules import member_seal
from hub.sections import EndpointFile
from tests.docs import pages

PAGE = "docs/bus-members.md"
CODE = [block for block in pages.blocks(PAGE) if block.head.startswith("python")]


def test_the_page_has_code() -> None:
    """Else the next test would pass on an empty page."""
    assert len(CODE) == 3


@pytest.mark.parametrize("block", CODE, ids=lambda block: block.text[:40])
def test_a_block_is_the_real_text_of_its_file(block: pages.Block) -> None:
    """Line by line."""
    file = block.head.partition(" file=")[2]

    assert f"\n{block.text}" in (pages.ROOT / file).read_text(encoding="utf-8")


def test_the_example_of_an_endpoint_is_one() -> None:
    """As settings read it."""
    (block,) = (each for each in pages.blocks(PAGE) if each.head == "toml")

    assert EndpointFile.model_validate(tomllib.loads(block.text)).member is not None


def test_every_field_of_the_header_is_told() -> None:
    """No more and no less than a seal may have."""
    (section,) = (each for each in pages.sections(PAGE) if each.title == "The seal")
    rows = [line.split("|")[1] for line in section.text.splitlines() if line.startswith("|")][2:]
    told = {name for row in rows for name in re.findall(r"`(\w+)`", row)}

    assert told == {"alg", "b64", "crit", "typ", *member_seal._REQUIRED, *member_seal._OPTIONAL}


def test_every_purpose_is_told() -> None:
    """In both directions."""
    text = pages.page(PAGE)

    assert all(f"`{purpose}`" in text for purpose in (*member_seal.FROM_HUB, *member_seal.FROM_MEMBER))
