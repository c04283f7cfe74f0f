"""The demo's world beyond the border: the ePhyto Hub, Indonesia behind its gateway, and who speaks of border documents here."""

from __future__ import annotations

import string
from collections.abc import Mapping
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any

from hub.simulation import SimulatorServer

#: The ministry that issues Forms D, and customs; each has a door.
MINISTRIES = ("bo_ct", "hai_quan")
ABROAD = "ID"


def started(hub_url: str, tokens: Mapping[str, str], country_port: int) -> dict[str, SimulatorServer]:
    """Start the doubles; the gateway and the country behind it know each other's address."""
    make = {point.name: point.load() for point in entry_points(group="lienthong.simulators")}
    made: dict[str, SimulatorServer] = {
        name: make["ministry"](hub_url=hub_url, endpoint=name, token=tokens[name], accepts=tokens[name], owner=name)
        for name in MINISTRIES
    }
    made["ephyto"] = make["ephyto"]()
    made["asw"] = make["gateway_ebms_core"](peer=f"http://127.0.0.1:{country_port}")
    made["indonesia"] = make["asean_window"](port=country_port, country=ABROAD, gateway=made["asw"].url)
    for simulator in made.values():
        simulator.start()
    return made


def add(folder: Path, names: Mapping[str, Any]) -> None:
    """Add endpoints and routes to a configuration; what the bench and tests use of the demo's is without them."""
    source = Path(__file__).parent / "border_config"
    for item in (source / "endpoints").iterdir():
        text = string.Template(item.read_text(encoding="utf-8")).substitute(names)
        (folder / "endpoints" / item.name).write_text(text, encoding="utf-8")
    routes, first = folder / "routes.toml", (source / "routes.toml").read_text(encoding="utf-8")
    routes.write_text(first + routes.read_text(encoding="utf-8"), encoding="utf-8")
