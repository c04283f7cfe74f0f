"""What every verb shares: the configuration folder, ledger and hub, output for people and machines, errors in one line."""

from __future__ import annotations

import getpass
import json
import os
import re
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated, Any, TypeVar

import structlog
import typer
from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text
from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError
from typer.core import TyperGroup

from hub import bootstrap
from hub.app import Hub
from hub.canonical.base import VIETNAM
from hub.edge.cli.texts import english, text
from hub.edge.plain import local, plain
from hub.errors import HubError, NotAllowed
from hub.ledger.ledger import Ledger
from hub.registers import processes
from hub.settings import Settings
from hub.telemetry import configure_logging

T = TypeVar("T")

#: Exit codes: the verb failed; it was called wrongly; a bug.
FAILED, WRONG_USE, BUG = 1, 2, 70
#: Width of tables where output is not a terminal: nothing is cut for a reader with grep.
WIDE = 240
CONFIG_VARIABLE = "LIENTHONG_CONFIG"
#: Where `init` writes and every verb looks, unless told otherwise.
DEFAULT_FOLDER = Path("var/config")
#: A file of the configuration, as texts name it that cannot know the folder.
_CONFIGURED = re.compile(r"(?<![\w/.-])config/(?=(?:codes|endpoints|trust|keys)/|(?:hub|routes)\.toml)")
_AGO = re.compile(r"(\d{1,6})([mhd])")
_AGO_UNITS = {"m": "minutes", "h": "hours", "d": "days"}

Json = Annotated[bool, typer.Option("--json", help="Kết quả dạng JSON cho máy đọc (result as JSON).")]
Why = Annotated[str, typer.Option("--why", help="Lý do, ghi vào nhật ký; bắt buộc (reason, kept in the journal; required).")]
Actor = Annotated[
    str,
    typer.Option("--as", help="Người thực hiện, mặc định là tài khoản đang dùng (who does it; default: your account)."),
]


def who() -> str:
    """Name the account that runs the command."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return str(os.getuid())


# --- errors ------------------------------------------------------------------------------------------------------


class Verbs(TyperGroup):
    """A group of verbs whose every failure is one line on stderr, in both languages, and an exit code."""

    def invoke(self, ctx: Any) -> Any:
        """Carry out a verb; end with one line and an exit code where it fails."""
        try:
            return super().invoke(ctx)
        except HubError as error:
            _end(placed(ctx, f"{error.vi} ({error.en})"), FAILED)
        except typer.TyperException as error:
            if not hasattr(error, "message") or type(error).__name__ == "NoArgsIsHelpError":
                raise
            _end(f"Sai cách dùng, xem --help (wrong use, see --help): {error.format_message()}", WRONG_USE)
        except DBAPIError as error:
            cause = type(error.orig).__name__
            _end(f"Sổ cái không phản hồi: {cause} (the ledger does not answer: {cause})", FAILED)
        except BrokenPipeError:
            # The reader (head, less) has seen enough.
            sys.stderr.close()
            raise typer.Exit(FAILED) from None
        except OSError as error:
            about = f"{error.strerror or type(error).__name__}: {error.filename or ''}"
            _end(f"Không đọc hoặc ghi được tệp: {about} (a file cannot be read or written)", FAILED)
        except (typer.Exit, typer.Abort, KeyboardInterrupt):
            raise
        except Exception as error:
            if os.environ.get("LIENTHONG_DEBUG"):
                raise
            _end(f"{_bug(error, 'Lỗi nội bộ')}; đặt LIENTHONG_DEBUG=1 để xem chi tiết ({_bug(error, 'internal error')})", BUG)


def _bug(error: Exception, title: str) -> str:
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    place = f"{Path(trace.tb_frame.f_code.co_filename).name}:{trace.tb_lineno}" if trace else "?"
    return f"{title} {type(error).__name__} {place}"


def _end(line: str, code: int) -> None:
    typer.echo(f"lienthong: {printable(line)}", err=True)
    raise typer.Exit(code)


# --- parts of the hub --------------------------------------------------------------------------------------------


def folder(ctx: typer.Context) -> Path:
    """Give the configuration folder that was named before the verb."""
    return Path(ctx.find_root().obj or DEFAULT_FOLDER)


def placed(ctx: typer.Context, words: str) -> str:
    """Name the files of the configuration in a text as they are found from here: in the folder that was named."""
    return _CONFIGURED.sub(lambda _: f"{folder(ctx)}/", words)


def settings(ctx: typer.Context) -> Settings:
    """Read the configuration."""
    return bootstrap.load_settings(folder(ctx))


@contextmanager
def opened_ledger(ctx: typer.Context) -> Iterator[Ledger]:
    """Open the ledger for a verb that only reads it."""
    _quiet()
    ledger = bootstrap.open_ledger(settings(ctx))
    try:
        yield ledger
    finally:
        ledger.close()


@contextmanager
def opened_hub(ctx: typer.Context) -> Iterator[Hub]:
    """Open the hub's parts for a verb that changes something; workers of ``lienthong serve`` carry the work out."""
    _quiet()
    hub = bootstrap.open_hub(settings(ctx))
    try:
        yield hub
    finally:
        hub.ledger.close()


def _quiet() -> None:
    """Keep stdout for the result: a verb's own log lines say nothing that its output does not."""
    if not structlog.is_configured():
        configure_logging(json=False, level="ERROR")


# --- output ------------------------------------------------------------------------------------------------------


def show(value: Any, *, as_json: bool, people: Callable[[], None]) -> None:
    """Give a result: JSON on stdout for machines, else what ``people`` prints."""
    if as_json:
        sys.stdout.write(json.dumps(plain(value), ensure_ascii=False, indent=2) + "\n")
    else:
        people()


def tell_if_idle(conn: Connection, now: float, *, as_json: bool) -> None:
    """Look whether a process of the hub is at work, and say beside a result for people where none is."""
    if not as_json:
        tell_idle(processes.any_at_work(processes.processes(conn, now)))


def tell_idle(running: bool) -> None:
    """Say that no process of the hub is at work, unless one is: what waits will not go."""
    if not running:
        typer.echo(f"lienthong: {text('nobody_at_work')}", err=True)


def moment(seconds: float | None) -> str:
    """Write a moment in Vietnamese time, as an official reads it."""
    if not seconds:
        return ""
    return local(seconds).strftime("%Y-%m-%d %H:%M:%S" if english() else "%d/%m/%Y %H:%M:%S")


def printable(value: object) -> str:
    """Make a text from outside safe for a terminal: control characters would move its cursor or change its title."""
    return "".join(char if char.isprintable() or char == "\n" else "�" for char in str(value))


def console() -> Console:
    """Make the console for stdout."""
    return Console(width=None if sys.stdout.isatty() else WIDE, highlight=False)


def line(words: str) -> None:
    """Print one line for people."""
    console().print(Text(printable(words)), soft_wrap=True)


def table(title: str, columns: Mapping[str, Callable[[T], object]], items: Iterable[T]) -> None:
    """Print a table for people; the names of columns are keys of the texts, columns without any value are left out."""
    listed = [[printable(value if (value := cell(item)) is not None else "") for cell in columns.values()] for item in items]
    filled = [place for place in range(len(columns)) if any(row[place] for row in listed)]
    drawn = Table(title=title, box=box.SIMPLE_HEAD, title_justify="left", title_style="bold", expand=False)
    names = list(columns)
    for place in filled:
        drawn.add_column(text(names[place]), overflow="fold")
    for row in listed:
        drawn.add_row(*(Text(row[place]) for place in filled))
    console().print(drawn if filled else Text(f"{title}: {text('nothing')}"))


# --- input -------------------------------------------------------------------------------------------------------


def since(given: str, *, now: datetime | None = None) -> float | None:
    """Read a moment: ``2h``, ``30m``, ``7d`` ago, or a date with or without time, Vietnamese time; empty gives None."""
    if not given:
        return None
    try:
        if ago := _AGO.fullmatch(given.strip()):
            return ((now or datetime.now(UTC)) - timedelta(**{_AGO_UNITS[ago[2]]: int(ago[1])})).timestamp()
        found = datetime.fromisoformat(given.strip())
    except (ValueError, OverflowError):
        raise NotAllowed(
            f"{given!r} is no moment; write 2026-03-02, '2026-03-02 08:30', 30m, 2h or 7d",
            f"{given!r} không phải thời điểm; hãy ghi 2026-03-02, '2026-03-02 08:30', 30m, 2h hoặc 7d",
            where="since",
        ) from None
    return (found if found.tzinfo else found.replace(tzinfo=VIETNAM)).timestamp()


def pairs(given: Iterable[str]) -> dict[str, str]:
    """Read ``key=value`` words; raise NotAllowed where one is not."""
    found = {}
    for each in given:
        key, equals, value = each.partition("=")
        if not equals or not key.strip():
            raise NotAllowed(f"{each!r} is not key=value", f"{each!r} không có dạng khóa=giá_trị", where="key=value")
        found[key.strip()] = value
    return found


def described(vi: str, en: str, *examples: str) -> str:
    """Write a verb's help: what it does in both languages, and examples to copy."""
    # \b keeps the help's formatter from wrapping what is there to be copied.
    shown = "\n".join(f"    lienthong {example}" for example in examples)
    return f"{vi}\n\n{en}\n\nVí dụ (Example):\n\n\b\n{shown}"
