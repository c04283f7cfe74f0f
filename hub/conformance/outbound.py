"""Checks of what goes out: the calls a message needs, and the exact bytes of each."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from datetime import datetime

from pydantic import ValidationError

from hub.canonical.base import VIETNAM
from hub.canonical.codes import Event
from hub.canonical.dossier import Dossier, DossierMessage, ProcedureRef
from hub.canonical.figures import Figures, StatisticsMessage
from hub.canonical.message import Message, to_json
from hub.canonical.notice import NoticeMessage
from hub.canonical.party import Agency
from hub.canonical.procedure import CatalogueMessage, Procedure, ProcedureMessage
from hub.canonical.question import Question, QuestionMessage
from hub.canonical.raw import RawMessage
from hub.conformance import hostile
from hub.conformance.faults import assert_faults
from hub.conformance.kit import Kit, cases_fixture
from hub.conformance.purity import purely
from hub.conformance.samples import Sample, as_tree, canonical
from hub.contract import Call, Outgoing
from hub.errors import InvalidMessage, NoMapping, OutOfStep, Untold

#: Texts that a form of another system may hold: what XML cannot carry, what looks like markup, nothing, too much.
ODD_TEXTS = ("\x0b", "\x00", "<&>\"']]>", "\U0001f4c4", "", "x" * 10_000)
_PROCEDURE = Procedure(code="1.000001", name="Thủ tục mẫu")
#: The least that a message of each kind can say: what any partner may be given by a routing rule.
LEAST: tuple[Message, ...] = (
    *(DossierMessage(event=event, dossier=Dossier(code="1", procedure=ProcedureRef(code="1.000001"))) for event in Event),
    CatalogueMessage(owner="G00", procedures=()),
    ProcedureMessage(owner="G00", procedure=_PROCEDURE),
    NoticeMessage(message_id="1", recipient="other", outcome="delivered", at=datetime(2026, 3, 2, tzinfo=VIETNAM)),
    QuestionMessage(event="asked", question=Question(id="1")),
    QuestionMessage(event="answered", question=Question(id="1")),
    QuestionMessage(event="published", question=Question(id="1")),
    StatisticsMessage(figures=Figures(month=1, year=2026, agency=Agency())),
    RawMessage(service="DichVu", id="1", body="{}"),
)


#: What the partner holds when a call's turn has come.
_Held = Callable[[Call], Mapping[str, str]]


def _message_name(message: Message) -> str:
    event = getattr(message, "event", "")
    return f"{message.kind}-{event}" if event else message.kind


class OutboundChecks(Kit):
    """Checks of ``plan`` and ``write_message``."""

    least = cases_fixture(LEAST, _message_name)

    def test_a_message_needs_the_expected_calls(self, outbound: Sample) -> None:
        """Plan gives exactly the calls of the sample, in order."""
        calls = self.adapter.plan(self._message(outbound), self.options)

        assert [(call.service, dict(call.part)) for call in calls] == [
            (call["service"], call.get("part", {})) for call in outbound.expected["calls"]
        ]

    def test_a_call_names_a_service_that_is_listed(self, outbound: Sample) -> None:
        """Where the adapter lists its services: an endpoint's file is held against them."""
        known = self.adapter.services

        assert {call["service"] for call in outbound.expected["calls"]} <= known or not known

    def test_planning_is_pure(self, outbound: Sample) -> None:
        """The same message needs the same calls, without clock, chance, file or network."""
        message = self._message(outbound)
        first = self.adapter.plan(message, self.options)

        assert purely(self.adapter.plan, message, self.options) == first

    def test_each_call_has_exactly_the_recorded_bytes(self, outbound: Sample) -> None:
        """The bytes are those of the sample's files; variant and head are the expected ones."""
        all_written, calls = self._write(outbound), outbound.expected["calls"]
        assert [each is None for each in all_written] == [call.get("nothing", False) for call in calls]
        written = [each for each in all_written if each is not None]
        expected = [call for call in calls if not call.get("nothing", False)]

        assert [each.body for each in written] == outbound.recorded_bodies()
        assert [each.service for each in written] == [call["service"] for call in expected]
        assert [each.variant for each in written] == [call.get("variant", "") for call in expected]
        heads = [(dict(each.head), call["head"]) for each, call in zip(written, expected, strict=True) if "head" in call]
        assert [found for found, _ in heads] == [wanted for _, wanted in heads]

    def test_writing_is_pure(self, outbound: Sample) -> None:
        """The same message, code lists, moment and identifier give the same bytes, without clock or chance."""
        message, held = self._message(outbound), outbound.holdings()
        first = self._written(message, held)

        assert purely(self._written, message, held) == first

    def test_an_odd_text_is_written_or_refused(self, outbound: Sample) -> None:
        """Another system's text never breaks a document: it is written well, or the message is refused."""
        tree, held = as_tree(self._message(outbound)), outbound.holdings()
        for odd in ODD_TEXTS:
            for place, changed in hostile.texts_replaced(tree, odd):
                try:
                    message = canonical(changed)
                except ValidationError:
                    continue  # no such message can come: the canonical model refuses it
                self._assert_written_or_refused(message, held, f"{place} = {odd[:20]!r}")

    def test_the_least_message_of_any_kind_is_written_or_refused(self, least: Message) -> None:
        """A routing rule may give a partner any message; what it cannot take is no crash."""
        self._assert_written_or_refused(least, lambda call: {}, _message_name(least))

    # --- steps -----------------------------------------------------------------------------------------------------

    def _message(self, sample: Sample) -> Message:
        return canonical(json.loads(sample.body))

    def _write(self, sample: Sample) -> list[Outgoing | None]:
        return self._written(self._message(sample), sample.holdings())

    def _written(self, message: Message, held: _Held) -> list[Outgoing | None]:
        return [self.write(message, call, held(call)) for call in self.adapter.plan(message, self.options)]

    def _assert_written_or_refused(self, message: Message, held: _Held, title: str) -> None:
        try:
            written = self._written(message, held)
        except InvalidMessage as error:
            assert_faults(error, to_json(message))
            return
        except (NoMapping, OutOfStep, Untold):
            return  # told to the operator, who mends the code list, or what an earlier call of the dossier came to
        except Exception as error:
            raise AssertionError(f"{title}: {type(error).__name__} instead of InvalidMessage: {error}") from error
        for each in filter(None, written):
            assert each.body, f"{title}: {each.service} has no bytes"
            assert _is_whole(each.body), f"{title}: {each.service} is no whole document: {each.body[:200]!r}"


def _is_whole(body: bytes) -> bool:
    if not hostile.is_xml(body) and not hostile.is_json(body):
        return True  # neither XML nor JSON: the recorded bytes say all that can be known
    return hostile.well_formed(body, xml=hostile.is_xml(body))
