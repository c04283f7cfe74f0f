"""Checks of how a partner's reply is read: success only where the partner plainly says so."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from hub.canonical.base import Frozen
from hub.conformance import hostile
from hub.conformance.kit import Kit
from hub.conformance.purity import purely
from hub.conformance.samples import Sample
from hub.contract import Outgoing, Reply
from hub.errors import Busy, HubError, InDoubt, NotSent, Refused

#: What a proxy says in the partner's place.
HTML = b"<!DOCTYPE html>\n<html><head><title>502 Bad Gateway</title></head><body>nginx</body></html>"
#: Replies that tell nothing, whatever the protocol.
_NOTHING = (
    ("an empty body", b""),
    ("HTML", HTML),
    ("a NUL", b"\x00"),
    ("null", b"null"),
    ("a number", b"1"),
    ("an empty object", b"{}"),
    ("an empty list", b"[]"),
    ("another document", b"<a/>"),
    ("endless nesting", b"[" * 100_000),
    ("bytes of no encoding", b"\xff\xfe\xff"),
)


class ReceiptChecks(Kit):
    """Checks of ``read_receipt`` and ``read_finding``."""

    def test_a_reply_is_read_as_expected(self, reply: Sample) -> None:
        """The reply means what the sample says, with the partner's own code, and with what it is now known to hold."""
        result, code, held = self._reply_result(reply, reply.body)
        expected = reply.expected

        assert result == expected["result"]
        assert code == expected.get("code", code)
        assert held == expected.get("held", held)

    def test_reading_a_reply_is_pure(self, reply: Sample) -> None:
        """The same reply means the same, without clock, chance, file or network."""
        read: Callable[[Reply, Outgoing], Frozen] = self.adapter.read_receipt
        if reply.expected.get("finding"):
            read = self.adapter.read_finding
        answer, outgoing = self._reply(reply, reply.body), self._outgoing(reply)
        first = _outcome(lambda: read(answer, outgoing))

        assert _outcome(lambda: purely(read, answer, outgoing)) == first

    def test_a_reply_that_tells_nothing_is_in_doubt(self, reply: Sample) -> None:
        """An unknown code, a proxy's page or half a reply is never success, and never proves absence."""
        for title, body in self._doubtful(reply):
            result, _, _ = self._reply_result(reply, body)
            if reply.expected.get("finding"):
                assert result not in ("found", "absent"), f"{title} was read as {result}"
            elif reply.expected["status"] == 200:
                assert result == "in_doubt", f"{title} with HTTP 200 was read as {result}, not in_doubt"
            else:
                assert result not in ("taken", "already"), f"{title} was read as success"

    # --- steps -----------------------------------------------------------------------------------------------------

    def _doubtful(self, reply: Sample) -> Iterator[tuple[str, bytes]]:
        yield from _NOTHING
        xml = hostile.is_xml(reply.body)
        yield from hostile.cuts(reply.body) if xml or hostile.is_json(reply.body) else ()
        unknown = hostile.with_unknown_code(reply.body, str(reply.expected.get("code", "")))
        if unknown is not None:
            yield "an unknown code", unknown

    def _outgoing(self, sample: Sample) -> Outgoing:
        expected = sample.expected
        return Outgoing(
            service=expected["service"], body=b"", variant=expected.get("variant", ""), head=expected.get("head", {})
        )

    def _reply(self, sample: Sample, body: bytes) -> Reply:
        return Reply(status=sample.expected["status"], body=body)

    def _reply_result(self, sample: Sample, body: bytes) -> tuple[str, str, dict[str, str]]:
        """Read a reply; give the result in the samples' words, the partner's code, and what it is known to hold."""
        reply, outgoing = self._reply(sample, body), self._outgoing(sample)
        try:
            if sample.expected.get("finding"):
                finding = self.adapter.read_finding(reply, outgoing)
                return finding.outcome, "", finding.held
            receipt = self.adapter.read_receipt(reply, outgoing)
            return ("already" if receipt.already else "taken"), receipt.code, receipt.held
        except (Refused, NotSent, InDoubt) as error:
            assert error.vi and error.en and error.vi != error.en, f"{type(error).__name__} lacks a text, vi or en"
            return _failure(error), error.partner_code, {}


def _failure(error: HubError) -> str:
    for kind, result in ((Busy, "busy"), (NotSent, "not_sent"), (Refused, "refused")):
        if isinstance(error, kind):
            return result
    return "in_doubt"


def _outcome(read: Callable[[], Frozen]) -> object:
    """Give what was read, or what was raised, as a value that can be compared."""
    try:
        return read()
    except HubError as error:
        return type(error), error.en, error.vi, error.where, error.partner_code
