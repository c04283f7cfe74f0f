"""This adapter has no transport of its own: documents go through a gateway, or through folders, which an operator names."""

from __future__ import annotations

from collections.abc import Callable

from hub.canonical.message import Message
from hub.contract import Outgoing, Reply
from hub.endpoint import Endpoint
from hub.errors import BadSettings, NotSent
from hub.wire import Wire


class NoTransport:
    """Says of every call what is lacking; nothing was sent, and nothing is lost."""

    def __init__(self, name: str) -> None:
        self._name = name

    def send(self, outgoing: Outgoing, fence: Callable[[], None]) -> Reply:
        """Raise NotSent: there is no way to the other country."""
        raise self._lacking()

    def ask(self, outgoing: Outgoing, subject: Message) -> Reply:
        """Raise NotSent, as for sending."""
        raise self._lacking()

    def probe(self) -> str:
        """Raise BadSettings, so that ``lienthong check`` says it before the first document waits."""
        lacking = self._lacking()
        raise BadSettings(lacking.en, lacking.vi, where=lacking.where)

    def close(self) -> None:
        """Hold nothing."""

    def _lacking(self) -> NotSent:
        where = f"endpoints/{self._name}.toml"
        return NotSent(
            f"{where}: asean_window has no transport of its own; name the gateway in [gateway], or folders in [folder]",
            f"{where}: asean_window không có kênh truyền riêng; hãy khai báo cổng trong [gateway], hoặc thư mục trong [folder]",
            where=where,
        )


def open_transport(endpoint: Endpoint, wire: Wire) -> NoTransport:
    """Give what says that ``[gateway]`` or ``[folder]`` is lacking; with one of these it is never opened."""
    return NoTransport(endpoint.name)
