"""Verb ``serve``: doors and workers, in one process or several, until told to stop."""

from __future__ import annotations

import fcntl
import gc
import json
import signal
import socket
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from enum import StrEnum
from typing import Annotated

import typer

from hub import bootstrap, rounds
from hub.alerting import Alerting
from hub.app import Hub
from hub.edge import cores, supervised
from hub.edge.cli import frame
from hub.edge.cli.frame import Json, described
from hub.edge.cli.texts import text
from hub.edge.heartbeat import Heartbeat
from hub.edge.partner_keeper import PartnerKeeper
from hub.edge.puller import Pullers
from hub.edge.reconciler import Reconciler
from hub.edge.replayer import Replayer
from hub.edge.sealer import Sealer
from hub.edge.telling import telling
from hub.edge.trust_keeper import TrustKeeper
from hub.edge.watcher import Watcher
from hub.edge.words import Words
from hub.edge.workers import Workers
from hub.errors import NotAllowed
from hub.settings import Settings
from hub.telemetry import configure_logging
from hub.trust.book import TrustBook
from hub.wire import Wire

#: Thresholds of Python's collector while serving: a message makes some thousands of objects and no cycle that lasts.
COLLECTOR = (20_000, 20, 50)
#: Held by the one process that serves a configuration with the embedded bus.
LOCK = "serve.lock"
STOPPING = (signal.SIGTERM, signal.SIGINT)


def add_to(app: typer.Typer) -> None:
    """Add the verbs of this room."""
    app.command(
        "serve",
        help=described(
            "Mở cửa nhận và gửi: chạy đến khi dừng (Ctrl+C hoặc SIGTERM), hoàn tất các lượt đang gửi rồi mới thoát.",
            "Open the doors and deliver, until stopped (Ctrl+C or SIGTERM); what is being sent is finished first.",
            "serve --port 8080",
        ),
    )(serve)


# --- serve -------------------------------------------------------------------------------------------------------


class Role(StrEnum):
    """What a process of the hub does."""

    DOORS = "doors"
    DISPATCH = "dispatch"
    WORK = "work"
    POLL = "poll"
    CONSOLE = "console"


def serve(
    ctx: typer.Context,
    host: Annotated[str, typer.Option(help="Địa chỉ; mặc định theo hub.toml (default: hub.toml).")] = "",
    port: Annotated[int | None, typer.Option(min=0, max=65535, help="Cổng; 0 = cổng trống (0 = a free one).")] = None,
    only: Annotated[
        list[Role] | None,
        typer.Option(help="Chỉ làm phần việc này, nhiều lần được; cần RabbitMQ (only this part; needs RabbitMQ)."),
    ] = None,
    console_port: Annotated[
        int | None,
        typer.Option(min=0, max=65535, help="Cổng trang điều hành; mặc định theo hub.toml (port of the console)."),
    ] = None,
    all_cores: Annotated[
        bool, typer.Option("--all-cores", help="Dùng mọi lõi, thay vì giữ một lõi (use all cores, not one).")
    ] = False,
    as_json: Json = False,
) -> None:
    """Serve until stopped."""
    stop = told_to_stop()
    settings = frame.settings(ctx)
    configure_logging(json=settings.file.logging.json_lines, level=settings.file.logging.level)
    roles = frozenset(only or Role)
    # The other roles wait most of the time, and need no core of their own.
    thinks = not roles.isdisjoint((Role.DOORS, Role.WORK))
    # Before any thread is started: they inherit it.
    with cores.kept_to_one(wanted=thinks and not all_cores), _alone(settings, roles), _open(settings) as hub:
        workers = Workers(hub, dispatch=Role.DISPATCH in roles, work=Role.WORK in roles)
        workers.start()
        calm_collector()
        try:
            with (
                _beating(hub, settings, roles) as beating,
                _sealing(hub, settings, Role.DISPATCH in roles) as sealing,
                _watching(hub, Role.DISPATCH in roles) as watching,
                _replaying(hub, Role.DISPATCH in roles) as replaying,
                _keeping_partners(hub, roles) as keeping_partners,
                _polling(hub, Role.POLL in roles) as polling,
                _pulling(hub, Role.POLL in roles) as pulling,
                _reconciling(hub, Role.POLL in roles) as reconciling,
                _keeping_trust(hub, not roles.isdisjoint((Role.DOORS, Role.POLL))) as keeping,
                _showing(hub, settings, Role.CONSOLE in roles, _or_free(console_port, port)) as (shown_at, showing),
                _listening_for(hub, settings, roles, host, port, _ready_words(as_json, shown_at)) as answering,
            ):
                working = (workers.alive, beating, sealing, watching, replaying, keeping_partners, polling, pulling, keeping)
                threads = (*working, reconciling, showing, answering, rounds.move)
                supervised.wait(stop, lambda: all(each() for each in threads))
                typer.echo(text("stopping"), err=True)
        finally:
            workers.stop()


@contextmanager
def _sealing(hub: Hub, settings: Settings, wanted: bool) -> Iterator[Callable[[], bool]]:
    """Seal the ledger, where this process dispatches; gives what says whether the thread still runs."""
    if not wanted:
        yield lambda: True
        return
    parts = bootstrap.open_sealing(settings, hub)
    sealer = Sealer(parts)
    sealer.start()
    try:
        yield sealer.alive
    finally:
        sealer.stop()
        parts.timestamping.wire.close()


@contextmanager
def _replaying(hub: Hub, wanted: bool) -> Iterator[Callable[[], bool]]:
    """Carry out replay plans, where this process dispatches; gives what says whether the thread still runs."""
    if not wanted:
        yield lambda: True
        return
    replayer = Replayer(hub)
    replayer.start()
    try:
        yield replayer.alive
    finally:
        replayer.stop()


@contextmanager
def _watching(hub: Hub, wanted: bool) -> Iterator[Callable[[], bool]]:
    """Look what is wrong and tell who is to be told, where this process dispatches; gives what says whether the thread runs."""
    if not wanted:
        yield lambda: True
        return
    with telling(hub) as tell:
        watcher = Watcher(Alerting(hub=hub, tell=tell))
        watcher.start()
        try:
            yield watcher.alive
        finally:
            watcher.stop()


@contextmanager
def _beating(hub: Hub, settings: Settings, roles: frozenset[Role]) -> Iterator[Callable[[], bool]]:
    """Write now and then that this process is at work; gives what says whether the thread still runs."""
    heartbeat = Heartbeat(hub, [role.value for role in roles], settings.folder / settings.file.payloads.folder)
    heartbeat.start()
    try:
        yield heartbeat.alive
    finally:
        heartbeat.stop()


@contextmanager
def _keeping_partners(hub: Hub, roles: frozenset[Role]) -> Iterator[Callable[[], bool]]:
    """Move chains to successors and send test messages, as far as that is this process's part."""
    keeper = PartnerKeeper(hub, moves=Role.DISPATCH in roles, tests=Role.WORK in roles)
    keeper.start()
    try:
        yield keeper.alive
    finally:
        keeper.stop()


@contextmanager
def _keeping_trust(hub: Hub, wanted: bool) -> Iterator[Callable[[], bool]]:
    """Fetch revocation lists, where this process judges signers by the trust store; gives what says whether the thread runs."""
    if not wanted or not isinstance(hub.trust, TrustBook) or not hub.trust.asks:
        yield lambda: True
        return
    wire = Wire()
    keeper = TrustKeeper(hub.trust, hub.trust.files.folder, wire.call, hub.clock)
    keeper.start()
    try:
        yield keeper.alive
    finally:
        keeper.stop()
        wire.close()


@contextmanager
def _polling(hub: Hub, wanted: bool) -> Iterator[Callable[[], bool]]:
    """Take what partners put into queues of their own brokers, or of ours; gives what says whether every thread still does."""
    if not wanted or not (hub.members or any(each.amqp and each.amqp.consume_queue for each in hub.endpoints.values())):
        yield lambda: True
        return
    # pika takes a moment to load, which a hub without such partners should not pay.
    from hub.edge.member_poller import member_pollers  # noqa: PLC0415
    from hub.edge.poller import Pollers  # noqa: PLC0415

    pollers = Pollers(hub, member_pollers(hub))
    pollers.start()
    try:
        yield pollers.alive
    finally:
        pollers.stop()


@contextmanager
def _pulling(hub: Hub, wanted: bool) -> Iterator[Callable[[], bool]]:
    """Pull the lists that partners keep for us, say what is owed on them, and ask what became of deliveries.

    Gives what says whether every thread still does.
    """
    if not wanted:
        yield lambda: True
        return
    pullers, words = Pullers(hub), Words(hub)
    pullers.start()
    words.start()
    try:
        yield lambda: pullers.alive() and words.alive()
    finally:
        pullers.stop()
        words.stop()


@contextmanager
def _reconciling(hub: Hub, wanted: bool) -> Iterator[Callable[[], bool]]:
    """Compare what partners hold with what they were told; gives what says whether the thread still runs."""
    if not wanted:
        yield lambda: True
        return
    reconciler = Reconciler(hub)
    reconciler.start()
    try:
        yield reconciler.alive
    finally:
        reconciler.stop()


def _or_free(port: int | None, doors_port: int | None) -> int | None:
    """Give the console's port: a free one where the doors were told to take one and nothing else was said."""
    return 0 if port is None and doors_port == 0 else port


@contextmanager
def _showing(hub: Hub, settings: Settings, wanted: bool, port: int | None) -> Iterator[tuple[str, Callable[[], bool]]]:
    """Serve the console; gives its address, and what says whether it still answers."""
    if not wanted:
        yield "", lambda: True
        return
    # Templates and forms take half a second to load, which no other verb should pay.
    from hub.edge.console.server import serve_console  # noqa: PLC0415

    with serve_console(hub, settings, port) as server:
        yield server.url, server.alive


def _ready_words(as_json: bool, console: str) -> Callable[..., Callable[[str], None]]:
    """Make what tells that the process is ready, with the console's address where it has one."""

    def words(key: str, **given: str) -> Callable[[str], None]:
        told = {**given, "console": console} if console else given
        tell = ready_to_tell(as_json, key, **told)

        def ready(url: str) -> None:
            tell(url)
            if console and not as_json:
                typer.echo(text("console_at", url=console))

        return ready

    return words


@contextmanager
def _listening_for(
    hub: Hub,
    settings: Settings,
    roles: frozenset[Role],
    host: str,
    port: int | None,
    words: Callable[..., Callable[[str], None]],
) -> Iterator[Callable[[], bool]]:
    """Open the doors, or only the addresses of health where this process has none; it need not listen then.

    Gives what says whether calls are still answered.
    """
    doors = settings.file.doors
    if Role.DOORS not in roles and port is None:
        words("working", roles=", ".join(sorted(roles)))("")
        yield lambda: True
        return
    # FastAPI takes a third of a second to load, which no other verb should pay.
    from hub.edge.http.server import serve_http  # noqa: PLC0415

    chosen = doors.port if port is None else port
    ready = words("serving")
    uses_bus = not roles.isdisjoint((Role.DISPATCH, Role.WORK))
    has_doors = Role.DOORS in roles
    with serve_http(hub, host or doors.host, chosen, ready, settings=settings, doors=has_doors, uses_bus=uses_bus) as server:
        yield server.alive


def calm_collector() -> None:
    """Leave what was loaded at the start out of every later collection, and collect less often (measured: 3 %)."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(*COLLECTOR)


def told_to_stop() -> threading.Event:
    """Make the event that SIGTERM and SIGINT set.

    A handler runs in the main thread, which may hold the lock of this very event as it begins to wait, or may wait already
    when its interpreter should have looked for signals: either would hang for ever. What Python writes to the wake-up
    descriptor is written as the signal comes, whatever that thread does; a thread of its own reads it.
    """
    stop = threading.Event()
    told, tells = socket.socketpair()
    tells.setblocking(False)

    def pass_on() -> None:
        # Each that comes is read, also after the first: nobody listening would be told on standard error.
        while True:
            if told.recv(1)[0] in STOPPING:
                stop.set()

    for number in STOPPING:
        signal.signal(number, lambda *_: None)
    # It stays open for as long as the process lives.
    signal.set_wakeup_fd(tells.detach(), warn_on_full_buffer=False)
    threading.Thread(target=pass_on, name="told-to-stop", daemon=True).start()
    return stop


def ready_to_tell(as_json: bool, key: str, **given: str) -> Callable[[str], None]:
    """Make what tells, on one line of stdout, that calls are answered now."""

    def ready(url: str) -> None:
        sys.stdout.write((json.dumps({**given, "url": url}) if as_json else text(key, url=url, **given)) + "\n")
        sys.stdout.flush()

    return ready


@contextmanager
def _open(settings: Settings) -> Iterator[Hub]:
    hub = bootstrap.open_hub(settings)
    hub.bus.open()
    try:
        yield hub
    finally:
        hub.close_transports()
        hub.bus.close()
        hub.ledger.close()


@contextmanager
def _alone(settings: Settings, roles: frozenset[Role]) -> Iterator[None]:
    """Refuse a second process: the embedded bus lives in one, which takes back all leases when it starts."""
    if not settings.file.bus.url.startswith("memory://"):
        yield
        return
    if roles != frozenset(Role):
        raise NotAllowed(
            "with bus memory:// one process does everything; --only needs RabbitMQ (hub.toml [bus] url = \"amqp://...\")",
            "với bus memory://, một tiến trình làm mọi việc; --only cần RabbitMQ (hub.toml [bus] url = \"amqp://...\")",
            where="--only",
        )
    with (settings.folder / LOCK).open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise NotAllowed(
                f"another `lienthong serve` runs with {settings.folder}; with bus memory:// there can be one",
                f"một tiến trình `lienthong serve` khác đang chạy với {settings.folder}; bus memory:// chỉ cho phép một",
                where=LOCK,
            ) from None
        yield
