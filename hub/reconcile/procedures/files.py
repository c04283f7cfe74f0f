"""Guidance and form files that records name: fetched, kept by digest, and looked at again; which links are broken is told."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any

import structlog

from hub.app import Hub
from hub.canonical.procedure import Procedure
from hub.errors import NotSent
from hub.ledger import catalogue_verbs
from hub.operations.said import require
from hub.registers import catalogue_files, procedures
from hub.registers.catalogue_files import File

log = structlog.get_logger()

OK, CHANGED, BROKEN = "ok", "changed", "broken"
#: A file must be here after so long.
FETCH_SECONDS = 60.0
#: Keys of the record that hold an address, and those that may hold the file's name beside it.
_ADDRESSES = ("URL", "DIACHITRUYCAP")
_NAMES = ("TENMAUDON", "TENTEP", "TENGIAYTO", "TENKETQUA", "TENVANBAN", "SOVANBAN")


@dataclass(frozen=True, slots=True)
class Named:
    """A file that a record names."""

    place: str
    name: str
    url: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Checked:
    """What looking at an agency's files came to."""

    owner: str
    #: Files that records name; those that were looked at now.
    named: int
    checked: int
    ok: int
    #: The bytes are not those of the time before.
    changed: int
    broken: int
    #: True: all were looked at.
    whole: bool


def named(procedure: Procedure) -> tuple[Named, ...]:
    """List the files that a record names, by JSON pointers into its details."""
    return tuple(_named(procedure.details, ""))


def _named(tree: Any, path: str) -> Iterator[Named]:
    if isinstance(tree, list):
        for number, part in enumerate(tree):
            yield from _named(part, f"{path}/{number}")
    elif isinstance(tree, dict):
        for key, part in tree.items():
            if key in _ADDRESSES and isinstance(part, str) and part.strip():
                title = next((tree[name] for name in _NAMES if isinstance(tree.get(name), str) and tree[name]), "")
                yield Named(f"{path}/{key}", _kept(title)[:500], _kept(part.strip()))
            else:
                yield from _named(part, f"{path}/{key}")


def _kept(text: str) -> str:
    """Show a NUL, which PostgreSQL keeps in no text, as what stands for an unknown character."""
    return text.replace("\0", "\N{REPLACEMENT CHARACTER}")


def check(
    hub: Hub,
    owner: str,
    *,
    actor: str,
    why: str,
    most: int = 0,
    progress: Callable[[int, int], None] = lambda done, whole: None,
) -> Checked:
    """Fetch the files that an agency's procedures name, those first that were looked at longest ago; keep them by digest.

    ``most``: no more than so many now (0 = all). A link into our own network is not followed unless the settings name it.
    """
    require(actor, why)
    with hub.ledger.read() as conn:
        known = procedures.owned(conn, owner)
        listed = [(code, each) for code, procedure in known.items() if procedure.active for each in named(procedure)]
        before = {(file.code, file.place): file for file in catalogue_files.files(conn, owner)}
    hub.ledger.change(partial(_forget, owner=owner, named={(code, each.place) for code, each in listed}, before=set(before)))
    listed.sort(key=lambda pair: _age(before.get((pair[0], pair[1].place)), pair[1]))
    now = listed[:most] if most else listed
    states: list[str] = []
    for code, each in now:
        states.append(_look(hub, owner, code, each, before.get((code, each.place))))
        progress(len(states), len(now))
    log.info("procedures.files", owner=owner, checked=len(states), broken=states.count(BROKEN), actor=actor)
    entry = {"owner": owner, "checked": len(states), "broken": states.count(BROKEN), "why": why}
    note = partial(catalogue_verbs.note, holder=owner, event="procedures.files", now=hub.now(), actor=actor, entry=entry)
    hub.ledger.change(note, f"procedures:{owner}")
    counts = {state: states.count(state) for state in (OK, CHANGED, BROKEN)}
    return Checked(owner=owner, named=len(listed), checked=len(states), **counts, whole=len(now) == len(listed))


def _forget(conn: Any, owner: str, named: set[tuple[str, str]], before: set[tuple[str, str]]) -> None:
    catalogue_verbs.forget_files(conn, owner, sorted(before - named))


def _age(file: File | None, each: Named) -> float:
    return file.checked_at if file is not None and file.url == each.url else 0.0


def _look(hub: Hub, owner: str, code: str, each: Named, before: File | None) -> str:
    """Fetch one file and write down how it was found."""
    values: dict[str, Any] = {"name": each.name, "url": each.url, "checked_at": hub.now(), "problem": ""}
    same = before if before is not None and before.url == each.url else None
    try:
        digest, size = _fetch(hub, each.url)
    except NotSent as error:
        values |= {"state": BROKEN, "problem": error.where[:200]}
        values |= {"digest": same.digest if same else "", "size": same.size if same else 0}
        values |= {"fetched_at": same.fetched_at if same else None, "changed_at": same.changed_at if same else None}
    else:
        other = same is not None and bool(same.digest) and same.digest != digest
        values |= {"state": CHANGED if other else OK, "digest": digest, "size": size, "fetched_at": hub.now()}
        values["changed_at"] = hub.now() if other else (same.changed_at if same else None)
    keep = partial(catalogue_verbs.keep_file, owner=owner, code=code, place=each.place, values=values)
    hub.ledger.change(keep)
    return str(values["state"])


def _fetch(hub: Hub, url: str) -> tuple[str, int]:
    """Fetch a file into the store of files; give its digest and size. Raises NotSent where it does not come whole."""
    receiving = hub.payloads.receive()
    try:
        hub.fetching.fetch(url, receiving.write, max_bytes=hub.catalogue.max_file_bytes, seconds=FETCH_SECONDS)
        kept = receiving.keep()
    finally:
        receiving.discard()
    hub.ledger.record_given(kept.digest, size=kept.size, givers=("hub",), now=hub.now())
    return kept.digest, kept.size
