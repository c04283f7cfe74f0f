"""What the lines of reports are called: agencies by the code lists, levels and channels as on the period's last day."""

from __future__ import annotations

from collections.abc import Callable

from hub.app import Hub
from hub.registers.statistics import Form, Line
from hub.rules import service_levels
from hub.rules.statistics.periods import period

#: KenhThucHien -> Vietnamese, English.
CHANNELS = {
    "1": ("Trực tiếp", "In person"),
    "2": ("Trực tuyến", "Online"),
    "3": ("Bưu chính", "By post"),
    "": ("Chưa rõ kênh", "Not told"),
}
_AGENCIES = "agencies"
_UNKNOWN = ("Chưa rõ", "Not known")


def namer(hub: Hub, form: Form, *, english: bool = False) -> Callable[[Line], str]:
    """Make what names the lines of a form; names of agencies and fields are as officials write them."""
    day, tables = period(form.report.period).last, hub.codes()
    levels = service_levels.on(day, tables.tables.get(service_levels.LIST, ()))
    titles = {name: each.title for name, each in hub.endpoints.items()}

    def name(line: Line) -> str:
        if form.by == "level":
            level = levels.get(int(line.code or 0))
            return (level.vi, level.en)[english] if level else _UNKNOWN[english]
        if form.by == "channel":
            return CHANNELS.get(line.code, (line.code, line.code))[english]
        if form.by == "origin":
            return titles.get(line.code, line.code)
        known = tables.find(_AGENCIES, line.code, day) if form.by in ("owner", "agency") else None
        told = line.name if line.name != line.code else ""
        return told or (known.name or known.value if known else "") or line.code or _UNKNOWN[english]

    return name
