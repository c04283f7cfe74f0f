"""Names of endpoints: what the name of a file under endpoints/ may be, since queues, addresses and commands are made of it."""

from __future__ import annotations

import re
from pathlib import Path

from hub.errors import BadSettings

#: No partner can have it: it stands in the ledger where a message has no recipient yet.
NO_PARTNER = "unrouted"
#: A dot would part a routing key, a hyphen in front be read as an option, and signs of patterns match other endpoints.
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,49}", re.ASCII)


def name_of(path: Path) -> str:
    """Give the name of the endpoint whose file this is; raise BadSettings where no endpoint can have it."""
    if not _NAME.fullmatch(path.stem):
        raise BadSettings(
            f"{path}: an endpoint's name has letters a-z, digits, - and _ only, begins with a letter or digit, and is 50 long at "
            "most; rename the file, e.g. bo_nnmt.toml",
            f"{path}: tên điểm kết nối chỉ gồm chữ không dấu, chữ số, - và _, bắt đầu bằng chữ hoặc chữ số, tối đa 50 ký tự; "
            "hãy đổi tên tệp, ví dụ bo_nnmt.toml",
            where=str(path),
        )
    if path.stem == NO_PARTNER:
        raise BadSettings(
            f"{path}: the name {NO_PARTNER} stands for messages without a recipient; rename the file, e.g. bo_nnmt.toml",
            f"{path}: tên {NO_PARTNER} đã dùng cho thông điệp chưa xác định nơi nhận; hãy đổi tên tệp, ví dụ bo_nnmt.toml",
            where=str(path),
        )
    return path.stem
