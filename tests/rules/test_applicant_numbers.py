"""Applicants' numbers: which texts can be one, and hashes that say nothing without the key."""

from __future__ import annotations

import hashlib

import pytest

from hub.canonical.codes import Event
from hub.canonical.dossier import Dossier, DossierMessage, ProcedureRef
from hub.canonical.notice import NoticeMessage
from hub.canonical.party import Identity, Party
from hub.rules.applicant_numbers import NumberKey, hashes, number_in

KEY, OTHER = NumberKey(b"0123456789abcdef"), NumberKey(b"fedcba9876543210")


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("000000000000", "000000000000"),
        ("000 000 000 000", "000000000000"),
        ("000.000.000", "000000000"),
        ("0000000000-001", "0000000000001"),
        ("0000000000", "0000000000"),
        ("00000000000", ""),
        ("000.00.01.H55-260302-0001", ""),
        ("٠٠٠٠٠٠٠٠٠", ""),
        ("0" * 31, ""),
        ("", ""),
        ("B0000000", ""),
    ],
)
def test_what_can_be_a_number(text: str, number: str) -> None:
    assert number_in(text) == number


def message(**party: object) -> DossierMessage:
    dossier = Dossier(code="1", procedure=ProcedureRef(code="1.000001"), applicant=Party(**party))  # type: ignore[arg-type]
    return DossierMessage(event=Event.STATUS, dossier=dossier)


def test_every_number_of_an_applicant_is_hashed_once() -> None:
    given = message(
        identity_number="000000000000",
        tax_code="0000000000",
        identities=tuple(Identity(kind="1", number=each) for each in ("000 000 000 000", "000000000", "B1")),
    )

    assert hashes(given, KEY) == tuple(KEY.hashed(number) for number in ("000000000000", "0000000000", "000000000"))


def test_without_key_or_dossier_there_is_nothing() -> None:
    notice = NoticeMessage.model_construct(kind="notice")

    assert hashes(message(identity_number="000000000000"), None) == ()
    assert hashes(notice, KEY) == ()


def test_a_hash_depends_on_the_key_and_names_it() -> None:
    mine, others = KEY.hashed("000000000000"), OTHER.hashed("000000000000")

    assert mine != others and mine.partition(":")[0] == KEY.name != OTHER.name
    assert "000000000000" not in mine
    assert hashlib.sha256(b"000000000000").hexdigest()[:16] not in mine


def test_a_key_does_not_show_itself() -> None:
    assert "0123456789abcdef" not in repr(KEY)
