"""Every key of a registry file is documented as the models have it, and the page's example is one that is read."""

from __future__ import annotations

from pathlib import Path

import pytest
from pydantic import BaseModel

from adapters.single_window.places import PLACES
from adapters.single_window.registry import GEN2, registry
from adapters.single_window.registry_keys import AttachmentNames, File, HeldAlready, Row
from hub.canonical.codes import Stage
from tests.docs import pages

PAGE = "docs/single-window.md"


def table(model: type[BaseModel]) -> list[str]:
    """Give the page's lines for a model's keys."""
    return [f"| `{field.alias or name}` | {field.description} |" for name, field in model.model_fields.items()]


@pytest.mark.parametrize(
    ("model", "heading"),
    [
        (File, "Keys of a procedure"),
        (Row, "Keys of a message"),
        (HeldAlready, "Keys of a message"),
        (AttachmentNames, "Keys of attachments"),
    ],
)
def test_every_key_is_documented_as_it_is(model: type[BaseModel], heading: str) -> None:
    text = pages.page(PAGE)
    section = text[text.index(f"## {heading}") :].split("\n## ")[0]

    assert [line for line in table(model) if line not in section.splitlines()] == []
    assert all(field.description for field in model.model_fields.values())


@pytest.mark.parametrize(("names", "heading"), [(tuple(PLACES), "Places"), (tuple(Stage), "Stages")])
def test_every_place_and_stage_is_named(names: tuple[str, ...], heading: str) -> None:
    text = pages.page(PAGE)
    section = text[text.index(f"## {heading}\n") :].split("\n## ")[0]

    assert [name for name in names if f"`{name}`" not in section] == []


def test_the_example_is_read(tmp_path: Path) -> None:
    """As it stands on the page, with the schema that it names."""
    text = pages.page(PAGE)
    example = text[text.index("```toml") + 7 :].split("```")[0]
    (tmp_path / "BYT0600021.toml").write_text(example, "utf-8")
    for name in ("common.xsd", "header.xsd", "envelope.xsd"):
        (tmp_path / name).write_bytes((GEN2 / name).read_bytes())
    (tmp_path / "BYT_11_EvaluationResult.xsd").write_bytes((GEN2 / "BTNMT_11_EvaluationResult.xsd").read_bytes())

    procedure = registry(str(tmp_path)).procedures["BYT0600021"]

    assert [row.service for row in procedure.rows] == ["10/01", "10/02", "11/05"]
    assert procedure.statuses[9] is Stage.LICENSED
