"""The portal's double fetches the files that a call names, as the real one may do while it takes the call."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from hub.simulation import FetchesFiles

#: Fields that name a file by its address; one address in each.
FIELDS = re.compile(r"DuongDan\w*")


class FetchedFiles(FetchesFiles):
    """What was fetched: the address, and digest and size of what came."""

    def fetch(self, body: Any) -> str:
        """Fetch every file that a call names; say what is wrong with the first that does not come, else an empty text."""
        for name, url in _named(body):
            fault = self.fetch_one(url)
            if fault:
                return f"Không tải được tệp {name}: {fault}"
        return ""


def _named(tree: Any) -> Iterator[tuple[str, str]]:
    """Give the fields of a call that name a file, however deep."""
    if isinstance(tree, list):
        for each in tree:
            yield from _named(each)
    if isinstance(tree, dict):
        for name, value in tree.items():
            if isinstance(value, str) and value and FIELDS.fullmatch(name):
                yield name, value
            else:
                yield from _named(value)
