"""What the hub itself sees of a partner's onboarding: its file, certificates, test messages, test dossiers that came and went."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime

from sqlalchemy import Connection, select, union_all

from hub.endpoint import Endpoint
from hub.ledger.tables import deliveries, messages
from hub.ledger.trials import is_test
from hub.ledger.values import URGENT, USUAL
from hub.registers import partners
from hub.rules.expiry import InUse
from hub.rules.lifecycle import State
from hub.rules.onboarding import Fact

#: So many of the newest messages, and of the newest deliveries of each kind, are looked at.
NEWEST = 200
_TRUSTED = ("trusted_signer", "trusted_authority")
_HAD = (State.DELIVERED, State.ACKNOWLEDGED)
_NOT_NEEDED = Fact(needed=False)


def facts(conn: Connection, endpoint: Endpoint, certificates: Iterable[InUse], now: datetime) -> dict[str, Fact]:
    """Look at every step that can be seen."""
    patterns = endpoint.outbound.test_dossiers if endpoint.outbound else ()
    gone = _last_delivered(conn, endpoint.name, patterns) if endpoint.outbound else ""
    return {
        "door": _door(endpoint),
        "signer": _signer(endpoint, certificates, now),
        "our_key": _our_key(endpoint, gone),
        "reached": _reached(conn, endpoint),
        "codes": _codes(conn, endpoint),
        "hours": _hours(endpoint),
        "received": _received(conn, endpoint, patterns),
        "delivered": _delivered(endpoint, gone),
    }


def consumes(endpoint: Endpoint) -> bool:
    """Say whether a partner's messages come by a queue, or as files."""
    by_queue = endpoint.member is not None or bool(endpoint.amqp and endpoint.amqp.consume_queue)
    return by_queue or bool(endpoint.folder and endpoint.folder.take) or endpoint.gateway is not None


def _door(endpoint: Endpoint) -> Fact:
    inbound = endpoint.inbound
    if consumes(endpoint):
        vi, en = _way(endpoint)
        return Fact(done=True, vi=vi, en=en)
    if inbound is None:
        return _NOT_NEEDED
    if inbound.token_sha256 or inbound.client_certificate_sha256 or inbound.addresses:
        return Fact(done=True, vi="đã khai báo trong [inbound]", en="stands in [inbound]")
    vi = "[inbound] chưa có token_sha256, client_certificate_sha256 hoặc addresses"
    return Fact(done=False, vi=vi, en="[inbound] has no token_sha256, client_certificate_sha256 or addresses")


def _way(endpoint: Endpoint) -> tuple[str, str]:
    if endpoint.gateway is not None:
        return "qua cổng truyền nhận", "by a gateway"
    return ("qua thư mục", "by files") if endpoint.folder is not None else ("qua hàng đợi", "by a queue")


def _signer(endpoint: Endpoint, certificates: Iterable[InUse], now: datetime) -> Fact:
    if endpoint.inbound is None or endpoint.inbound.signature == "none":
        return _NOT_NEEDED
    trusted = [each for each in certificates if each.use.kind in _TRUSTED and endpoint.name in each.endpoints]
    if not trusted:
        return Fact(done=False, vi="chưa có chứng thư số nào được tin cậy", en="no certificate is trusted")
    left = max(each.days_left(now) for each in trusted)
    return Fact(done=left > 0, vi=f"còn {int(left)} ngày", en=f"{int(left)} days left")


def _our_key(endpoint: Endpoint, gone: str) -> Fact:
    if endpoint.outbound is None or endpoint.outbound.sign == "none":
        return _NOT_NEEDED
    if gone:
        return Fact(done=True, vi=f"đã nhận văn bản có ký ({gone})", en=f"it took a signed document ({gone})")
    return Fact()


def _reached(conn: Connection, endpoint: Endpoint) -> Fact:
    if endpoint.outbound is None:
        return _NOT_NEEDED
    done = [each for each in partners.tests(conn, endpoint.name) if each.ok is not None]
    if not done:
        return Fact(vi="chưa gửi thử lần nào", en="no test message yet")
    failed = next((step for step in done[0].steps if not step.ok), None)
    if failed is None:
        return Fact(done=True, vi="lần gửi thử gần nhất đạt", en="the last test message went well")
    return Fact(done=False, vi=failed.vi, en=failed.en)


def _codes(conn: Connection, endpoint: Endpoint) -> Fact:
    if endpoint.outbound is None:
        return _NOT_NEEDED
    here = (deliveries.c.endpoint == endpoint.name) & (deliveries.c.state == State.PARKED.value)
    query = select(deliveries.c.error_where).where(here & (deliveries.c.error_code == "no_mapping")).limit(1)
    row = conn.execute(query).first()
    if row is not None:
        return Fact(done=False, vi=f"có lượt đang dừng vì thiếu mã ({row.error_where})", en=f"missing code ({row.error_where})")
    return Fact(done=True, vi="không có lượt nào dừng vì thiếu mã", en="nothing stands still for a missing code")


def _hours(endpoint: Endpoint) -> Fact:
    if endpoint.outbound is None:
        return _NOT_NEEDED
    if endpoint.outbound.open_hours or endpoint.outbound.closed_days:
        return Fact(done=True, vi="đã khai báo trong [outbound]", en="stands in [outbound]")
    return Fact(vi="chưa khai báo: gửi mọi giờ", en="not set: any hour")


def _received(conn: Connection, endpoint: Endpoint, patterns: Sequence[str]) -> Fact:
    if endpoint.inbound is None and not consumes(endpoint):
        return _NOT_NEEDED
    query = (
        select(messages.c.subject)
        .where((messages.c.endpoint == endpoint.name) & messages.c.accepted & (messages.c.kind == "dossier"))
        .order_by(messages.c.received_at.desc())
        .limit(NEWEST)
    )
    return _seen(_first(conn.execute(query).scalars(), patterns))


def _delivered(endpoint: Endpoint, gone: str) -> Fact:
    return _seen(gone) if endpoint.outbound else _NOT_NEEDED


def _last_delivered(conn: Connection, endpoint: str, patterns: Sequence[str]) -> str:
    """Find a test dossier among what was delivered last, by the index of dispatch."""
    parts = [
        select(
            select(deliveries.c.subject)
            .where((deliveries.c.endpoint == endpoint) & (deliveries.c.state == state.value))
            .where((deliveries.c.priority == priority) & (deliveries.c.kind == "dossier"))
            .order_by(deliveries.c.due_at.desc())
            .limit(NEWEST)
            .subquery()
        )
        for state in _HAD
        for priority in (URGENT, USUAL)
    ]
    return _first(conn.execute(union_all(*parts)).scalars(), patterns)


def _first(subjects: Iterable[str], patterns: Sequence[str]) -> str:
    """Give the first test dossier; where no numbers are test numbers, any."""
    return next((subject for subject in subjects if not patterns or is_test(subject, patterns)), "")


def _seen(subject: str) -> Fact:
    return Fact(done=True, vi=subject, en=subject) if subject else Fact(vi="chưa thấy", en="none seen yet")
