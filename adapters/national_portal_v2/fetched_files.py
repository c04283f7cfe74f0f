"""The portal's double fetches the results that a status names, as the real one may do while it takes the call."""

from __future__ import annotations

from typing import Any

from hub.simulation import FetchesFiles


class FetchedFiles(FetchesFiles):
    """What was fetched: the address, and digest and size of what came."""

    def fetch(self, rows: Any) -> str:
        """Fetch every result that these status rows name; say what is wrong with the first that does not come, else nothing."""
        listed = [row.get("DanhSachGiayToKetQua") for row in rows if isinstance(row, dict)] if isinstance(rows, list) else []
        results = [each for some in listed if isinstance(some, list) for each in some if isinstance(each, dict)]
        for each in results:
            url = each.get("DuongDanTepTinKetQua")
            if isinstance(url, str) and url and (fault := self.fetch_one(url)):
                return f"Không tải được tệp DuongDanTepTinKetQua: {fault}"
        return ""
