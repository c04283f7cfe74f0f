"""Acts on alerts: show, mute, test."""

from __future__ import annotations

from collections.abc import Iterable

from pydantic import Field

from hub.app import Hub
from hub.edge.acts.act import Act, Asked, WithWhy
from hub.edge.telling import telling
from hub.errors import Forbidden
from hub.operations import alerts as operations
from hub.operations.alerts import MOST_HOURS, Tested
from hub.registers import alerts as register
from hub.registers.alerts import Alert, Alerts
from hub.rules.people import Person


class Showing(Asked):
    """Which alerts are shown."""

    alert: str = Field("", max_length=100, description="Mã cảnh báo; bỏ trống = tất cả (identifier; empty = all)")
    over: bool = Field(False, description="Các cảnh báo đã hết, mới nhất trước (those that are over, the last one first)")
    limit: int = Field(100, ge=1, le=500, description="Số lượng tối đa (so many at most)")


class Muting(WithWhy):
    """Which alert is muted, and for how long."""

    alert: str = Field(min_length=1, max_length=100, description="Mã cảnh báo (identifier of the alert)")
    hours: float = Field(
        8.0, ge=0, le=MOST_HOURS, allow_inf_nan=False, description="Số giờ tạm tắt, 0 = báo lại ngay (hours; 0 = no longer)"
    )


class Testing(WithWhy):
    """Who is sent a test message."""

    recipient: str = Field("", max_length=50, description="Nơi nhận; bỏ trống = tất cả (name of a recipient; empty = all)")


def show(hub: Hub, scope: frozenset[str] | None, asked: Showing) -> Alerts:
    """Show alerts within a scope, with how telling goes for who sees everything."""
    now = hub.now()
    with hub.ledger.read() as conn:
        if asked.alert:
            found = register.find(conn, asked.alert, now)
            _check_seen(found, scope)
            listed: tuple[Alert, ...] = (found,)
        else:
            listed = register.listing(conn, scope, now, over=asked.over, limit=asked.limit)
        looked_at, silent = register.watched(conn, now)
        told = register.recipients(conn, hub.alerts.recipients) if scope is None else ()
    return Alerts(alerts=listed, recipients=told, looked_at=looked_at, silent=silent)


def _check_seen(alert: Alert, scope: frozenset[str] | None) -> None:
    if not register.is_seen(alert.endpoints, scope):
        raise Forbidden(
            "this alert is outside of what you work on", "cảnh báo này ngoài phạm vi công tác của bạn", where="alert show"
        )


def _its_endpoints(hub: Hub, asked: Muting) -> Iterable[str]:
    with hub.ledger.read() as conn:
        return register.find(conn, asked.alert, hub.now()).endpoints


def _mute(hub: Hub, person: Person, asked: Muting) -> Alert:
    with hub.ledger.read() as conn:
        found = register.find(conn, asked.alert, hub.now())
    # An alert about the hub itself names no endpoint, so that nothing above has looked at the scope.
    _check_seen(found, person.scope)
    return operations.mute(hub, found.id, hours=asked.hours, actor=person.login, why=asked.why)


def _test(hub: Hub, person: Person, asked: Testing) -> tuple[Tested, ...]:
    if person.scope is not None:
        raise Forbidden(
            "recipients of alerts belong to the whole hub", "nơi nhận cảnh báo thuộc toàn trục", where="alert test"
        )
    with telling(hub) as tell:
        return operations.send_test(hub, tell, asked.recipient, actor=person.login, why=asked.why)


ACTS = (
    Act(verb="alert show", asked=Showing, do=lambda hub, person, asked: show(hub, person.scope, asked)),
    Act(verb="alert mute", asked=Muting, touches=_its_endpoints, do=_mute),
    Act(verb="alert test", asked=Testing, do=_test),
)
