"""Every dialect: a document that was cut is refused and answered, one that drifted is the same message, noise never crashes."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from datetime import datetime
from functools import cache

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from adapters.single_window import ADAPTER
from adapters.single_window.dialects import DIALECTS
from adapters.single_window.options import Options
from adapters.single_window.parties import party_of
from adapters.single_window.registry import Procedure, Row, registry
from adapters.single_window.samples import generator
from hub.canonical.dossier import DossierMessage
from hub.contract import Incoming, Opened, Outcome, Request
from hub.errors import InvalidMessage

NOW = datetime.fromisoformat("2026-03-02T09:15:04+07:00")
#: Direction -> the role of an endpoint that reads it, and of one that writes it.
ROLES = {"to_ministry": ("gateway", "ministry"), "to_gateway": ("ministry", "gateway")}


@cache
def options_of(role: str) -> Options:
    offices = {one.office_code for one in registry().procedures.values()}
    return Options(role=role, ministry_parties={office: party_of(office) for office in offices})


def structures() -> Iterator[tuple[Procedure, Row, str]]:
    """Give one message of each structure, dialect and direction: procedures that are like others add nothing."""
    seen = set()
    for procedure in registry().procedures.values():
        for row in procedure.rows:
            for way in ROLES:
                key = (procedure.dialect, procedure.structures[row.service].file, row.root, way)
                if row.goes(way) and key not in seen:
                    seen.add(key)
                    yield procedure, row, way


CASES = [(procedure.document_type, row.type, row.function, way) for procedure, row, way in structures()]


def made(case: tuple[str, str, str, str]) -> bytes:
    document_type, type_, function, way = case
    writer = options_of(ROLES[way][1])
    return generator.message(document_type, type_, function, seed=4, options=writer, direction=way)


def read(document: bytes, way: str) -> Incoming:
    return ADAPTER.read_message(document, Opened(document=document), options_of(ROLES[way][0]))


def test_every_dialect_has_procedures() -> None:
    assert {procedure.dialect for procedure, _, _ in structures()} == set(DIALECTS)


@pytest.mark.parametrize(
    "case",
    [
        ("1", "30", "01", "to_ministry"),
        ("DANGKIEM", "100", "01", "to_ministry"),
        ("BTNMT0600001", "10", "01", "to_ministry"),
        ("14", "99", "21", "to_gateway"),
    ],
)
def test_a_document_cut_anywhere_is_refused_and_answered(case: tuple[str, str, str, str]) -> None:
    document, options = made(case), options_of(ROLES[case[3]][0])
    for end in range(0, len(document) - 1, 200):
        opened = Opened(document=document[:end], head={"soap": "1.1"})
        with pytest.raises(InvalidMessage) as caught:
            ADAPTER.read_message(opened.document, opened, options)
        outcome = Outcome(message_id="m", received_at=NOW, error=caught.value)

        assert ADAPTER.answer(outcome, opened, Request(endpoint="x", body=b""), options).status == 200


#: What partners' systems do to a document that is still the same message.
DRIFT: dict[str, Callable[[str], str]] = {
    "declaration": lambda text: '<?xml version="1.0" encoding="UTF-8"?>\n' + text,
    "prefixed": lambda text: re.sub("<(/?)", r"<\1n:", text).replace("<n:Envelope", '<n:Envelope xmlns:n="u"', 1),
    "default namespace": lambda text: text.replace("<Envelope>", '<Envelope xmlns="http://tempuri.org/">'),
    "blanks": lambda text: text.replace("><", ">\n  <"),
    "comment": lambda text: text.replace("<Header>", "<Header><!-- 1 -->"),
    "subject reversed": lambda text: re.sub(
        "<Subject>(.*?)</Subject>",
        lambda found: "<Subject>" + "".join(reversed(re.findall(r"<\w+>[^<]*</\w+>", found[1]))) + "</Subject>",
        text,
    ),
    "fraction of a second": lambda text: re.sub(r"(<sendDate>[^<]*)<", r"\1.5<", text),
    "empty messageId": lambda text: re.sub(r"<messageId>[^<]*<", "<messageId><", text),
    "empty signature slot": lambda text: text.replace("</Header>", "<Signature/></Header>"),
}


@pytest.mark.parametrize("drift", DRIFT)
@pytest.mark.parametrize("case", [("1", "51", "01", "to_ministry"), ("BTNMT0600001", "10", "01", "to_ministry")])
def test_drift_is_read_as_the_same_message(case: tuple[str, str, str, str], drift: str) -> None:
    document = made(case)
    drifted = DRIFT[drift](document.decode()).encode()
    assert drifted != document

    (expected,), (found,) = read(document, case[3]).messages, read(drifted, case[3]).messages
    assert isinstance(found, DossierMessage) and isinstance(expected, DossierMessage)
    assert (found.dossier.form, found.dossier.code) == (expected.dossier.form, expected.dossier.code)
    assert (found.event, found.native["type"]) == (expected.event, expected.native["type"])


def test_dates_with_zone_are_read_where_the_dialect_says_so_and_named() -> None:
    def asked(document_type: str, type_: str) -> bytes:
        document = made((document_type, type_, "01", "to_ministry")).decode()
        return re.sub(r"<sendDate>[^<]*<", "<sendDate>2026-03-02T01:14:00.25Z<", document).encode()

    (message,) = read(asked("1", "51"), "to_ministry").messages
    assert isinstance(message, DossierMessage)
    assert message.sent_at == datetime.fromisoformat("2026-03-02T08:14:00+07:00")
    assert message.native["drift"] == "dates"
    with pytest.raises(InvalidMessage):
        read(asked("BTNMT0600001", "10"), "to_ministry")


@given(
    case=st.sampled_from([case for case in CASES if case[3] == "to_ministry"][:60]),
    place=st.integers(0, 5000),
    noise=st.binary(min_size=1, max_size=12),
)
@settings(max_examples=60, deadline=None)
def test_noise_never_crashes(case: tuple[str, str, str, str], place: int, noise: bytes) -> None:
    document = made(case)
    spoilt = document[: place % len(document)] + noise + document[place % len(document) + len(noise) :]
    try:
        read(spoilt, case[3])
    except InvalidMessage as error:
        assert error.faults
