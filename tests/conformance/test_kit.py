"""The conformance kit catches bad adapters: each deliberate flaw fails the check that is there for it."""

import inspect
import json
import time
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel, ConfigDict, Field

import adapters.template
from adapters.template import ADAPTER
from adapters.template.options import TemplateOptions
from hub.canonical.base import VIETNAM
from hub.canonical.codes import Event
from hub.canonical.dossier import DossierMessage
from hub.canonical.receipt import Finding, Receipt
from hub.conformance.adapter import AdapterConformance
from hub.contract import Answer, Incoming, Opened, Request
from hub.errors import Fault, InDoubt, InvalidMessage, NotSent, Refused, Untrusted

SAMPLES = Path(adapters.template.__file__).parent / "samples"
CHECKS = sorted(name for name, _ in inspect.getmembers(AdapterConformance, inspect.isfunction) if name.startswith("test_"))


@pytest.mark.parametrize("check", CHECKS)
def test_the_template_passes_every_check(check: str, run_check: Callable[..., None]) -> None:
    """Without this, a check that always fails would seem to catch everything."""
    run_check(check)


# --- flaws of adapters -------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Flaw:
    """A bad adapter: what is wrong, the check that must fail, words of its failure, and the functions that are bad."""

    title: str
    check: str
    says: str
    functions: Mapping[str, Any] = field(default_factory=dict)


READ = "test_a_sample_is_read_as_expected"
REPLY = "test_a_reply_that_tells_nothing_is_in_doubt"
HOSTILE = "test_a_hostile_body_is_an_invalid_message"
PLACES = "test_a_wrong_value_in_any_place_is_an_invalid_message"
ANSWERED = "test_every_outcome_is_answered"
BAD = "test_a_bad_sample_has_exactly_its_faults"
BYTES = "test_each_call_has_exactly_the_recorded_bytes"
ODD = "test_an_odd_text_is_written_or_refused"
OPTIONS = "test_the_options_are_frozen_closed_and_described"
README = "test_the_readme_names_every_option_and_service"
PURE = "test_reading_is_pure"
LASTS = "test_what_is_read_survives_its_json_form"
CALLS = "test_a_message_needs_the_expected_calls"
LISTED = "test_a_call_names_a_service_that_is_listed"
ALIKE = "test_a_refusal_is_not_answered_like_acceptance"
SIGNATURE = "test_a_signature_is_found_where_the_adapter_says"
GREETING = "test_a_message_is_no_greeting"
PLAN_PURE = "test_planning_is_pure"
WRITE_PURE = "test_writing_is_pure"
LEAST_MESSAGE = "test_the_least_message_of_any_kind_is_written_or_refused"
EXPECTED = "test_a_reply_is_read_as_expected"
REPLY_PURE = "test_reading_a_reply_is_pure"
NAMED = "test_the_adapter_is_named_like_its_folder"
INSTALLED = "test_the_hub_finds_the_adapter"
SIMULATED = "test_the_simulator_starts_shows_its_account_and_stops"
TRANSPORT = "test_the_transport_has_what_the_hub_calls"


def reader(change: Callable[[Incoming, bytes], Incoming]) -> dict[str, Any]:
    """Make a reader that does something to what was read well."""
    return {"read_message": lambda document, opened, options: change(ADAPTER.read_message(document, opened, options), document)}


def crash(error: Exception, on: Callable[[bytes], bool]) -> dict[str, Any]:
    """Make a reader that crashes on some documents."""

    def read(document: bytes, opened: Any, options: Any) -> Incoming:
        if on(document):
            raise error
        return ADAPTER.read_message(document, opened, options)

    return {"read_message": read}


def anyway(when: Callable[[bytes], bool] = lambda document: True) -> dict[str, Any]:
    """Make a reader that takes documents which should be refused for the first good sample."""
    good = (SAMPLES / "in/submitted.json").read_bytes()

    def read(document: bytes, opened: Any, options: Any) -> Incoming:
        try:
            return ADAPTER.read_message(document, opened, options)
        except InvalidMessage:
            if when(document):
                return ADAPTER.read_message(good, opened, options)
            raise

    return {"read_message": read}


def refusing(change: Callable[[tuple[Fault, ...], bytes], list[Fault]]) -> dict[str, Any]:
    """Make a reader whose faults are bad."""

    def read(document: bytes, opened: Any, options: Any) -> Incoming:
        try:
            return ADAPTER.read_message(document, opened, options)
        except InvalidMessage as error:
            faults = change(error.faults, document)
        raise InvalidMessage(faults)

    return {"read_message": read}


def opener(change: Callable[[Opened, Request], Opened]) -> dict[str, Any]:
    """Make an opener that does something to what was opened well."""
    return {"open_request": lambda request, options: change(ADAPTER.open_request(request, options), request)}


def answering(change: Callable[[Answer, Any], Answer]) -> dict[str, Any]:
    """Make an adapter whose answers are bad."""

    def answer(outcome: Any, opened: Any, request: Any, options: Any) -> Answer:
        return change(ADAPTER.answer(outcome, opened, request, options), outcome)

    return {"answer": answer}


def writer(change: Callable[[Any], Any]) -> dict[str, Any]:
    """Make a writer that does something to what was written well."""
    return {"write_message": lambda message, call, writing: change(ADAPTER.write_message(message, call, writing))}


def receipts(read: Callable[[Any, Any], Any]) -> dict[str, Any]:
    """Make another receipt reader."""
    return {"read_receipt": read}


def _with_message(read: Incoming, **changed: Any) -> Incoming:
    return replace(read, messages=tuple(message.model_copy(update=changed) for message in read.messages))


def _keep_nul(read: Incoming, document: bytes) -> Incoming:
    return _with_message(read, native={"raw": "a\x00b"})


def _naive(read: Incoming, document: bytes) -> Incoming:
    return _with_message(read, sent_at=datetime(2026, 3, 2))


def _now(read: Incoming, document: bytes) -> Incoming:
    datetime.now(VIETNAM)
    return read


def _from_file(read: Incoming, document: bytes) -> Incoming:
    with (SAMPLES / "options.json").open():
        return read


def _repeat_name(faults: tuple[Fault, ...], document: bytes) -> list[Fault]:
    return [replace(fault, en=f"{fault.en}: {document.decode('utf-8', 'replace')}"[:900]) for fault in faults]


def _with_signature_inside(opened: Opened, request: Request) -> Opened:
    return replace(opened, document=opened.document + request.jws.encode())


def _tell_forgers(answer: Answer, outcome: Any) -> Answer:
    return replace(answer, body=json.dumps(outcome.error.en).encode()) if isinstance(outcome.error, Untrusted) else answer


def _answer_opened(outcome: Any, opened: Any, request: Any, options: Any) -> Answer:
    return replace(ADAPTER.answer(outcome, opened, request, options), headers=opened.head)


def _recoded(faults: tuple[Fault, ...], **changed: str) -> list[Fault]:
    return [replace(fault, **changed) for fault in faults]  # type: ignore[arg-type]


def _one_call(message: Any, options: Any) -> Any:
    return ADAPTER.plan(message, options)[:1]


def _calls_of_the_day(message: Any, options: Any) -> Any:
    return ADAPTER.plan(message, options)[: int(time.time())]


def _without_code(reply: Any, outgoing: Any) -> Receipt:
    return ADAPTER.read_receipt(reply, outgoing).model_copy(update={"code": ""})


def _without_held(reply: Any, outgoing: Any) -> Receipt:
    return ADAPTER.read_receipt(reply, outgoing).model_copy(update={"held": {}})


def _absent_unless_found(reply: Any, outgoing: Any) -> Finding:
    return Finding(outcome="found" if b'"00"' in reply.body else "absent")


def _taken(reply: Any, outgoing: Any) -> Receipt:
    return Receipt(code=json.loads(reply.body or b"{}").get("ma", "") if reply.body[:1] == b"{" else "")


def _unknown_is_refused(reply: Any, outgoing: Any) -> Receipt:
    try:
        return ADAPTER.read_receipt(reply, outgoing)
    except InDoubt as error:
        raise Refused(error.en, error.vi) from error


def _unknown_is_not_sent(reply: Any, outgoing: Any) -> Receipt:
    try:
        return ADAPTER.read_receipt(reply, outgoing)
    except InDoubt as error:
        raise NotSent(error.en, error.vi) from error


def _lenient_code(reply: Any, outgoing: Any) -> Receipt:
    """Take the reply for success where its text has the code, as one does with a search in a text."""
    if b'"00"' in reply.body or reply.body == b"00":
        return Receipt(code="00", held={"dossier": outgoing.head["dossier"]})
    return ADAPTER.read_receipt(reply, outgoing)


def _slow_receipt(reply: Any, outgoing: Any) -> Receipt:
    time.monotonic()
    return ADAPTER.read_receipt(reply, outgoing)


def _crash_on_foreign(message: Any, options: Any) -> Any:
    return ADAPTER.plan(message.dossier and message, options)


def _raw_json(message: Any, call: Any, writing: Any) -> Any:
    """Write JSON by hand, as text."""
    written = ADAPTER.write_message(message, call, writing)
    name = message.dossier.applicant.name if isinstance(message, DossierMessage) else ""
    return replace(written, body=written.body + (f'{{"ten": "{name}"}}'.encode() if '"' in name else b""))


def _crash_on_control(message: Any, call: Any, writing: Any) -> Any:
    """Break as lxml does where a text holds what XML cannot carry."""
    if "\x0b" in message.dossier.applicant.name:
        raise ValueError("All strings must be XML compatible")
    return ADAPTER.write_message(message, call, writing)


class Open(BaseModel):
    model_config = ConfigDict(frozen=True)

    url: str = Field("", description="Address")
    token: str = Field("", description="Token")
    unit: str = Field("", description="Unit")
    procedure_list: str = Field("", description="List")


class Thawed(Open):
    model_config = ConfigDict(frozen=False, extra="forbid")


class Silent(TemplateOptions):
    quiet: str = ""


class Inner(BaseModel):
    name: str = Field("", description="Name")


class Nested(TemplateOptions):
    unit_names: tuple[Inner, ...] = Field((), description="Names")


class Undocumented(TemplateOptions):
    not_in_the_readme: str = Field("", description="Nobody reads of this")


class Mute:
    """A transport that cannot ask."""

    def send(self) -> None: ...
    def probe(self) -> None: ...
    def close(self) -> None: ...


_ANSWER = Answer(status=200, body=b"", content_type="text/plain")
FLAWS = [
    Flaw("leaves the signature", SIGNATURE, "'jws', but", opener(lambda opened, _: replace(opened, jws=None))),
    Flaw("makes up a signature", SIGNATURE, "'jws', but", opener(lambda opened, _: replace(opened, jws=opened.jws or "x"))),
    Flaw("says that none comes", SIGNATURE, "'none', but", {"signature": "none"}),
    Flaw("reads another document where one comes", SIGNATURE, "another document", opener(_with_signature_inside)),
    # reading
    Flaw("another event", READ, "withdrawn", reader(lambda read, _: _with_message(read, event=Event.WITHDRAWN))),
    Flaw("no identity", READ, "'' == 'M-0", reader(lambda read, _: replace(read, identity=""))),
    Flaw("a correlation nobody expects", READ, "'x' == ''", reader(lambda read, _: replace(read, correlation="x"))),
    Flaw("greets every message", GREETING, "is None", {"greeting": lambda request, options: _ANSWER}),
    Flaw("reads the clock", PURE, r"the clock \(datetime.now\)", reader(_now)),
    Flaw("reads a file", PURE, "a file", reader(_from_file)),
    Flaw("draws an identity", PURE, "chance", reader(lambda read, _: replace(read, identity=str(uuid.uuid4())))),
    Flaw("leaves a moment without zone", LASTS, "without zone", reader(_naive)),
    Flaw("keeps a NUL", LASTS, "NUL", reader(_keep_nul)),
    # hostile bodies
    Flaw(
        "crashes on NUL",
        HOSTILE,
        "nul-inside: ValueError",
        crash(ValueError("NUL"), lambda document: b"\x00" in document and document[-1:] == b"\n"),
    ),
    Flaw("crashes on nesting", HOSTILE, "RecursionError", crash(RecursionError(), lambda document: b"[" * 999 in document)),
    Flaw("crashes on an empty body", HOSTILE, "empty: IndexError", crash(IndexError(), lambda document: not document)),
    Flaw("crashes on UTF-16", HOSTILE, "utf-16: LookupError", crash(LookupError(), lambda document: document[:1] == b"\xff")),
    Flaw("reads what is cut", HOSTILE, "cut-10: this was read", anyway()),
    Flaw("takes the last of two keys", HOSTILE, "key-twice: this", anyway(lambda document: b":null,\n" in document)),
    Flaw(
        "crashes on a null", PLACES, "hoSo = null: KeyError", crash(KeyError("x"), lambda document: b'"hoSo": null' in document)
    ),
    Flaw(
        "crashes on a long number",
        PLACES,
        "9999: ValueError",
        crash(ValueError("digits"), lambda document: b"9" * 999 in document),
    ),
    Flaw(
        "crashes where a field is left out",
        PLACES,
        "maThongDiep left out: KeyError",
        crash(KeyError("x"), lambda document: b"maThongDiep" not in document),
    ),
    Flaw(
        "crashes at the end of time", PLACES, "OverflowError", crash(OverflowError(), lambda document: b"9999-12-31" in document)
    ),
    # faults
    Flaw("tells one fault of many", BAD, "maThongDiep", refusing(lambda faults, _: list(faults[:1]))),
    Flaw("has another code", BAD, "other", refusing(lambda faults, _: _recoded(faults, code="other"))),
    Flaw("tells no fault", HOSTILE, "without a fault", refusing(lambda faults, _: [])),
    Flaw("names the applicant", BAD, "personal values", refusing(_repeat_name)),
    Flaw("names the applicant of a broken message", HOSTILE, "personal values", refusing(_repeat_name)),
    Flaw(
        "speaks English only", BAD, "are the same", refusing(lambda faults, _: [replace(fault, vi=fault.en) for fault in faults])
    ),
    Flaw("leaves a text empty", BAD, "a text is missing", refusing(lambda faults, _: _recoded(faults, vi=" "))),
    Flaw("reads bad samples", BAD, "was read, though it is bad", anyway()),
    # answers
    Flaw("answers nothing", ANSWERED, "empty", answering(lambda answer, _: replace(answer, body=b""))),
    Flaw("answers broken JSON", ANSWERED, "is not application/json", answering(lambda answer, _: replace(answer, body=b"{"))),
    Flaw(
        "answers by chance", ANSWERED, "chance", answering(lambda answer, _: replace(answer, headers={"id": str(uuid.uuid4())}))
    ),
    Flaw(
        "answers with the time",
        ANSWERED,
        "the clock",
        answering(lambda answer, _: replace(answer, headers={"t": str(time.time())})),
    ),
    Flaw("tells a forger what failed", ANSWERED, "helps a forger", answering(_tell_forgers)),
    Flaw("cannot answer what it could not open", ANSWERED, "no attribute 'head'", {"answer": _answer_opened}),
    Flaw(
        "answers every outcome alike",
        ALIKE,
        "looks like acceptance",
        answering(lambda answer, _: replace(answer, status=200, body=b'{"ma": "00"}')),
    ),
    # writing
    Flaw("lists too few services", LISTED, "GuiTienTrinh", {"services": frozenset({"GuiHoSo"})}),
    Flaw("plans a call too few", CALLS, "GuiTienTrinh", {"plan": _one_call}),
    Flaw("plans by the clock", PLAN_PURE, "the clock", {"plan": _calls_of_the_day}),
    Flaw("writes other bytes", BYTES, "tep/1", writer(lambda written: replace(written, body=written.body + b" "))),
    Flaw("has another variant", BYTES, "'other' !=", writer(lambda written: replace(written, variant="other"))),
    Flaw("has another head", BYTES, "{} != .*message_id", writer(lambda written: replace(written, head={}))),
    Flaw("writes the time", WRITE_PURE, "the clock", writer(lambda written: replace(written, head={"at": str(time.time())}))),
    Flaw("draws a number", WRITE_PURE, "chance", writer(lambda written: replace(written, head={"id": str(uuid.uuid4())}))),
    Flaw("writes JSON by hand", ODD, "no whole document", {"write_message": _raw_json}),
    Flaw("crashes on a control character", ODD, "ValueError instead of InvalidMessage", {"write_message": _crash_on_control}),
    Flaw("crashes on another kind of message", LEAST_MESSAGE, "AttributeError", {"plan": _crash_on_foreign}),
    # replies
    Flaw("takes every reply as success", REPLY, "was read as", receipts(_taken)),
    Flaw("takes every reply as success, plainly", EXPECTED, "taken", receipts(_taken)),
    Flaw("takes an unknown code as refusal", REPLY, "refused, not in_doubt", receipts(_unknown_is_refused)),
    Flaw("sends again after half a reply", REPLY, "not_sent, not in_doubt", receipts(_unknown_is_not_sent)),
    Flaw("finds the code in half a reply", REPLY, "cut-.* was read as taken", receipts(_lenient_code)),
    Flaw("loses the partner's code", EXPECTED, "code|''", receipts(_without_code)),
    Flaw("forgets what the partner holds", EXPECTED, "dossier", receipts(_without_held)),
    Flaw("reads a reply by the clock", REPLY_PURE, "the clock", receipts(_slow_receipt)),
    Flaw("proves absence by silence", REPLY, "absent", {"read_finding": _absent_unless_found}),
    # the adapter as a value
    Flaw("has another name than its folder", NAMED, "nobody", {"name": "nobody"}),
    Flaw("has no title", NAMED, "title", {"title": " "}),
    Flaw("is not installed", INSTALLED, "0 installed", {"name": "nobody"}),
    Flaw("has no simulator", SIMULATED, "0 installed", {"name": "nobody"}),
    Flaw("takes misspelt options", OPTIONS, "unknown keys", {"options": Open}),
    Flaw("has options that change", OPTIONS, "not frozen", {"options": Thawed}),
    Flaw("has an option without description", OPTIONS, "no description of quiet", {"options": Silent}),
    Flaw("has an open table of options", OPTIONS, "Inner is not frozen", {"options": Nested}),
    Flaw("has an option that the README does not name", README, "not_in_the_readme", {"options": Undocumented}),
    Flaw("cannot ask", TRANSPORT, "cannot ask", {"open_transport": lambda endpoint, wire: Mute()}),
]


@pytest.mark.parametrize("flaw", FLAWS, ids=lambda flaw: flaw.title.replace(" ", "-"))
def test_a_flaw_fails_its_check(flaw: Flaw, run_check: Callable[..., None]) -> None:
    """The check is there for a reason, and its failure says which."""
    bad = replace(ADAPTER, **flaw.functions)
    with pytest.raises((AssertionError, AttributeError), match=flaw.says):
        run_check(flaw.check, bad)


def test_every_check_has_a_flaw_that_fails_it() -> None:
    """A check that nothing fails checks nothing; those of the samples' files are in test_samples.py."""
    of_files = {"test_there_are_samples_of_every_direction", "test_every_sample_file_is_used"}

    assert {flaw.check for flaw in FLAWS} | of_files == set(CHECKS)
