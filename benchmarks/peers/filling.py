"""The documents of one run, in a file: written by the comparison, read by the process that fills a peer's queue."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from pathlib import Path


def write_documents(path: Path, documents: Iterable[bytes]) -> None:
    """Write documents, one a line."""
    with path.open("w", encoding="utf-8") as file:
        for document in documents:
            file.write(json.dumps(document.decode()) + "\n")


def read_documents(path: str | Path) -> Iterator[str]:
    """Read documents, one at a time."""
    with Path(path).open(encoding="utf-8") as file:
        for line in file:
            yield json.loads(line)
