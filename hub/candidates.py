"""A configuration as it would be with some of its files in other words, for dry runs: read and checked, never used.

Secrets stay the references that they are: who writes a candidate must not learn what they name.
"""

from __future__ import annotations

import re
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import Any

from hub import settings as settings_module
from hub.app import Configured
from hub.code_book import CodeBook
from hub.code_files import code_rows
from hub.contract import Adapter
from hub.endpoint import Endpoint
from hub.errors import BadSettings
from hub.registers import codes
from hub.settings import Settings

_PART = re.compile(r"[A-Za-z0-9_.-]{1,100}")
#: Files that say how the hub itself runs, and what it keeps secret: no message is written otherwise by them.
_NOT_TRIED = ("hub.toml", "keys", "trust", "var")
ROUTES, ENDPOINTS, CODES = "routes.toml", "endpoints", "codes"
MOST_FILES = 1_000
MOST_BYTES = 20_000_000


@contextmanager
def configured(
    settings: Settings, adapters: Mapping[str, Adapter], book: CodeBook, files: Mapping[str, bytes]
) -> Iterator[Configured]:
    """Read the configuration with these files in place of its own; raise BadSettings where one cannot be used.

    Beside routes.toml, codes/ and endpoints/ there may be files of a folder that an endpoint's options name (a registry of
    schemas): they replace those of the same name there.
    """
    _check(files)
    with tempfile.TemporaryDirectory(prefix="lienthong-") as made:
        folder = Path(made)
        try:
            _write(settings.folder, folder, files)
            found = _read(settings, adapters, book, folder, files)
        except BadSettings as error:
            vi, en, where = (text.replace(f"{folder}/", "") for text in (error.vi, error.en, error.where))
            raise BadSettings(en, vi, where=where) from None
        except (UnicodeDecodeError, RecursionError) as error:
            what = type(error).__name__
            raise BadSettings(f"a file cannot be read: {what}", f"có tệp không đọc được: {what}", where="files") from None
        yield found


def _check(files: Mapping[str, bytes]) -> None:
    if len(files) > MOST_FILES or sum(map(len, files.values())) > MOST_BYTES:
        raise BadSettings("too much for one dry run", "nội dung chạy thử quá lớn", where="files")
    for name in files:
        parts = PurePosixPath(name).parts
        if not parts or not all(_PART.fullmatch(part) and not part.startswith(".") for part in parts) or len(parts) > 5:
            raise BadSettings(
                f"{name!r} is no file of a configuration folder", f"{name!r} không phải tệp của thư mục cấu hình", where=name
            )
        if parts[0] in _NOT_TRIED or not _is_read(parts):
            raise BadSettings(
                f"{name}: a dry run reads routes.toml, codes/*.csv, endpoints/*.toml and folders that options name",
                f"{name}: chạy thử chỉ đọc routes.toml, codes/*.csv, endpoints/*.toml và thư mục nêu trong options",
                where=name,
            )


def _is_read(parts: tuple[str, ...]) -> bool:
    if len(parts) == 1:
        return parts[0] == ROUTES
    if parts[0] == ENDPOINTS:
        return len(parts) == 2 and parts[1].endswith(".toml")
    return parts[0] != CODES or (len(parts) == 2 and parts[1].endswith(".csv"))


def _write(config: Path, folder: Path, files: Mapping[str, bytes]) -> None:
    """Write the files, those of further folders over a copy of what is there."""
    for name in {PurePosixPath(each).parts[0] for each in files} - {ROUTES, ENDPOINTS, CODES}:
        if (config / name).is_dir():
            shutil.copytree(config / name, folder / name)
    for name, body in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(body)


def _read(
    settings: Settings, adapters: Mapping[str, Adapter], book: CodeBook, folder: Path, files: Mapping[str, bytes]
) -> Configured:
    endpoints = {**settings.endpoints, **_endpoints(settings, adapters, folder, files)}
    routes = settings.routes
    if ROUTES in files:
        routes = settings_module.read_routes(folder / ROUTES, endpoints)
    lists = {path.stem: code_rows(path) for path in sorted((folder / CODES).glob("*.csv"))}
    present = book(fresh=True)
    if not lists:
        return Configured(endpoints=endpoints, routes=routes, codes=present)
    merged = codes.merged({**book.files(), **lists}, book.laid(), book.shipped())
    return Configured(endpoints=endpoints, routes=routes, codes=merged)


def _endpoints(
    settings: Settings, adapters: Mapping[str, Adapter], folder: Path, files: Mapping[str, bytes]
) -> dict[str, Endpoint]:
    """Read the endpoints whose file, or whose folder of further files, is another one."""
    found = {}
    for path in sorted((folder / ENDPOINTS).glob("*.toml")):
        _check_places(settings.folder, path)
        found[path.stem] = settings_module.read_endpoint(_beside(settings.folder, folder, path), path, adapters, secrets=False)
    others = {PurePosixPath(each).parts[0] for each in files} - {ROUTES, ENDPOINTS, CODES}
    for path in sorted((settings.folder / ENDPOINTS).glob("*.toml")):
        if path.stem not in found and path.stem in settings.endpoints and others & _first_parts(path):
            found[path.stem] = settings_module.read_endpoint(folder, path, adapters, secrets=False)
    return found


def _beside(config: Path, folder: Path, path: Path) -> Path:
    """Choose from where the options of a file take their folders: from the candidate, where it has one of them."""
    return folder if any((folder / part).is_dir() for part in _first_parts(path)) else config


def _first_parts(path: Path) -> set[str]:
    """Give what the texts of an endpoint's options begin with, if they are relative paths."""
    return {each.split("/", 1)[0] for each in _texts(settings_module.options_of(path))} - {""}


def _check_places(config: Path, path: Path) -> None:
    """Refuse options that name what lies outside of the configuration folder, unless the endpoint names it already."""
    present = config / ENDPOINTS / path.name
    known = set(_texts(settings_module.options_of(present))) if present.is_file() else set()
    for text in set(_texts(settings_module.options_of(path))) - known:
        if "\0" in text or len(text) > 1_000 or not (text.startswith("/") or ".." in text):
            continue
        place = (config / text).resolve()
        if place.exists() and not place.is_relative_to(config.resolve()):
            raise BadSettings(
                f"{path}: a dry run reads nothing outside of the configuration folder",
                f"{path}: chạy thử không đọc tệp ngoài thư mục cấu hình",
                where=str(path),
            )


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for part in value.values():
            yield from _texts(part)
    elif isinstance(value, list):
        for part in value:
            yield from _texts(part)
