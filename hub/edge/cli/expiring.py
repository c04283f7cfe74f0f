"""Verb ``certificates``: every certificate in use, ours and partners', and what stops when it ends."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Annotated

import typer
from cryptography.x509 import Certificate

from hub import inventory, keyring, trusted
from hub.edge.cli import frame
from hub.edge.cli.frame import Json, described, table
from hub.edge.cli.texts import choose, text
from hub.ledger.ledger import Ledger
from hub.registers.signers_seen import signers_seen
from hub.rules.certificates import fingerprint
from hub.rules.expiry import WARNINGS, InUse, Use

#: A partner signs with a certificate of its own, which a trusted authority issued or which is pinned.
SEEN = Use(
    kind="seen",
    side="partners",
    direction="in",
    vi="đối tác phải ký bằng chứng thư số mới, nếu không thông điệp bị từ chối",
    en="the partner must sign with a new one, or its messages are refused",
)
#: Of a key that another one follows.
GOES_ON = ("không có gì dừng: khóa kế tiếp ký thay", "nothing: the next key goes on")


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One certificate, as it is shown."""

    place: str
    kind: str
    side: str
    subject: str
    issuer: str
    serial: str
    fingerprint: str
    ends: datetime
    #: Whole days; negative: so long ago.
    days_left: int
    #: 60, 30, 7: less than so many days; 0: it has ended; None: there is time, or another one goes on.
    warning: int | None
    endpoints: tuple[str, ...]
    direction: str
    stops_vi: str
    stops_en: str


def add_to(app: typer.Typer) -> None:
    """Add the verb of this room."""
    app.command(
        "certificates",
        help=described(
            "Liệt kê mọi chứng thư số đang dùng, của trục và của đối tác: hạn, số ngày còn lại, việc gì dừng khi hết hạn.",
            "List every certificate in use, ours and partners': until when, days left, what stops when it ends.",
            "certificates",
            "certificates --seen-days 30 --json",
        ),
    )(certificates)


def certificates(
    ctx: typer.Context,
    seen_days: Annotated[
        int,
        typer.Option(min=0, max=3650, help="Kể cả chứng thư số đã ký thông điệp trong số ngày này (signers seen of late)."),
    ] = 7,
    as_json: Json = False,
) -> None:
    """List certificates."""
    settings, now = frame.settings(ctx), datetime.now(UTC)
    found = list(inventory.look(settings, keyring.rings(settings), trusted.open_book(settings).store))
    if seen_days:
        with frame.opened_ledger(ctx) as ledger:
            found += _seen(ledger, (now - timedelta(days=seen_days)).timestamp(), found)
    rows = [_row(each, now) for each in inventory.sooner(found)]
    frame.show({"certificates": rows}, as_json=as_json, people=lambda: _print(rows))


def _seen(ledger: Ledger, since: float, known: Iterable[InUse]) -> Iterator[InUse]:
    """Give the signers that no list of the configuration names."""
    named = {each.certificate for each in known}
    at: dict[Certificate, list[str]] = {}
    with ledger.read() as conn:
        for each in signers_seen(conn, since):
            if each.certificate not in named:
                at.setdefault(each.certificate, []).append(each.endpoint)
    for certificate, endpoints in at.items():
        yield InUse(
            place=f"seen {fingerprint(certificate)[:16]}",
            use=SEEN,
            certificate=certificate,
            ends=certificate.not_valid_after_utc,
            endpoints=tuple(sorted(endpoints)),
        )


def _row(found: InUse, now: datetime) -> Row:
    stops = GOES_ON if found.followed else (found.use.vi, found.use.en)
    return Row(
        place=found.place,
        kind=found.use.kind,
        side=found.use.side,
        subject=found.subject,
        issuer=found.issuer,
        serial=f"{found.certificate.serial_number:x}",
        fingerprint=found.fingerprint,
        ends=found.ends,
        days_left=int(found.days_left(now) // 1),
        warning=found.warning(now),
        endpoints=found.endpoints,
        direction=found.use.direction,
        stops_vi=stops[0],
        stops_en=stops[1],
    )


def _print(rows: list[Row]) -> None:
    columns: Mapping[str, Callable[[Row], object]] = {
        "level": lambda each: _level(each.warning),
        "days_left": lambda each: each.days_left,
        "ends": lambda each: frame.moment(each.ends.timestamp()),
        "where": lambda each: each.place,
        "kind": lambda each: text(f"c_{each.kind}"),
        "subject": lambda each: each.subject,
        "endpoint": lambda each: ", ".join(each.endpoints),
        "stops": lambda each: choose(each.stops_vi, each.stops_en),
    }
    table(text("t_certificates"), columns, rows)
    frame.line(text("certificates_warned", count=sum(each.warning is not None for each in rows), limit=WARNINGS[0]))


def _level(warning: int | None) -> str:
    if warning is None:
        return text("ok")
    return text("fault_level") if warning == 0 else text("warning")
