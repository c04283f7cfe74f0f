"""Codes of agencies in a configuration: which shipped rows nobody has compared with a source, which rules name closed codes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import date, datetime
from fnmatch import fnmatchcase

from hub import settings as settings_module
from hub.canonical.base import VIETNAM
from hub.canonical.codes import CodeRow, CodeTables
from hub.edge.cli.checks.findings import ASSUMED, WARNING, Finding, fine
from hub.rules import administration
from hub.rules.administration import AGENCIES
from hub.rules.routing import Route
from hub.settings import Settings


def shipped() -> Iterator[Finding]:
    """Look at the code lists of the package."""
    for name, rows in settings_module.shipped_lists().items():
        where = f"codes {name} (shipped)"
        yield fine(where, f"{len(rows)} dòng kèm theo phần mềm", f"{len(rows)} rows come with the package")
        yield from uncorroborated(where, rows)


def uncorroborated(where: str, rows: tuple[CodeRow, ...]) -> Iterator[Finding]:
    """Name the codes of rows that were recalled or inferred."""
    if codes := [row.code for row in rows if not row.corroborated]:
        listed = ", ".join(dict.fromkeys(codes))
        vi, en = f"chưa đối chiếu nguồn chính thức: {listed}", f"not corroborated by an official source: {listed}"
        yield Finding(level=ASSUMED, where=where, vi=vi, en=en)


def routes(settings: Settings, codes: CodeTables, today: date | None = None) -> Iterator[Finding]:
    """Say which rules name agency codes that are closed: what is meant should be said by today's code."""
    day = today or datetime.now(VIETNAM).date()
    known = tuple(dict.fromkeys(row.code for row in codes.tables.get(AGENCIES, ())))
    for route in settings.routes:
        patterns = [pattern for pattern in route.agencies if _names_only_closed(codes, known, pattern, day)]
        places = [code for code in (route.place.to if route.place else ()) if _is_closed(codes, code, day)]
        owners = {code: _owner(codes, known, code, day) for code in (*patterns, *places)}
        if owners:
            yield _warning(route, owners)


def _names_only_closed(codes: CodeTables, known: tuple[str, ...], pattern: str, day: date) -> bool:
    """Say whether a pattern fits closed agencies and no current one; a pattern of a lower level is judged by its level 1."""
    fitting = _fitting(known, pattern)
    return bool(fitting) and all(_is_closed(codes, code, day) for code in fitting)


def _fitting(known: tuple[str, ...], pattern: str) -> list[str]:
    above = administration.level_one(pattern.rstrip("*?.")) or pattern.partition(".")[0]
    return [code for code in known if fnmatchcase(code, pattern)] or [code for code in known if fnmatchcase(code, above)]


def _is_closed(codes: CodeTables, code: str, day: date) -> bool:
    return administration.standing(codes, AGENCIES, code, day) is administration.Standing.CLOSED


def _owner(codes: CodeTables, known: tuple[str, ...], pattern: str, day: date) -> str:
    owners = dict.fromkeys(administration.owner_on(codes, code, day) for code in _fitting(known, pattern) or [pattern])
    return ", ".join(owners)


def _warning(route: Route, owners: Mapping[str, str]) -> Finding:
    listed = ", ".join(f"{code} ({owner})" if owner != code else code for code, owner in owners.items())
    if route.follow_successors:
        vi = "quy tắc tự theo cơ quan kế thừa; nếu không cần riêng cho mã cũ, hãy ghi mã hiện nay"
        en = "the rule follows successors by itself; unless the old code is meant apart, write today's"
    else:
        vi = "quy tắc không theo cơ quan kế thừa (follow_successors = false): hồ sơ mang mã hiện nay sẽ không khớp"
        en = "the rule does not follow successors (follow_successors = false): dossiers with today's code do not match"
    return Finding(
        level=WARNING,
        where=f"routes.toml [{route.name}]",
        vi=f"nêu mã cơ quan đã đóng (nay là): {listed}; {vi}",
        en=f"names closed agency codes (today): {listed}; {en}",
    )
