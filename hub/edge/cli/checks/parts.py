"""The parts together: ledger and payload store take what comes, bus and partners answer."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

from hub import bootstrap
from hub.app import Hub
from hub.edge.cli.checks import codes
from hub.edge.cli.checks.findings import ERROR, WARNING, Finding, fine, of_error
from hub.edge.http.identity import Gate
from hub.endpoint import Endpoint
from hub.errors import Busy, HubError, InDoubt, NotSent
from hub.folder.reaching import Places, look_at
from hub.settings import Settings
from hub.trust.timestamping import Authority, Timestamping

#: Partners are tried at the same time; one that hangs costs its own deadline only.
PROBES = 8
#: What a folder says that is there: its server was reached.
_OF_FILES = (FileNotFoundError, PermissionError, NotADirectoryError)


def look(settings: Settings, *, reach: bool) -> Iterator[Finding]:
    """Open what the hub opens, and reach what it speaks to."""
    try:
        Gate(settings.endpoints, settings.file.doors)
        hub = bootstrap.open_hub(settings)
        timestamping = bootstrap.open_timestamping(settings, hub.clock)
    except HubError as error:
        yield of_error(error.where or "hub.toml", error)
        return
    try:
        yield fine("hub.toml [ledger]", "sổ cái mở được", "the ledger opens")
        yield from codes.look_at_ledger(settings, hub)
        yield _store(hub, settings.file.payloads.max_bytes)
        if not reach:
            yield from _unopened(hub, settings)
        if reach:
            if not hub.bus.embedded:
                yield _probe_bus(hub)
            with ThreadPoolExecutor(PROBES) as pool:
                yield from pool.map(lambda endpoint: _probe(hub, endpoint), _called(settings))
                yield from pool.map(_probe_queue, _consumed(settings))
                yield from pool.map(_probe_folder, _watched(settings))
                yield from pool.map(lambda authority: _probe_authority(timestamping, authority), timestamping.authorities)
    finally:
        hub.ledger.close()


def _store(hub: Hub, largest: int) -> Finding:
    where = "hub.toml [payloads] folder"
    try:
        free = hub.payloads.probe()
    except HubError as error:
        return of_error(where, error)
    vi, en = f"kho tệp ghi được, còn trống {_size(free)}", f"files can be kept, {_size(free)} are free"
    if free < largest:
        vi = f"{vi}, ít hơn một tệp lớn nhất được nhận ({_size(largest)})"
        return Finding(level=WARNING, where=where, vi=vi, en=f"{en}, less than one largest file ({_size(largest)})")
    return fine(where, vi, en)


def _size(number: int) -> str:
    return f"{number / 1e9:.1f} GB"


def _probe_bus(hub: Hub) -> Finding:
    try:
        said = hub.bus.probe()
    except HubError as error:
        return of_error(error.where or "hub.toml [bus]", error)
    return fine("hub.toml [bus]", f"kết nối được, đủ quyền: {said}", f"reached, with all rights: {said}")


def _called(settings: Settings) -> list[Endpoint]:
    return [endpoint for endpoint in settings.endpoints.values() if endpoint.outbound is not None]


def _unopened(hub: Hub, settings: Settings) -> Iterator[Finding]:
    """Say which partners cannot be called as their files are (no address): nobody need be reached to see that."""
    for endpoint in _called(settings):
        try:
            hub.transports(endpoint)
        except HubError as error:
            yield of_error(f"endpoint {endpoint.name}", error)


def _probe(hub: Hub, endpoint: Endpoint) -> Finding:
    where = f"endpoint {endpoint.name}"
    try:
        said = hub.transports(endpoint).probe()
    except HubError as error:
        return of_error(where, error, _level(error, endpoint))
    return fine(where, f"kết nối được: {said}", f"reached: {said}")


def _level(error: HubError, endpoint: Endpoint) -> str:
    """A partner that is away is waited for, and must not keep the hub from starting; a folder of this machine is ours to mend."""
    ours = endpoint.folder is not None and endpoint.folder.is_local
    return WARNING if _is_away(error) and not ours else ERROR


def _is_away(error: HubError) -> bool:
    """Say whether nobody answered; what was answered (a refused login, a queue that is not there) somebody must mend."""
    root: BaseException = error
    while root.__cause__ is not None:
        root = root.__cause__
    answered = error.partner_code or isinstance(root, (HubError, *_OF_FILES))
    return isinstance(error, Busy) or (isinstance(error, NotSent | InDoubt) and not answered)


def _consumed(settings: Settings) -> list[Endpoint]:
    return [endpoint for endpoint in settings.endpoints.values() if endpoint.amqp and endpoint.amqp.consume_queue]


def _probe_queue(endpoint: Endpoint) -> Finding:
    # pika takes a moment to load, which a hub without such partners should not pay.
    from hub.amqp.reaching import look_at_queue  # noqa: PLC0415

    where = f"endpoint {endpoint.name} [amqp] consume_queue"
    try:
        said = look_at_queue(endpoint)
    except HubError as error:
        return of_error(where, error, _level(error, endpoint))
    return fine(where, f"kết nối được: {said}", f"reached: {said}")


def _watched(settings: Settings) -> list[Endpoint]:
    """Give the endpoints whose folders are taken from; those that are put into as well were tried with the partner."""
    return [each for each in settings.endpoints.values() if each.folder and each.folder.take and not each.folder.put]


def _probe_folder(endpoint: Endpoint) -> Finding:
    where = f"endpoint {endpoint.name} [folder] take"
    places = Places(endpoint)
    try:
        said = look_at(places)
    except HubError as error:
        return of_error(where, error, _level(error, endpoint))
    finally:
        places.close()
    return fine(where, f"đọc và ghi được: {said}", f"can be worked in: {said}")


def _probe_authority(timestamping: Timestamping, authority: Authority) -> Finding:
    """Ask for a timestamp, over nothing: nothing else shows that one can be had and is trusted."""
    where = f"hub.toml [[timestamps.authority]] {authority.name}"
    try:
        stamped = timestamping.ask(authority, hashlib.sha256().digest())
    except HubError as error:
        return of_error(where, error, WARNING if _is_away(error) else ERROR)
    drift = stamped.drift_seconds
    if abs(drift) > timestamping.max_drift_seconds:
        vi, en = f"đồng hồ máy này lệch {drift:.0f} giây", f"this machine's clock is {drift:.0f} s off"
        return Finding(level=WARNING, where=where, vi=vi, en=en)
    policy = stamped.timestamp.policy
    return fine(where, f"cấp được dấu thời gian, chính sách {policy}", f"gives timestamps, policy {policy}")
