"""Verb ``check``: says what is wrong with a configuration and how to mend it, and what in it is assumed."""

from __future__ import annotations

import csv
import stat
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from importlib.metadata import entry_points
from pathlib import Path
from typing import Annotated, Any

import typer
from cryptography.x509 import Certificate

from hub import bootstrap
from hub import settings as settings_module
from hub.app import Hub
from hub.canonical.codes import CodeRow
from hub.contract import Adapter, Endpoint
from hub.edge.cli import frame
from hub.edge.cli.frame import FAILED, Json, described, printable, table
from hub.edge.cli.texts import choose, text
from hub.edge.http.identity import Gate
from hub.errors import HubError
from hub.rules import windows
from hub.rules.broker import read_address
from hub.settings import Settings
from hub.trust import keys

OK, ASSUMED, WARNING, ERROR = "ok", "assumed", "warning", "error"
#: Names of this machine itself.
LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})
#: A certificate that ends so soon is said.
SOON = timedelta(days=30)
#: Partners are tried at the same time; one that hangs costs its own deadline only.
PROBES = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One thing that was looked at."""

    #: ok, assumed, warning or error.
    level: str
    #: File, table or endpoint.
    where: str
    vi: str
    en: str


def add_to(app: typer.Typer) -> None:
    """Add the verb of this room."""
    app.command(
        "check",
        help=described(
            "Kiểm tra cấu hình: tệp, danh mục mã, khóa, hạn chứng thư số, cửa nhận, kết nối tới đối tác; liệt kê giả định. "
            "Có lỗi thì kết thúc với mã 1.",
            "Check the configuration: files, code lists, keys, expiry of certificates, doors, reachability; what is assumed. "
            "Ends with 1 where something must be mended.",
            "check --no-reach",
        ),
    )(check)


def check(
    ctx: typer.Context,
    reach: Annotated[bool, typer.Option("--reach/--no-reach", help="Thử kết nối tới đối tác (reach the partners).")] = True,
    as_json: Json = False,
) -> None:
    """Check a configuration."""
    found = list(look(frame.folder(ctx), reach=reach))
    counts = Counter(each.level for each in found)
    numbers = {level: counts[level] for level in (OK, ASSUMED, WARNING, ERROR)}
    tree = {"ok": not counts[ERROR], "counts": numbers, "findings": found}
    frame.show(tree, as_json=as_json, people=lambda: _print(found, counts[ERROR]))
    if counts[ERROR]:
        raise typer.Exit(FAILED)


def _print(found: list[Finding], errors: int) -> None:
    levels = {OK: text("ok"), ASSUMED: text("assumed"), WARNING: text("warning"), ERROR: text("fault_level")}
    columns: Mapping[str, Callable[[Finding], object]] = {
        "level": lambda each: levels[each.level],
        "where": lambda each: each.where,
        "wrong": lambda each: choose(each.vi, each.en),
    }
    table(text("t_check"), columns, found)
    frame.line(text("check_bad", errors=errors) if errors else text("check_ok"))


def look(folder: Path, *, reach: bool) -> Iterator[Finding]:
    """Look at everything in a configuration folder, as far as one thing does not need another that is broken."""
    adapters, broken = _adapters()
    yield from broken
    try:
        settings = settings_module.load(folder.resolve(), adapters)
    except HubError as error:
        yield _error(error.where or str(folder), error)
        return
    yield _fine("hub.toml", f"{len(settings.endpoints)} điểm kết nối", f"{len(settings.endpoints)} endpoints")
    yield from _codes(settings)
    yield from _keys(settings)
    for endpoint in settings.endpoints.values():
        yield from _endpoint(settings, endpoint, adapters[endpoint.adapter])
    yield from _parts(settings, reach)


def _fine(where: str, vi: str, en: str) -> Finding:
    return Finding(level=OK, where=where, vi=vi, en=en)


def _error(where: str, error: HubError, level: str = ERROR) -> Finding:
    return Finding(level=level, where=where, vi=error.vi, en=error.en)


def _adapters() -> tuple[dict[str, Adapter], list[Finding]]:
    """Load each adapter by itself, so that one that is broken does not hide the others."""
    found, broken = {}, []
    for point in entry_points(group="lienthong.adapters"):
        try:
            found[point.name] = point.load()
        except Exception as error:
            vi, en = f"không nạp được ({type(error).__name__})", f"cannot be loaded ({type(error).__name__}: {printable(error)})"
            broken.append(Finding(level=ERROR, where=f"adapter {point.name}", vi=vi, en=en))
    return found, broken


# --- code lists --------------------------------------------------------------------------------------------------


def _codes(settings: Settings) -> Iterator[Finding]:
    tables = set()
    for path in map(Path, settings_module.code_files(settings.folder)):
        tables.add(path.stem)
        where = f"codes/{path.name}"
        try:
            rows = settings_module.code_rows(path)
        except (HubError, UnicodeDecodeError, csv.Error) as error:
            vi = error.vi if isinstance(error, HubError) else f"không đọc được: {error}"
            yield Finding(level=ERROR, where=where, vi=vi, en=str(error))
            continue
        yield _fine(where, f"{len(rows)} dòng", f"{len(rows)} rows")
        yield from _overlaps(where, rows)
        yield from _assumed_rows(where, path)
    for route in settings.routes:
        if route.place and route.place.table not in tables:
            name = f"codes/{route.place.table}.csv"
            yield Finding(
                level=ERROR,
                where=f"routes.toml [{route.name}]",
                vi=f"quy tắc cần danh mục {name}, chưa có tệp này",
                en=f"the rule needs the code list {name}, which is not there",
            )


def _overlaps(where: str, rows: Iterable[CodeRow]) -> Iterator[Finding]:
    """Find codes that mean two things on the same day: the first row would win silently."""
    last: dict[str, CodeRow] = {}
    for row in sorted(rows, key=lambda row: (row.code, row.valid_from or date.min)):
        before = last.get(row.code)
        if before and (before.valid_to or date.max) > (row.valid_from or date.min):
            day = row.valid_from or date.min
            yield Finding(
                level=ERROR,
                where=where,
                vi=f"mã {row.code!r} có hai dòng cùng hiệu lực từ {day}; hãy sửa valid_from, valid_to",
                en=f"code {row.code!r} has two rows valid from {day} on; mend valid_from, valid_to",
            )
        last[row.code] = row


def _assumed_rows(where: str, path: Path) -> Iterator[Finding]:
    with path.open(encoding="utf-8-sig", newline="") as file:
        codes = [row["code"] for row in csv.DictReader(file) if (row.get("note") or "").strip() == ASSUMED]
    if codes:
        listed = ", ".join(dict.fromkeys(codes))
        vi, en = f"chưa đối chiếu nguồn chính thức: {listed}", f"not corroborated by an official source: {listed}"
        yield Finding(level=ASSUMED, where=where, vi=vi, en=en)


# --- keys and certificates ---------------------------------------------------------------------------------------


def _keys(settings: Settings) -> Iterator[Finding]:
    try:
        seal = keys.load_seal_key(settings_module.secret(settings.folder, settings.file.seal.key, "hub.toml [seal] key"))
        yield _fine("hub.toml [seal]", f"khóa niêm phong {seal.key_id}", f"seal key {seal.key_id}")
    except HubError as error:
        yield _error("hub.toml [seal]", error)
    for name, section in settings.file.signers.items():
        where = f"hub.toml [signers.{name}]"
        try:
            parts = (settings_module.secret(settings.folder, each, where) for each in (section.key, section.certificate))
            yield from _expiry(where, keys.load_signer(name, *parts).certificate)
        except HubError as error:
            yield _error(where, error)
    yield from _open_files(settings.folder / "keys")


def _expiry(where: str, certificate: Certificate) -> Iterator[Finding]:
    end, now = certificate.not_valid_after_utc, datetime.now(UTC)
    day = frame.moment(end.timestamp())
    if end <= now:
        yield Finding(level=ERROR, where=where, vi=f"chứng thư số đã hết hạn lúc {day}", en=f"the certificate expired on {day}")
    elif end - now < SOON:
        vi, en = f"chứng thư số sắp hết hạn: {day}", f"the certificate ends soon: {day}"
        yield Finding(level=WARNING, where=where, vi=vi, en=en)
    else:
        yield _fine(where, f"chứng thư số dùng được đến {day}", f"the certificate is good until {day}")
    if keys.DEVELOPMENT_MARK in certificate.subject.rfc4514_string():
        vi, en = "chứng thư số thử nghiệm, không dùng khi vận hành thật", "a development certificate, not for real use"
        yield Finding(level=WARNING, where=where, vi=vi, en=en)


def _open_files(folder: Path) -> Iterator[Finding]:
    for path in sorted(folder.glob("*")):
        if path.suffix != ".crt" and path.stat().st_mode & (stat.S_IRWXG | stat.S_IRWXO):
            vi, en = f"người khác đọc được; hãy chạy: chmod 600 {path}", f"others can read it; run: chmod 600 {path}"
            yield Finding(level=WARNING, where=f"keys/{path.name}", vi=vi, en=en)


# --- endpoints ---------------------------------------------------------------------------------------------------


def _endpoint(settings: Settings, endpoint: Endpoint, adapter: Adapter) -> Iterator[Finding]:
    where = f"endpoints/{endpoint.name}.toml"
    if endpoint.inbound is not None:
        yield from _door(where, endpoint)
        yield from _trusted(settings, where, (*endpoint.inbound.pinned, *endpoint.inbound.anchors))
    signer = endpoint.outbound.signer if endpoint.outbound and endpoint.outbound.sign != "none" else None
    if signer is not None and signer not in settings.file.signers:
        yield Finding(
            level=ERROR,
            where=f"{where} [outbound] signer",
            vi=f"không có khóa ký {signer!r}: thêm [signers.{signer}] vào hub.toml",
            en=f"there is no signer {signer!r}: add [signers.{signer}] to hub.toml",
        )
    yield from _signatures(where, endpoint, adapter)
    yield from _hours(where, endpoint)
    yield from _broker(where, endpoint)
    for line in adapter.check(endpoint.options):
        level = ASSUMED if ASSUMED in line.lower() else ERROR
        yield Finding(level=level, where=where, vi=line, en=line)
    yield from _assumed_options(where, endpoint)


def _door(where: str, endpoint: Endpoint) -> Iterator[Finding]:
    inbound = endpoint.inbound
    assert inbound is not None
    consumes = endpoint.amqp is not None and bool(endpoint.amqp.consume_queue)
    if not (inbound.token_sha256 or inbound.client_certificate_sha256 or inbound.addresses or consumes):
        yield Finding(
            level=ERROR,
            where=f"{where} [inbound]",
            vi="không ai mở được cửa này: thêm token_sha256, client_certificate_sha256 hoặc addresses",
            en="nobody can open this door: add token_sha256, client_certificate_sha256 or addresses",
        )
    if inbound.signature == "required" and not (inbound.pinned or inbound.anchors):
        yield Finding(
            level=ERROR,
            where=f"{where} [inbound]",
            vi="bắt buộc chữ ký nhưng không tin chứng thư số nào: thêm pinned hoặc anchors",
            en="a signature is required but no certificate is trusted: add pinned or anchors",
        )
    if inbound.signature == "optional" and not (inbound.pinned or inbound.anchors):
        yield Finding(
            level=WARNING,
            where=f"{where} [inbound]",
            vi="không tin chứng thư số nào nên mọi thông điệp có chữ ký đều bị từ chối: thêm pinned hoặc anchors",
            en="no certificate is trusted, so that every signed message is refused: add pinned or anchors",
        )


def _signatures(where: str, endpoint: Endpoint, adapter: Adapter) -> Iterator[Finding]:
    """Find settings of signatures that this adapter's documents cannot meet."""
    asked = endpoint.inbound.signature if endpoint.inbound else "none"
    if adapter.signature == "none" and asked != "none":
        what_vi, what_en = (
            ("mọi thông điệp sẽ bị từ chối", "every message would be refused")
            if asked == "required"
            else ("không chữ ký nào được kiểm tra", "no signature would be looked at")
        )
        yield Finding(
            level=ERROR if asked == "required" else WARNING,
            where=f"{where} [inbound] signature",
            vi=f"bộ chuyển đổi {adapter.name} không đọc chữ ký nào, {what_vi}: đặt signature = \"none\"",
            en=f"adapter {adapter.name} reads no signature, so that {what_en}: set signature = \"none\"",
        )
    if adapter.signature != "xml" and endpoint.outbound and endpoint.outbound.sign == "xml":
        yield Finding(
            level=ERROR,
            where=f"{where} [outbound] sign",
            vi=f"văn bản của bộ chuyển đổi {adapter.name} không phải XML nên không ký XML được: đặt sign = \"jws\" hoặc \"none\"",
            en=f"documents of adapter {adapter.name} are not XML and cannot be signed so: set sign = \"jws\" or \"none\"",
        )


def _hours(where: str, endpoint: Endpoint) -> Iterator[Finding]:
    """Say of an endpoint with delivery windows whether it is open, or when it opens."""
    outbound, now = endpoint.outbound, datetime.now(UTC)
    if outbound is None or not (outbound.open_hours or outbound.closed_days):
        return
    place = f"{where} [outbound] open_hours"
    if outbound.is_open(now):
        yield _fine(place, "đang trong giờ gửi", "open now")
    else:
        opens = frame.moment(windows.next_opening(outbound.open_hours, outbound.closed_days, now).timestamp())
        yield _fine(place, f"ngoài giờ gửi; gửi tiếp từ {opens}", f"closed now; opens at {opens}")


def _broker(where: str, endpoint: Endpoint) -> Iterator[Finding]:
    """Say of a partner's own broker what leaves it open to others."""
    if endpoint.amqp is None:
        return
    address = read_address(endpoint.amqp, f"{where} [amqp]")
    if not address.tls and address.host not in LOOPBACK:
        yield Finding(
            level=WARNING,
            where=f"{where} [amqp] url",
            vi="kết nối không mã hóa, mật khẩu và hồ sơ đi dưới dạng đọc được: hãy dùng amqps://",
            en="the connection is not encrypted, password and dossiers can be read on the way: use amqps://",
        )


def _trusted(settings: Settings, where: str, names: Iterable[str]) -> Iterator[Finding]:
    for name in names:
        place = f"trust/{name}"
        try:
            pem = settings_module.secret(settings.folder, f"file:{place}", where)
            for certificate in keys.load_certificates(pem, where=place):
                yield from _expiry(place, certificate)
        except HubError as error:
            yield _error(place, error)


def _assumed_options(where: str, endpoint: Endpoint) -> Iterator[Finding]:
    """List options whose description says that they are assumed, with the value that is in use."""
    model: Any = endpoint.options
    for name, field in type(model).model_fields.items():
        if ASSUMED in (field.description or "").lower() and getattr(model, name) not in ("", None, ()):
            value = f"{name} = {getattr(model, name)!r}"
            yield Finding(level=ASSUMED, where=f"{where} [options]", vi=value, en=value)


# --- the parts together ------------------------------------------------------------------------------------------


def _parts(settings: Settings, reach: bool) -> Iterator[Finding]:
    try:
        Gate(settings.endpoints, settings.file.doors)
        hub = bootstrap.open_hub(settings)
    except HubError as error:
        yield _error(error.where or "hub.toml", error)
        return
    try:
        yield _fine("hub.toml [ledger]", "sổ cái mở được", "the ledger opens")
        if reach:
            if not hub.bus.embedded:
                yield _probe_bus(hub)
            with ThreadPoolExecutor(PROBES) as pool:
                yield from pool.map(lambda endpoint: _probe(hub, endpoint), _called(settings))
                yield from pool.map(_probe_queue, _consumed(settings))
    finally:
        hub.ledger.close()


def _probe_bus(hub: Hub) -> Finding:
    try:
        said = hub.bus.probe()
    except HubError as error:
        return _error(error.where or "hub.toml [bus]", error)
    return _fine("hub.toml [bus]", f"kết nối được, đủ quyền: {said}", f"reached, with all rights: {said}")


def _called(settings: Settings) -> list[Endpoint]:
    return [endpoint for endpoint in settings.endpoints.values() if endpoint.outbound is not None]


def _probe(hub: Hub, endpoint: Endpoint) -> Finding:
    where = f"endpoint {endpoint.name}"
    try:
        said = hub.transports(endpoint).probe()
    except HubError as error:
        return _error(where, error)
    return _fine(where, f"kết nối được: {said}", f"reached: {said}")


def _consumed(settings: Settings) -> list[Endpoint]:
    return [endpoint for endpoint in settings.endpoints.values() if endpoint.amqp and endpoint.amqp.consume_queue]


def _probe_queue(endpoint: Endpoint) -> Finding:
    # pika takes a moment to load, which a hub without such partners should not pay.
    from hub.amqp.reaching import look_at_queue  # noqa: PLC0415

    where = f"endpoint {endpoint.name} [amqp] consume_queue"
    try:
        said = look_at_queue(endpoint)
    except HubError as error:
        return _error(where, error)
    return _fine(where, f"kết nối được: {said}", f"reached: {said}")
