"""The test bench for systems that speak the Single Window's envelope (``lienthong test-partner single_window``)."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

from adapters.single_window.bench import called, waited
from adapters.single_window.bench.caller import Caller
from adapters.single_window.options import Options
from adapters.single_window.simulator import simulator
from hub.partner_bench import Clause, Play
from hub.wire import Wire

CLAUSES: Mapping[str, Clause] = {
    one["id"]: Clause(**one) for one in tomllib.loads((Path(__file__).parent / "clauses.toml").read_text("utf-8"))["clause"]
}


def play(
    *,
    port: int = 0,
    role: Literal["gateway", "ministry"] = "gateway",
    url: str = "",
    document_type: str = "BNNPTNT0600009",
    soap_version: str = "1.1",
    payload: str = "cdata",
    addressing: bool = False,
    token: str = "",
    quiet_seconds: float = 20.0,
    dialect: Mapping[str, Any] | None = None,
) -> Play:
    """Set the stage for one system: ``gateway`` plays the Single Window to a ministry's system, ``ministry`` the other end.

    ``url``: the system's service; ``document_type``: the procedure that messages are about; ``quiet_seconds``: how long nothing
    may come before a scenario holds that nothing comes again; ``dialect``: an endpoint's options table.
    """
    options = Options(role=role, **(dialect or {}))
    caller = Caller(options, Wire(), url, document_type, soap_version, payload, addressing, token)
    server = simulator(port=port, role=role, soap_version=soap_version, payload=payload, addressing=addressing, dialect=dialect)
    scenarios = (*called.scenarios(caller), *waited.scenarios(options, quiet_seconds))
    settings = {"role": role, "url": url, "document_type": document_type, "soap_version": soap_version, "payload": payload}
    return Play(
        title="Cổng thông tin một cửa quốc gia (VNSW)",
        server=server,
        address=url,
        clauses=CLAUSES,
        scenarios=scenarios,
        settings=settings,
    )


BENCH = play
