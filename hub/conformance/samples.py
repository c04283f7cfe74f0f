"""The samples of an adapter as values: what stands in its folder ``samples/``, read when a check asks for it."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Any

from hub.canonical.codes import CodeRow, CodeTables
from hub.canonical.message import Message, from_json, to_json
from hub.contract import Call, Request

#: The moment and the identifier that samples are written with.
NOW = datetime.fromisoformat("2026-03-02T09:15:04+07:00")
MESSAGE_ID = "7d0f5b1e-2c3a-4a77-9a55-0c6e9b1f2a10"
#: What belongs to a sample and is not one.
_BESIDE = (".expected.json", ".request.json")
_KINDS = (".json", ".xml", ".txt")
#: The suffix of a canonical message under ``out/``.
_MESSAGE = ".message.json"


@dataclass(frozen=True, slots=True)
class Sample:
    """One sample: a body, and beside it what is expected of it."""

    path: Path

    @property
    def name(self) -> str:
        return self.path.name.removesuffix(_MESSAGE) if self.path.name.endswith(_MESSAGE) else self.path.stem

    @property
    def body(self) -> bytes:
        return self.path.read_bytes()

    @property
    def expected(self) -> dict[str, Any]:
        """What is expected, from ``NAME.expected.json``."""
        found: dict[str, Any] = json.loads(self.beside(".expected.json").read_bytes())
        return found

    def beside(self, ending: str) -> Path:
        """Give the path of a file that belongs to this sample."""
        return self.path.with_name(self.name + ending)

    def request(self, body: bytes | None = None) -> Request:
        """Make the call at the door, as ``NAME.request.json`` describes it; with another body, where one is given."""
        path = self.beside(".request.json")
        head = json.loads(path.read_bytes()) if path.exists() else {}
        return Request(endpoint="conformance", body=self.body if body is None else body, **head)

    def holdings(self) -> Callable[[Call], Mapping[str, str]]:
        """Give what says what the partner holds when a call's turn has come: ``held``, and beside it the call's own."""
        expected = self.expected

        def held(call: Call) -> Mapping[str, str]:
            calls: list[dict[str, Any]] = expected["calls"]
            own = [each for each in calls if (each["service"], each.get("part", {})) == (call.service, dict(call.part))]
            return {**expected["held"], **(own[0].get("held", {}) if own else {})}

        return held

    def recorded_bodies(self) -> list[bytes]:
        """Read the bytes that each expected call must have."""
        return [path.read_bytes() for path in self.body_files()]

    def body_files(self) -> list[Path]:
        """List the files with the bytes of the expected calls; a call that is not needed (``nothing``) has none."""
        return [self.path.with_name(call["body_file"]) for call in self.expected["calls"] if not call.get("nothing", False)]


def each(folder: Path) -> tuple[Sample, ...]:
    """List the samples of ``in/``, ``bad/`` or ``receipts/``, by name."""
    files = sorted(folder.iterdir()) if folder.is_dir() else []
    return tuple(Sample(path) for path in files if path.suffix in _KINDS and not path.name.endswith(_BESIDE))


def each_message(folder: Path) -> tuple[Sample, ...]:
    """List the samples of ``out/``, by name."""
    return tuple(Sample(path) for path in sorted(folder.glob(f"*{_MESSAGE}")))


def files_of(sample: Sample) -> Iterator[Path]:
    """List the files that belong to a sample, for the check that no file lies there unused."""
    yield sample.path
    for ending in _BESIDE:
        yield sample.beside(ending)
    if sample.path.name.endswith(_MESSAGE):
        yield from sample.body_files()


def options_of(samples: Path) -> dict[str, Any]:
    """Read ``options.json``: what the samples were made with beside the defaults."""
    path = samples / "options.json"
    found: dict[str, Any] = json.loads(path.read_bytes()) if path.exists() else {}
    return found


def codes_of(samples: Path) -> CodeTables:
    """Read the code lists under ``codes/`` (columns code, value, name, valid_from, valid_to)."""
    return CodeTables({path.stem: _rows(path) for path in sorted((samples / "codes").glob("*.csv"))})


def _rows(path: Path) -> tuple[CodeRow, ...]:
    with path.open(encoding="utf-8", newline="") as lines:
        return tuple(_row(fields) for fields in csv.DictReader(lines))


def _row(fields: Mapping[str, str | None]) -> CodeRow:
    days = {name: date.fromisoformat(text) for name in ("valid_from", "valid_to") if (text := fields.get(name))}
    return CodeRow(
        code=fields["code"] or "",
        value=fields["value"] or "",
        name=fields.get("name") or "",
        valid_from=days.get("valid_from"),
        valid_to=days.get("valid_to"),
    )


def canonical(tree: Any) -> Message:
    """Make a canonical message of the JSON that stands in a sample; what it leaves out has its default."""
    return from_json(json.dumps(tree).encode())


def as_tree(message: Message) -> Any:
    """Show a canonical message as JSON values, in which a difference is easy to see."""
    return json.loads(to_json(message))
