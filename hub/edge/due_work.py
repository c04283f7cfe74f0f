"""What is due at a partner by the ledger's own rows, each with its own time: done by one process at a time, in small batches."""

from __future__ import annotations

import threading
from typing import Any

from hub.app import Hub
from hub.edge.leased import Leased, seconds_for_calls
from hub.endpoint import Endpoint
from hub.errors import BadSettings

#: So many rows are done in one round.
BATCH = 50
#: While the partner cannot be reached: the longest pause between two rounds.
LONGEST_PAUSE_SECONDS = 600.0


class DueWork(Leased):
    """Does what is due at one endpoint; between rounds it rests only after a failure, since each row says when it is due."""

    def __init__(self, hub: Hub, endpoint: Endpoint, name: str, holder: str, stop: threading.Event | None = None) -> None:
        super().__init__(hub, endpoint, name, LONGEST_PAUSE_SECONDS, holder, seconds_for_calls(hub, endpoint), stop)

    def _rest_seconds(self) -> float:
        """Rest not at all: nothing is asked before a row says that it is time."""
        return 0.0

    def _transport(self, kind: Any) -> Any:
        """Give the endpoint's transport as this protocol; raise BadSettings where it cannot (any more) do what is due."""
        transport = self._hub.transports(self.endpoint)
        if not isinstance(transport, kind):
            name = self.endpoint.name
            raise BadSettings(
                f"{name}: the ledger has something for this partner ({self.name}) that the way to it, as configured, cannot do",
                f"{name}: sổ cái còn việc với đối tác này ({self.name}) mà cách kết nối đang cấu hình không làm được",
                where=f"endpoints/{name}.toml",
            )
        return transport
