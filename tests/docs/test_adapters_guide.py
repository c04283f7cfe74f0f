"""The vendor's guide shows the template's real text, and leaves out nothing of the contract."""

import re
import tomllib
from dataclasses import MISSING, fields
from pathlib import Path

import pytest

from hub.conformance import samples
from hub.contract import Adapter, Writing
from hub.endpoint import ServicePolicy
from hub.errors import every_error

ROOT = Path(__file__).parents[2]
GUIDE = (ROOT / "docs/adapters.md").read_text(encoding="utf-8")
#: Errors that are no adapter's business, neither to raise nor to answer.
_INSIDE = {
    *("HubError", "NotAllowed", "BadSettings", "Unavailable", "OnTrial", "NotForPurpose", "BorderHeld", "Damaged"),
    *("Forbidden", "Forged", "NotLoggedIn", "TooMany"),
}


def blocks() -> list[tuple[str, str]]:
    """List the code blocks: what follows the three ticks, and the text."""
    found = re.findall(r"^```(.*)\n((?s:.*?))^```$", GUIDE, flags=re.MULTILINE)
    assert GUIDE.count("```") == 2 * len(found), "a code block is not closed, or not at the beginning of a line"
    return found


def test_the_guide_has_code() -> None:
    """Else the next test would pass on an empty page."""
    assert len(blocks()) >= 10


@pytest.mark.parametrize(("head", "text"), blocks(), ids=lambda value: value.splitlines()[0][:60])
def test_a_block_is_the_real_text_of_its_file(head: str, text: str) -> None:
    """Each block names its file, and stands there line by line."""
    named = re.fullmatch(r"\w+ file=(adapters/template/\S+|tests/adapters/template/\S+)", head)

    assert named, f"the block {head!r} names no file of the template"
    assert f"\n{text}" in "\n" + (ROOT / named[1]).read_text(encoding="utf-8")


def test_links_lead_to_headings() -> None:
    """A heading that was renamed takes its links along."""
    titles = re.findall(r"^## (.+)$", GUIDE, re.MULTILINE)
    headings = {re.sub(r"[^\w -]", "", title.lower()).replace(" ", "-") for title in titles}
    links = set(re.findall(r"\]\(#([^)]+)\)", GUIDE))

    assert links
    assert links <= headings


def test_every_function_of_an_adapter_is_explained() -> None:
    """What a vendor must write is in the guide by its name."""
    functions = [field.name for field in fields(Adapter) if field.default is MISSING]

    assert [name for name in functions if f"`{name}" not in GUIDE and f"{name}=" not in GUIDE] == []


def test_every_function_with_a_promise_says_so() -> None:
    """The pure functions each have a paragraph that begins with what they promise."""
    pure = ("open_request", "read_message", "answer", "plan", "write_message", "read_finding")

    assert [name for name in pure if not re.search(rf"`{name}\([^`]*\)` promises:", GUIDE)] == []


@pytest.mark.parametrize(
    "name",
    [
        *ServicePolicy.model_fields,
        *(field.name for field in fields(Writing)),
        *(error.__name__ for error in every_error() if error.__module__ == "hub.errors" and error.__name__ not in _INSIDE),
        "ask", "probe", "close", "fence", "in/", "bad/", "out/", "receipts/", "options.json", "codes/",
    ],
)  # fmt: skip
def test_every_word_of_the_contract_is_in_the_guide(name: str) -> None:
    """Settings of a service, what a writer may know, errors, the transport's verbs, folders of samples."""
    assert re.search(rf"`{re.escape(name)}", GUIDE)


def test_the_samples_are_said_to_be_written_at_their_moment() -> None:
    """The kit and the guide name the same moment and identifier."""
    assert samples.NOW.isoformat() in GUIDE
    assert samples.MESSAGE_ID in GUIDE


def test_the_shown_entry_points_are_those_of_the_package() -> None:
    """What a vendor copies is what the hub itself is found by."""
    shown = tomllib.loads(next(text for head, text in blocks() if "entry-points" in text))["project"]["entry-points"]
    real = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["entry-points"]

    assert shown
    assert all(entry in real[group].items() for group, entries in shown.items() for entry in entries.items())
