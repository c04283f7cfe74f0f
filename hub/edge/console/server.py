"""The console's server: the same limits as the doors', on an address of its own."""

from __future__ import annotations

from hub.app import Hub
from hub.edge.console.app import make_console
from hub.edge.http.server import HttpServer, listen
from hub.settings import Settings


def serve_console(hub: Hub, settings: Settings, port: int | None = None) -> HttpServer:
    """Make the server of the console, not yet started; port 0 takes a free one.

    Raises BadSettings where the address is not free. TLS is a front's: browsers reach it under ``[console] public_url``.
    """
    console = settings.file.console
    listening = listen(console.host, console.port if port is None else port, "hub.toml [console] host, port")
    return HttpServer(make_console(hub, settings), listening, None, lambda url: None)
