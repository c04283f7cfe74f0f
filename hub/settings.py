"""Settings: config/*.toml -> frozen values; an error names file, table and key.

Secrets stand by reference: ``env:NAME``, ``file:path`` (relative to the configuration folder), or ``credential:NAME`` (a
file in the folder that systemd made for this service alone).
"""

from __future__ import annotations

import os
import tomllib
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache, partial
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, SecretStr, ValidationError

from hub import file_settings, gateway_settings
from hub.canonical.codes import CodeRow
from hub.code_files import code_rows
from hub.contract import Adapter
from hub.endpoint import AmqpPolicy, Endpoint, OutboundPolicy, TlsPolicy
from hub.endpoint_names import name_of
from hub.errors import BadSettings, Fault
from hub.rules.border.purposes import lacking, names_of
from hub.rules.broker import read_address
from hub.rules.routing import ORIGIN, Route
from hub.rules.wrong_values import wrong_fields
from hub.sections import BusSection, EndpointFile, HubFile, RoutesFile
from hub.trust.store import TrustFile

M = TypeVar("M", bound=BaseModel)
T = TypeVar("T")

#: The example configuration: ``config/`` beside ``hub/``, in a clone as in an installed package. ``lienthong init`` copies it.
EXAMPLE = Path(__file__).parents[1] / "config"
#: Code lists that every hub starts with, in the package; those of a configuration folder stand over them.
SHIPPED_LISTS = Path(__file__).parents[1] / "schemas" / "administration"
#: The trust store, in the configuration folder; without it there is none.
TRUST_FILE = "trust/trust.toml"


@dataclass(frozen=True, kw_only=True)
class Settings:
    """Everything read from one configuration folder."""

    folder: Path
    file: HubFile
    endpoints: Mapping[str, Endpoint]
    routes: tuple[Route, ...]
    trust: TrustFile = field(default_factory=TrustFile)


def load(folder: Path, adapters: Mapping[str, Adapter]) -> Settings:
    """Read and check a configuration folder; raise BadSettings naming file, table and key."""
    if not (folder / "hub.toml").is_file():
        raise BadSettings(
            f"{folder / 'hub.toml'} does not exist: run `lienthong init {folder}`",
            f"không có tệp {folder / 'hub.toml'}: hãy chạy `lienthong init {folder}`",
            where=str(folder / "hub.toml"),
        )
    wrong: list[BadSettings] = []
    paths = sorted((folder / "endpoints").glob("*.toml"))
    endpoints = {path.stem: _kept(wrong, partial(read_endpoint, folder, path, adapters)) for path in paths}
    file = _kept(wrong, lambda: _model(HubFile, _toml(folder / "hub.toml"), folder / "hub.toml"))
    trust = _kept(wrong, lambda: _trust(folder / TRUST_FILE))
    # What a file says of another one can only be held against it where that one was read.
    if wrong:
        _kept(wrong, lambda: _routes_file(folder / "routes.toml"))
        raise _together(wrong)
    read = {name: each for name, each in endpoints.items() if each is not None}
    assert file is not None and trust is not None
    routes = read_routes(folder / "routes.toml", read)
    _check_members(folder, read, file.bus)
    return Settings(folder=folder, file=file, endpoints=read, routes=routes, trust=trust)


def _kept(wrong: list[BadSettings], read: Callable[[], T]) -> T | None:
    """Read one file; keep what is wrong with it, so that the others are still looked at."""
    try:
        return read()
    except BadSettings as error:
        wrong.append(error)
        return None


def _together(wrong: Sequence[BadSettings]) -> BadSettings:
    if len(wrong) == 1:
        return wrong[0]
    faults = tuple(fault for error in wrong for fault in error.faults)
    en, vi = "; ".join(error.en for error in wrong), "; ".join(error.vi for error in wrong)
    return BadSettings(en, vi, where=wrong[0].where, faults=faults)


def _trust(path: Path) -> TrustFile:
    return _model(TrustFile, _toml(path), path) if path.is_file() else TrustFile()


def _toml(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8-sig"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise BadSettings(f"{path}: {error}", f"{path}: không đúng định dạng TOML ({error})", where=str(path)) from error


def _model(model: type[M], tree: Mapping[str, Any], path: Path, folder: Path | None = None) -> M:
    """Validate a table; ``folder`` is known to the validators of options as ``context["folder"]``."""
    try:
        return model.model_validate(tree, context={"folder": folder} if folder else None)
    except ValidationError as error:
        wrong = wrong_fields(error)
        vi = "; ".join(f"[{each.field}] {each.vi}" for each in wrong)
        en = "; ".join(f"[{each.field}] {each.en}" for each in wrong)
        faults = [Fault(f"{path}: {each.field}", BadSettings.code, each.vi, each.en) for each in wrong]
        raise BadSettings(f"{path}: {en}", f"{path}: cấu hình sai: {vi}", where=faults[0].path, faults=faults) from error


def read_endpoint(folder: Path, path: Path, adapters: Mapping[str, Adapter], *, secrets: bool = True) -> Endpoint:
    """Read an endpoint's file; ``secrets`` False: references stay what they are, as for one that nothing is sent to."""
    name = name_of(path)
    file = _model(EndpointFile, _toml(path), path)
    adapter = adapters.get(file.adapter)
    if adapter is None:
        known = ", ".join(sorted(adapters))
        raise BadSettings(
            f"{path}: adapter {file.adapter!r} is not installed; there are: {known}",
            f"{path}: chưa cài bộ chuyển đổi {file.adapter!r}; hiện có: {known}",
            where=f"{path}: adapter",
        )
    options = _resolve(folder, path, file.options) if secrets else file.options
    return Endpoint(
        name=name,
        adapter=file.adapter,
        title=file.title,
        agency_code=file.agency_code,
        purposes=file.purposes,
        inbound=file.inbound,
        outbound=_outbound(folder, path, file.outbound) if secrets else file.outbound,
        amqp=_amqp(folder, path, file) if secrets else None,
        member=file.member,
        folder=file_settings.resolved(folder, path, file, referred_file, secret_text) if secrets else None,
        outbox=file_settings.checked(path, file),
        gateway=gateway_settings.resolved(folder, path, file, referred_file, secret_text) if secrets else None,
        options=_model(adapter.options, options, path, folder),
    )


def options_of(path: Path) -> dict[str, Any]:
    """Give the ``[options]`` of an endpoint's file as they stand there."""
    return _model(EndpointFile, _toml(path), path).options


def _outbound(folder: Path, path: Path, policy: OutboundPolicy | None) -> OutboundPolicy | None:
    """Make paths of what ``[outbound.tls]`` refers to; raise BadSettings where it cannot be used."""
    if policy is None or policy.tls is None:
        return policy
    where = f"{path} [outbound.tls]"
    given = {name: reference for name, reference in policy.tls.model_dump().items() if reference}
    if not given or ("certificate" in given) != ("key" in given):
        raise BadSettings(
            f"{where}: name certificate together with its key, ca, or all three",
            f"{where}: khai báo certificate cùng với key của nó, ca, hoặc cả ba",
            where=where,
        )
    found = {name: str(referred_file(folder, reference, f"{where} {name}")) for name, reference in given.items()}
    return policy.model_copy(update={"tls": TlsPolicy(**found)})


def _amqp(folder: Path, path: Path, file: EndpointFile) -> AmqpPolicy | None:
    """Resolve what ``[amqp]`` refers to; raise BadSettings where it cannot be used."""
    if file.amqp is None:
        return None
    where = f"{path} [amqp]"
    read_address(file.amqp, where)
    _check_amqp(where, file.amqp, file.outbound)
    files = {name: getattr(file.amqp, name) for name in ("ca", "certificate", "key")}
    found = {name: str(referred_file(folder, given, f"{where} {name}")) for name, given in files.items() if given}
    password = secret_text(folder, file.amqp.password.get_secret_value(), f"{where} password")
    return file.amqp.model_copy(update={**found, "password": SecretStr(password)})


def _check_amqp(where: str, amqp: AmqpPolicy, outbound: OutboundPolicy | None) -> None:
    """Refuse a table of which something would silently have no effect."""
    if not (amqp.publishes or amqp.consume_queue):
        raise BadSettings(
            f"{where} does nothing: name publish_exchange or publish_routing_key to send, consume_queue to receive",
            f"{where} không có tác dụng: khai báo publish_exchange hoặc publish_routing_key để gửi, consume_queue để nhận",
            where=where,
        )
    if amqp.publishes and outbound is None:
        raise BadSettings(
            f"{where} says where to publish, but the endpoint has no [outbound] table: nothing is sent to it",
            f"{where} khai báo nơi gửi nhưng điểm kết nối không có bảng [outbound]: không có gì được gửi đi",
            where=where,
        )
    if amqp.publishes:
        _check_not_asked(where, outbound)


def _check_members(folder: Path, endpoints: Mapping[str, Endpoint], bus: BusSection) -> None:
    """Refuse members of the bus that could not be served, or not be told from each other."""
    users: dict[str, str] = {}
    for name, endpoint in endpoints.items():
        if endpoint.member is None:
            continue
        where = f"{folder / 'endpoints' / name}.toml [member]"
        _check_member(where, endpoint, bus)
        users.setdefault(read_address(bus, "hub.toml [bus]").user, "hub.toml [bus]")
        if (other := users.setdefault(endpoint.member.user, where)) != where:
            raise BadSettings(
                f"{where}: {other} has the same user at the broker; each needs an account of its own",
                f"{where}: {other} dùng chung tài khoản RabbitMQ; mỗi bên phải có tài khoản riêng",
                where=f"{where} user",
            )


def _check_member(where: str, endpoint: Endpoint, bus: BusSection) -> None:
    if bus.url.startswith("memory://"):
        raise BadSettings(
            f"{where}: members need a broker; hub.toml [bus] url is memory:// (one process)",
            f"{where}: thành viên bus cần RabbitMQ; hub.toml [bus] url đang là memory:// (một tiến trình)",
            where=where,
        )
    if endpoint.amqp is not None:
        raise BadSettings(
            f"{where}: the endpoint has an [amqp] table too; a partner has a broker of its own, or is a member of ours",
            f"{where}: điểm kết nối có cả bảng [amqp]; đối tác dùng máy chủ AMQP của mình, hoặc là thành viên bus của hub",
            where=where,
        )
    _check_not_asked(where, endpoint.outbound)


def _check_not_asked(where: str, outbound: OutboundPolicy | None) -> None:
    asked = [name for name, each in outbound.services.items() if each.on_doubt == "ask"] if outbound else []
    if asked:
        names = ", ".join(asked)
        raise BadSettings(
            f'{where}: a broker cannot be asked what became of a message: services {names} need on_doubt = "resend" or "park"',
            f'{where}: không hỏi được máy chủ AMQP về thông điệp đã gửi: dịch vụ {names} phải có on_doubt = "resend" hoặc "park"',
            where=where,
        )


def read_routes(path: Path, endpoints: Mapping[str, Endpoint]) -> tuple[Route, ...]:
    """Read routes.toml, where there is one; raise BadSettings where it names an endpoint that is not there."""
    routes = _routes_file(path)
    _check_routes(path, routes, endpoints)
    _check_purposes(path, routes, endpoints)
    return routes


def _routes_file(path: Path) -> tuple[Route, ...]:
    return _model(RoutesFile, _toml(path), path).route if path.is_file() else ()


def _check_routes(path: Path, routes: tuple[Route, ...], endpoints: Mapping[str, Endpoint]) -> None:
    for name in (name for name, times in Counter(route.name for route in routes).items() if times > 1):
        raise BadSettings(
            f"{path}: several routes have the name {name!r}; give each a name of its own, messages are shown with it",
            f"{path}: có nhiều quy tắc cùng tên {name!r}; hãy đặt tên riêng cho từng quy tắc, vì thông điệp hiển thị kèm tên này",
            where=f"{path}: {name}",
        )
    for route in routes:
        named = {*route.sources, *route.to, *(route.place.to.values() if route.place else ())}
        for name in sorted(named - set(endpoints) - {"@origin"}):
            raise BadSettings(
                f"{path}: route {route.name!r} names endpoint {name!r}, which has no file under endpoints/",
                f"{path}: quy tắc {route.name!r} nêu điểm kết nối {name!r} nhưng không có tệp trong endpoints/",
                where=f"{path}: {route.name}",
            )


def _check_purposes(path: Path, routes: tuple[Route, ...], endpoints: Mapping[str, Endpoint]) -> None:
    """Refuse a rule by which border documents would go to a partner that may not have them."""
    for route in routes:
        for name in sorted({*route.to} - {ORIGIN}) if route.kind == "border" else ():
            if lacks := lacking(route.documents, endpoints[name].purposes):
                (vi, en), keys = names_of(lacks), ", ".join(f'"{each}"' for each in lacks)
                raise BadSettings(
                    f"{path}: route {route.name!r} gives {name!r} border documents that its purposes do not name ({en}): "
                    f"narrow the rule by documents, or add {keys} to purposes in endpoints/{name}.toml",
                    f"{path}: quy tắc {route.name!r} chuyển cho {name!r} chứng từ ngoài mục đích đã khai báo ({vi}): "
                    f"thu hẹp quy tắc bằng documents, hoặc thêm {keys} vào purposes trong endpoints/{name}.toml",
                    where=f"{path}: {route.name}",
                )


def _resolve(folder: Path, path: Path, value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _resolve(folder, path, each) for key, each in value.items()}
    if isinstance(value, list):
        return [_resolve(folder, path, each) for each in value]
    if isinstance(value, str) and value.startswith(("env:", "file:", "credential:")):
        return secret_text(folder, value, str(path))
    return value


def secret(folder: Path, reference: str, where: str) -> bytes:
    """Read what a reference (``env:NAME``, ``file:path``, ``credential:NAME``) names; the error never shows the value."""
    kind, _, name = reference.partition(":")
    if kind == "env" and name in os.environ:
        return os.environ[name].encode()
    path = _referred(folder, reference)
    if path is not None and path.is_file():
        return path.read_bytes()
    # What is no reference may be the secret itself.
    shown = kind in ("env", "file", "credential")
    vi, en = (reference, reference) if shown else ("giá trị (không hiện)", "the value (not shown)")
    raise BadSettings(
        f"{where}: {en} cannot be read (secrets are given as env:NAME, or file:path beside {folder / 'hub.toml'})",
        f"{where}: không đọc được {vi} (khai báo bí mật dạng env:TÊN, hoặc file:đường-dẫn tính từ {folder})",
        where=f"{where}: {en}",
    )


def secret_text(folder: Path, reference: str, where: str) -> str:
    """Resolve a reference to a password or token: its text, without the line end that editors leave."""
    return secret(folder, reference, where).decode().strip()


def _referred(folder: Path, reference: str) -> Path | None:
    """Give the path of the file that a reference names, whether it is there or not; None where it names none."""
    kind, _, name = reference.partition(":")
    if kind == "credential" and "CREDENTIALS_DIRECTORY" in os.environ:
        return Path(os.environ["CREDENTIALS_DIRECTORY"]) / name
    return folder / name if kind == "file" else None


def referred_file(folder: Path, reference: str, where: str) -> Path:
    """Give the path of a file that another library reads itself; the reference is ``file:path`` or ``credential:NAME``."""
    path = _referred(folder, reference)
    if path is None or not path.is_file():
        raise BadSettings(
            f"{where}: {reference!r} is not the reference file:path of a file",
            f"{where}: {reference!r} phải có dạng file:đường-dẫn và tệp phải tồn tại",
            where=where,
        )
    return path


def code_files(folder: Path) -> dict[str, int]:
    """List the code lists of a configuration folder: the path of each, and its time of change (nanoseconds)."""
    try:
        with os.scandir(f"{folder}/codes") as entries:
            found = {entry.path: entry.stat().st_mtime_ns for entry in entries if entry.name.endswith(".csv")}
    except FileNotFoundError:
        return {}
    return {path: found[path] for path in sorted(found)}


@cache
def shipped_lists() -> Mapping[str, tuple[CodeRow, ...]]:
    """Give the code lists of the package: agencies, areas, their successors and aliases, postal codes."""
    return {path.stem: code_rows(path) for path in sorted(SHIPPED_LISTS.glob("*.csv"))}
