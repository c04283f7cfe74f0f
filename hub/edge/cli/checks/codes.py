"""Code lists: each can be read, no code means two things on a day, routes name lists that are there."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import date
from pathlib import Path

from hub import settings as settings_module
from hub.app import Hub
from hub.canonical.codes import CodeRow
from hub.code_files import code_rows
from hub.edge.cli.checks import administration
from hub.edge.cli.checks.findings import ERROR, WARNING, Finding, fine, of_error
from hub.errors import HubError
from hub.registers import codes as registered
from hub.registers.codes import MappedRow
from hub.settings import Settings


def look(folder: Path) -> Iterator[Finding]:
    """Look at the package's code lists, and at those of a configuration."""
    yield from administration.shipped()
    for path in map(Path, settings_module.code_files(folder)):
        where = f"codes/{path.name}"
        try:
            rows = code_rows(path)
        except HubError as error:
            yield of_error(where, error)
            continue
        yield fine(where, f"{len(rows)} dòng", f"{len(rows)} rows")
        yield from _overlaps(where, rows)
        yield from administration.uncorroborated(where, rows)


def look_at_ledger(settings: Settings, hub: Hub) -> Iterator[Finding]:
    """Look at the rows that the ledger lays over the files, and whether every list that a rule needs is in one of the two."""
    try:
        files = hub.codes.files()
    except HubError:
        # Which one cannot be read was said when the files were looked at.
        return
    with hub.ledger.read() as conn:
        laid = {name: rows for name in registered.changes(conn) if (rows := registered.laid(conn, name))}
    for name, rows in sorted(laid.items()):
        where = f"codes/{name} (ledger)"
        yield fine(where, f"{len(rows)} dòng bổ sung trong sổ cái", f"{len(rows)} rows are laid over it in the ledger")
        yield from _caught_up(where, name, rows, files.get(name, ()))
    for route in settings.routes:
        if route.place and route.place.table not in {*files, *laid, *hub.codes.shipped()}:
            name = f"codes/{route.place.table}.csv"
            yield Finding(
                level=ERROR,
                where=f"routes.toml [{route.name}]",
                vi=f"quy tắc cần danh mục {name}, chưa có tệp này",
                en=f"the rule needs the code list {name}, which is not there",
            )
    yield from administration.routes(settings, hub.codes(fresh=True))


def _caught_up(where: str, name: str, rows: Iterable[MappedRow], file: Iterable[CodeRow]) -> Iterator[Finding]:
    """Name rows of the ledger that the file has as well: they can be taken back."""
    known = set(file)
    if codes := [row.code for row in rows if row.row in known]:
        listed = ", ".join(codes[:10])
        yield Finding(
            level=WARNING,
            where=where,
            vi=f"tệp đã có đúng các dòng này, nên bỏ khỏi sổ cái (mapping remove {name} …): {listed}",
            en=f"the file has the same rows: take them back from the ledger (mapping remove {name} …): {listed}",
        )


def _overlaps(where: str, rows: Iterable[CodeRow]) -> Iterator[Finding]:
    """Find codes that mean two things on the same day: the first row would win silently."""
    last: dict[str, CodeRow] = {}
    for row in sorted(rows, key=lambda row: (row.code, row.valid_from or date.min)):
        before = last.get(row.code)
        if before and (before.valid_to or date.max) > (row.valid_from or date.min):
            day = row.valid_from or date.min
            yield Finding(
                level=ERROR,
                where=where,
                vi=f"mã {row.code!r} có hai dòng cùng hiệu lực từ {day}; hãy sửa valid_from, valid_to",
                en=f"code {row.code!r} has two rows valid from {day} on; mend valid_from, valid_to",
            )
        last[row.code] = row
