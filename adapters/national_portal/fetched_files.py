"""The portal's double fetches the files that a call names, as the real one may do while it takes the call."""

from __future__ import annotations

import hashlib
import re
import urllib.error
import urllib.request
from collections.abc import Iterator
from typing import Any

#: Fields that name a file by its address; one address in each.
FIELDS = re.compile(r"DuongDan\w*")
SECONDS = 20.0
_PIECE_BYTES = 65_536


class FetchedFiles:
    """What was fetched: the address, and digest and size of what came."""

    def __init__(self) -> None:
        self.fetched: list[dict[str, Any]] = []

    def fetch(self, body: Any) -> str:
        """Fetch every file that a call names; say what is wrong with the first that does not come, else an empty text."""
        for name, url in _named(body):
            fault = self._fetch_one(url)
            if fault:
                return f"Không tải được tệp {name}: {fault}"
        return ""

    def _fetch_one(self, url: str) -> str:
        if not url.startswith(("http://", "https://")):
            return "không phải địa chỉ"
        hashed, size = hashlib.sha256(), 0
        try:
            with urllib.request.urlopen(url, timeout=SECONDS) as reply:  # noqa: S310 - a simulator, told what to fetch
                while piece := reply.read(_PIECE_BYTES):
                    hashed.update(piece)
                    size += len(piece)
        except urllib.error.HTTPError as error:
            return f"HTTP {error.code}"
        except (OSError, ValueError) as error:
            return type(error).__name__
        self.fetched.append({"url": url, "digest": f"sha256:{hashed.hexdigest()}", "size": size})
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
