"""The portal's double fetches the results that a status names, as the real one may do while it takes the call."""

from __future__ import annotations

import hashlib
import urllib.error
import urllib.request
from typing import Any

SECONDS = 20.0
_PIECE_BYTES = 65_536


class FetchedFiles:
    """What was fetched: the address, and digest and size of what came."""

    def __init__(self) -> None:
        self.fetched: list[dict[str, Any]] = []

    def fetch(self, rows: Any) -> str:
        """Fetch every result that these status rows name; say what is wrong with the first that does not come, else nothing."""
        listed = [row.get("DanhSachGiayToKetQua") for row in rows if isinstance(row, dict)] if isinstance(rows, list) else []
        results = [each for some in listed if isinstance(some, list) for each in some if isinstance(each, dict)]
        for each in results:
            url = each.get("DuongDanTepTinKetQua")
            if isinstance(url, str) and url and (fault := self._fetch_one(url)):
                return f"Không tải được tệp DuongDanTepTinKetQua: {fault}"
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
