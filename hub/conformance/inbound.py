"""Checks of what comes in: reading good, hostile and bad messages, and the answers."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime

from hub.canonical.message import Message, from_json, to_json
from hub.conformance import hostile
from hub.conformance.faults import assert_faults
from hub.conformance.hostile import Hostile
from hub.conformance.kit import Kit, assert_answer, cases_fixture
from hub.conformance.purity import purely
from hub.conformance.samples import MESSAGE_ID, NOW, Sample, as_tree, canonical
from hub.contract import JWS_HEADER, Answer, Incoming, Opened, Outcome, Request
from hub.errors import Conflict, Fault, HubError, InvalidMessage, NoRoute, NotPermitted, OutOfStep, Untrusted

#: What only the operator may learn about a message that is not trusted.
_DETAIL = "chain-of-certificate-00ff"
#: Stands for a detached signature.
_SIGNATURE = "head..signature"
_FAULTS = (
    Fault("/a/b[2]", "missing", 'thiếu <b> & "c"', 'lacks <b> & "c"'),
    Fault("line 3", "bad_value", "giá trị sai\t", "wrong value\t"),
)
#: Every outcome that an answer must be able to tell; the last one is an error that no adapter knows.
ERRORS: tuple[HubError | None, ...] = (
    None,
    InvalidMessage(_FAULTS),
    Conflict(_FAULTS[:1]),
    NotPermitted(_FAULTS[:1]),
    Untrusted(_DETAIL, _DETAIL),
    OutOfStep("older than what we have", "cũ hơn trạng thái đang có"),
    NoRoute("no rule", "chưa có quy tắc"),
    HubError("unexpected", "ngoài dự kiến"),
)


def _error_name(error: HubError | None) -> str:
    return type(error).__name__ if error else "Accepted"


class InboundChecks(Kit):
    """Checks of ``open_request``, ``read_message`` and ``answer``."""

    error = cases_fixture(ERRORS, _error_name)

    def test_a_sample_is_read_as_expected(self, inbound: Sample) -> None:
        """The message means exactly what stands in the sample's expectation."""
        read = self._read(inbound.request())
        expected = inbound.expected

        assert [as_tree(message) for message in read.messages] == [as_tree(canonical(tree)) for tree in expected["messages"]]
        assert read.identity == expected["identity"]
        assert read.correlation == expected.get("correlation", "")
        assert read.correlation_refused == expected.get("correlation_refused", False)

    def test_a_message_is_no_greeting(self, inbound: Sample) -> None:
        """A call that is answered as a greeting is not recorded."""
        assert purely(self.adapter.greeting, inbound.request(), self.options) is None

    def test_a_signature_is_found_where_the_adapter_says(self, inbound: Sample) -> None:
        """What stands beside the document in the header goes on where the adapter's ``signature`` is ``jws``, and only there."""
        request = inbound.request()
        signed = replace(request, headers={**request.headers, JWS_HEADER.lower(): _SIGNATURE})
        expected = (_SIGNATURE, "") if self.adapter.signature == "jws" else (None, None)

        found = (self._open(signed).jws, self._open(request).jws)
        assert found == expected, f"signature = {self.adapter.signature!r}, but open_request gives jws = {found}"
        assert self._open(signed).document == self._open(request).document, "a header makes another document"

    def test_reading_is_pure(self, inbound: Sample) -> None:
        """The same bytes give equal values, without clock, chance, file or network."""
        first = self._read(inbound.request())

        assert purely(self._read, inbound.request()) == first

    def test_what_is_read_survives_its_json_form(self, inbound: Sample) -> None:
        """A canonical message goes over the bus and through the ledger as JSON."""
        self._assert_lasting(self._read(inbound.request()))

    def test_a_hostile_body_is_an_invalid_message(self, hostile_body: tuple[Sample, Hostile]) -> None:
        """Whatever is done to a sample, it is read or it is an InvalidMessage that can be answered."""
        sample, variant = hostile_body
        self._assert_survives(sample.request(variant.body), variant)
        document = self._open(sample.request()).document
        if document != sample.body:  # the same, done to what stands inside the wrapping
            inner = {each.name: each for each in hostile.bodies(document)}
            self._assert_document_survives(sample, inner.get(variant.name, variant))

    def test_a_wrong_value_in_any_place_is_an_invalid_message(self, inbound: Sample) -> None:
        """Nulls, lists, huge numbers and endless texts in the place of any value are read or refused."""
        document = self._open(inbound.request()).document
        for variant in hostile.places(document):
            if document == inbound.body:
                self._assert_survives(inbound.request(variant.body), variant)
            else:
                self._assert_document_survives(inbound, variant)

    def test_a_bad_sample_has_exactly_its_faults(self, bad: Sample) -> None:
        """All faults are told at once, each with its path and code, in both languages, without naming anyone."""
        request = bad.request()
        try:
            self._read(request)
        except InvalidMessage as error:
            found = error
        else:
            raise AssertionError(f"{bad.path.name} was read, though it is bad")

        assert sorted(fault.path for fault in found.faults) == sorted(bad.expected["faults"])
        assert sorted(fault.code for fault in found.faults) == sorted(bad.expected["codes"])
        assert_faults(found, bad.body)
        self._assert_answered(request, None, found)

    def test_every_outcome_is_answered(self, inbound: Sample, error: HubError | None) -> None:
        """Acceptance and every error can be told, in the same bytes each time, also where nothing could be opened."""
        request = inbound.request()
        opened = self._open(request)
        bodies = [self._assert_answered(request, known, error) for known in (opened, None)]
        if isinstance(error, Untrusted):
            assert not any(_DETAIL.encode() in body for body in bodies), "the answer helps a forger: it tells which check failed"

    def test_a_refusal_is_not_answered_like_acceptance(self, inbound: Sample) -> None:
        """A sender can tell from the answer whether it must send again."""
        request = inbound.request()
        opened = self._open(request)
        accepted = self._answer(request, opened, None)
        for error in (InvalidMessage(_FAULTS), Conflict(_FAULTS), NotPermitted(_FAULTS), Untrusted("no", "không")):
            refused = self._answer(request, opened, error)
            name = _error_name(error)
            assert (refused.status, refused.body) != (accepted.status, accepted.body), f"{name} looks like acceptance"

    # --- steps -----------------------------------------------------------------------------------------------------

    def _open(self, request: Request) -> Opened:
        return self.adapter.open_request(request, self.options)

    def _read(self, request: Request) -> Incoming:
        opened = self._open(request)
        return self.adapter.read_message(opened.document, opened, self.options)

    def _answer(self, request: Request, opened: Opened | None, error: HubError | None) -> Answer:
        outcome = Outcome(message_id=MESSAGE_ID, received_at=NOW, error=error)
        return self.adapter.answer(outcome, opened, request, self.options)

    def _assert_answered(self, request: Request, opened: Opened | None, error: HubError | None) -> bytes:
        first = self._answer(request, opened, error)
        assert_answer(first)
        assert purely(self._answer, request, opened, error) == first, "the same outcome gives another answer"
        return first.body

    def _assert_survives(self, request: Request, variant: Hostile) -> None:
        opened: Opened | None = None
        found: InvalidMessage | None = None
        with _only_invalid_message(variant):
            try:
                opened = self._open(request)
                self._assert_readable(variant, self.adapter.read_message(opened.document, opened, self.options))
            except InvalidMessage as error:
                found = error
                assert_faults(error, request.body)
        with _only_invalid_message(variant):
            assert_answer(self._answer(request, opened, found))

    def _assert_document_survives(self, sample: Sample, variant: Hostile) -> None:
        request = sample.request()
        opened = self._open(request)
        found: InvalidMessage | None = None
        with _only_invalid_message(variant):
            try:
                self._assert_readable(variant, self.adapter.read_message(variant.body, opened, self.options))
            except InvalidMessage as error:
                found = error
                assert_faults(error, variant.body)
            assert_answer(self._answer(request, opened, found))

    def _assert_readable(self, variant: Hostile, read: Incoming) -> None:
        assert variant.may_be_read, f"{variant.name}: this was read, though it is no document"
        self._assert_lasting(read)

    def _assert_lasting(self, read: Incoming) -> None:
        for text in (read.identity, read.correlation):
            assert "\x00" not in text and text.encode("utf-8", "replace").decode() == text, "an identity cannot be recorded"
        for message in read.messages:
            written = to_json(message)
            assert from_json(written) == message, "the message is another one after its JSON form"
            assert to_json(from_json(written)) == written
            assert not _without_zone(message), "a moment without zone means another one elsewhere (hub.canonical.base.local)"
            assert b"\\u0000" not in written, "a NUL went into the canonical message; partners' systems cannot hold it"


def _without_zone(message: Message) -> list[datetime]:
    """List the moments of a message that have no zone."""
    values: list[object] = [message.model_dump()]
    moments: list[datetime] = []
    while values:
        value = values.pop()
        if isinstance(value, dict):
            values.extend(value.values())
        elif isinstance(value, list | tuple):
            values.extend(value)
        elif isinstance(value, datetime) and value.tzinfo is None:
            moments.append(value)
    return moments


@contextmanager
def _only_invalid_message(variant: Hostile) -> Iterator[None]:
    """Turn any other exception into a failure that says what was read."""
    try:
        yield
    except AssertionError:
        raise
    except Exception as error:
        raise AssertionError(f"{variant.name}: {type(error).__name__} instead of InvalidMessage: {str(error)[:500]}") from error
