"""Purpose limit: a border document goes where its kind is named, and nothing else is touched by it."""

from __future__ import annotations

import pytest

from hub.canonical.border.message import BorderDocument
from hub.rules.border import purposes

ORIGIN, PHYTO, DECLARATION = BorderDocument.ORIGIN, BorderDocument.PHYTO, BorderDocument.DECLARATION


@pytest.mark.parametrize(
    ("subject", "allowed", "goes"),
    [
        ("border:origin:VN:1", (ORIGIN,), True),
        ("border:origin:VN:1", (PHYTO, DECLARATION), False),
        ("border:phyto:ID:a:b", (PHYTO,), True),
        ("border:phyto:ID:a:b", (), False),
        ("border:unheard_of:VN:1", (ORIGIN, PHYTO, DECLARATION), False),
        ("national:border:origin", (), True),
        ("notices:border:origin:VN:1", (), True),
    ],
)
def test_a_document_goes_only_where_its_kind_is_named(subject: str, allowed: tuple[BorderDocument, ...], goes: bool) -> None:
    refused = purposes.refusal("bo", allowed, subject)

    assert (refused is None) is goes
    if refused is not None:
        assert (refused.code, refused.where) == ("purpose", "endpoints/bo.toml purposes")


@pytest.mark.parametrize(
    ("documents", "allowed", "lacks"),
    [
        (("origin",), (ORIGIN, PHYTO), ()),
        (("origin", "phyto"), (PHYTO,), ("origin",)),
        ((), (ORIGIN, PHYTO, DECLARATION), ()),
        ((), (ORIGIN,), ("phyto", "declaration")),
    ],
)
def test_a_rule_that_names_no_documents_carries_all(
    documents: tuple[str, ...], allowed: tuple[BorderDocument, ...], lacks: tuple[str, ...]
) -> None:
    assert purposes.lacking(documents, allowed) == lacks


def test_documents_are_named_as_an_official_reads_them() -> None:
    assert purposes.names_of(("origin", "phyto")) == (
        "Giấy chứng nhận xuất xứ mẫu D, Giấy chứng nhận kiểm dịch thực vật",
        "certificate of origin Form D, phytosanitary certificate",
    )
