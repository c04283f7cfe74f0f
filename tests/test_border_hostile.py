"""What a hostile partner may say of border documents: refused with faults or recorded, never a crash, never another's."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from decimal import Decimal

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hub.canonical.border.declaration import ExportDeclaration
from hub.canonical.border.message import (
    HOPS,
    AnswerResult,
    BorderAnswer,
    BorderDocument,
    BorderEvent,
    BorderMessage,
    ItemAnswer,
    TechnicalState,
    Tracking,
)
from hub.canonical.border.parts import Measure
from tests.support.border_world import (
    ASW,
    CUSTOMS,
    EPHYTO,
    MARD,
    MOIT,
    WINDOW,
    Border,
    answered,
    form_d,
    issued,
    opened,
    plants,
    used,
)
from tests.support.engines import ENGINES, ledger_on


@pytest.fixture(scope="module", params=ENGINES)
def world(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Border]:
    with ledger_on(request.param) as ledger, opened(tmp_path_factory.mktemp("hostile") / "config", ledger) as made:
        yield made


_texts = st.sampled_from(
    ["", " ", "N1", "N2", "n-1", "\x00", "a\x00b", "\n", "x" * 300, "'; --", "🙂", "%s", "vnsw:X", "ID", "VN"]
)
_quantities = st.sampled_from([Decimal("0"), Decimal("-5"), Decimal("999999999999999.123456789"), Decimal("1")])
_measures = st.builds(Measure, value=_quantities, unit=_texts)
_moments = st.sampled_from([None, datetime.min, datetime.max, datetime(9999, 12, 31, 23, 59, tzinfo=UTC), datetime(2026, 1, 1)])
_answers = st.builds(
    BorderAnswer,
    result=st.sampled_from(list(AnswerResult)),
    declaration_number=_texts,
    reason_code=_texts,
    items=st.lists(
        st.builds(
            ItemAnswer,
            number=st.sampled_from([1, 0, -1, 2**31, 10**40]),
            result=st.sampled_from(["given", "not_given"]),
            used=st.none() | _measures,
            reason_code=_texts,
        ),
        max_size=3,
    ).map(tuple),
)
_tracked = st.builds(
    Tracking,
    technical=st.sampled_from(list(TechnicalState)),
    hop=st.sampled_from(["", *HOPS]),
    code=_texts,
    number=_texts,
    text=_texts,
    at=_moments,
)
_forms = st.builds(form_d, st.sampled_from(["N1", "N2", "\x00"]), gross_weight=st.none() | _measures, hs_code=_texts)
_declarations = st.builds(ExportDeclaration, number=_texts, export_country=_texts, import_country=_texts, declared_on=st.dates())
_messages = st.builds(
    BorderMessage,
    event=st.sampled_from(list(BorderEvent)),
    document=st.sampled_from(list(BorderDocument)),
    number=_texts,
    issuing_country=_texts | st.sampled_from(["VN", "ID"]),
    importing_country=_texts | st.sampled_from(["VN", "ID"]),
    phyto=st.none() | st.builds(plants, st.sampled_from(["N1", "\x00"])),
    origin=st.none() | _forms,
    declaration=st.none() | _declarations,
    answer=st.none() | _answers,
    tracking=st.none() | _tracked,
    supersedes=_texts,
    superseded_by=_texts,
    dossier=_texts,
    native=st.dictionaries(st.sampled_from(["aswOwnAnswer", "leftOut", "x"]), _texts, max_size=2),
    sent_at=_moments,
)


@settings(max_examples=120, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(st.sampled_from([ASW, EPHYTO, MOIT, MARD, CUSTOMS, WINDOW]), st.lists(_messages, min_size=1, max_size=2))
def test_whatever_is_said_is_taken_or_refused_with_faults(world: Border, endpoint: str, said: list[BorderMessage]) -> None:
    answer = world.say(endpoint, *said)
    assert answer.body == b"taken" or answer.body.startswith((b"invalid_message ", b"not_permitted ")), answer.body


def test_a_partner_abroad_issues_none_of_our_documents(world: Border) -> None:
    assert world.say(ASW, issued(form_d("FORGED"))).body.startswith(b"not_permitted")
    assert world.find("border:origin:VN:FORGED") is None


def test_a_ministry_issues_none_of_other_countries_documents(world: Border) -> None:
    assert world.say(MARD, issued(plants("FORGED"))).body.startswith(b"not_permitted")
    assert world.say(CUSTOMS, issued(form_d("FORGED", "TH", "VN"))).body.startswith(b"not_permitted")


def test_an_answer_of_the_future_does_not_keep_later_ones_out(world: Border) -> None:
    message = issued(form_d("FUTURE"))
    world.say(MOIT, message)
    world.say(ASW, answered(message, AnswerResult.NOT_GIVEN, declaration="D", at=datetime(9000, 1, 1, tzinfo=UTC)))
    world.say(ASW, answered(message, AnswerResult.GIVEN, declaration="D", items=[used(1, "1")]))
    assert world.shown(message).row.state == "given"


def test_uses_of_one_document_are_not_without_end(world: Border, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("hub.border_steps.MOST_USES", 3)
    message = issued(form_d("MANY"))
    world.say(MOIT, message)
    assert world.say(ASW, answered(message, AnswerResult.GIVEN, declaration="D1", items=[used(1, "1")])).body == b"taken"
    assert world.say(ASW, answered(message, AnswerResult.GIVEN, declaration="D2", items=[used(1, "1")])).status == 422
    assert world.say(ASW, answered(message, AnswerResult.GIVEN, declaration="D1", items=[used(1, "2")])).body == b"taken"
