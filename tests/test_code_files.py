"""Code lists in files: what cannot be looked up later is refused when it is read, with its line and what to do."""

from __future__ import annotations

from pathlib import Path

import pytest

from hub.code_files import code_rows
from hub.errors import BadSettings

HEAD = "code,value,name,valid_from,valid_to,corroborated\n"


def refused(folder: Path, body: bytes) -> BadSettings:
    path = folder / "procedures.csv"
    path.write_bytes(body)
    with pytest.raises(BadSettings) as told:
        code_rows(path)
    assert "Error(" not in told.value.en + told.value.vi and "codec" not in told.value.en + told.value.vi
    return told.value


@pytest.mark.parametrize(
    ("line", "vi", "en"),
    [
        ("1.0,,Tên,,,", "cột value để trống", "value is empty"),
        (" ,TT-01,Tên,,,", "cột code để trống", "code is empty"),
        ("1.0", "cột value để trống", "value is empty"),
        ("1.0,TT-01,Tên,2026-13-01,,", "cột valid_from: '2026-13-01' không phải ngày", "valid_from: '2026-13-01' is no day"),
        ("1.0,TT-01,Tên,,1/9/2026,", "cột valid_to: '1/9/2026' không phải ngày", "valid_to: '1/9/2026' is no day"),
        ("1.0,TT-01,Tên,,,maybe", "cột corroborated chỉ ghi yes hoặc no", "corroborated is yes or no"),
    ],
)
def test_a_wrong_cell_is_told_with_file_line_and_column(tmp_path: Path, line: str, vi: str, en: str) -> None:
    told = refused(tmp_path, f"{HEAD}1.1,TT-00,Tên,2026-01-01,,yes\n\n{line}\n".encode())

    assert f"procedures.csv, dòng 4: {vi}" in told.vi
    assert f"procedures.csv, line 4: {en}" in told.en
    assert told.where.endswith("procedures.csv:4")


@pytest.mark.parametrize("head", ["ma,gia_tri\n", "code;value\n", ""])
def test_a_missing_column_is_told(tmp_path: Path, head: str) -> None:
    told = refused(tmp_path, f"{head}1;2\n".encode() if head else b"")

    assert "thiếu cột code, value; dòng đầu phải ghi tên cột" in told.vi
    assert "line 1: column code, value is missing" in told.en


@pytest.mark.parametrize("encoding", ["cp1258", "latin-1"])
def test_another_encoding_is_told_with_its_line(tmp_path: Path, encoding: str) -> None:
    told = refused(tmp_path, f"{HEAD}1.0,TT-01,\u0110\u00e0\n".replace("\u0110", "D").encode(encoding))

    assert "dòng 2: tệp không dùng bảng mã UTF-8; hãy lưu lại" in told.vi
    assert "line 2: the file is not in UTF-8; save it again" in told.en


def test_a_file_of_a_spreadsheet_with_a_mark_at_its_head_is_read(tmp_path: Path) -> None:
    path = tmp_path / "procedures.csv"
    path.write_text(f"{HEAD}1.0,TT-01,Tên,2026-01-01,,no\n", encoding="utf-8-sig")

    (row,) = code_rows(path)

    assert (row.code, row.value, row.name, row.corroborated) == ("1.0", "TT-01", "Tên", False)
