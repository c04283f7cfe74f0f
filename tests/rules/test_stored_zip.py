"""The plainest zip: everybody reads it, and whatever is not as the hub writes it is found."""

from __future__ import annotations

import io
import shutil
import struct
import subprocess
import warnings
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.errors import InvalidMessage, NotAllowed
from hub.rules import stored_zip
from hub.rules.stored_zip import Reader, Writer, is_name
from tests.support.signers import tool

ENTRIES = {"mimetype": b"text", "a/b.txt": b"one", "a/c-2.bin": bytes(range(256))}


def written(entries: dict[str, bytes] = ENTRIES) -> bytes:
    file = io.BytesIO()
    writer = Writer(file)
    for name, body in entries.items():
        writer.add(name, (body[:1], body[1:]))
    writer.close()
    return file.getvalue()


def read(octets: bytes) -> dict[str, bytes]:
    """Read everything; raise InvalidMessage where anything is wrong."""
    reader = Reader(io.BytesIO(octets))
    for entry in reader.entries.values():
        reader.sha256(entry)
    if reader.faults:
        raise InvalidMessage(reader.faults)
    return {name: b"".join(reader.pieces(entry)) for name, entry in reader.entries.items()}


def test_what_is_written_is_read() -> None:
    assert read(written()) == ENTRIES


def test_others_read_it(tmp_path: Path) -> None:
    (tmp_path / "z.zip").write_bytes(written())
    with zipfile.ZipFile(tmp_path / "z.zip") as opened:
        assert {name: opened.read(name) for name in opened.namelist()} == ENTRIES
        assert opened.testzip() is None
    done = subprocess.run([tool("unzip"), "-q", "z.zip", "-d", "out"], cwd=tmp_path, capture_output=True, check=False)

    assert (done.returncode, done.stderr) == (0, b"")
    assert {name: (tmp_path / "out" / name).read_bytes() for name in ENTRIES} == ENTRIES


def test_the_first_entry_is_where_tools_look_for_the_mimetype() -> None:
    octets = written()

    assert octets[30:38] == b"mimetype"
    assert octets[38:42] == b"text"


def test_any_flipped_bit_is_found() -> None:
    whole = written()
    for place in range(len(whole) * 8):
        changed = bytearray(whole)
        changed[place // 8] ^= 1 << place % 8
        with pytest.raises(InvalidMessage):
            read(bytes(changed))


@given(st.integers(0, len(written()) - 1), st.binary(max_size=4))
def test_what_is_cut_off_or_added_anywhere_is_found(place: int, more: bytes) -> None:
    whole = written()
    for changed in (whole[:place], whole[:place] + more + b"x" + whole[place:]):
        with pytest.raises(InvalidMessage):
            read(changed)


@given(st.binary(max_size=200))
def test_rubbish_is_refused(octets: bytes) -> None:
    with pytest.raises(InvalidMessage):
        Reader(io.BytesIO(octets))


# --- hostile ones -------------------------------------------------------------------------------------------------


def by_zipfile(change: Callable[[zipfile.ZipFile], None]) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as opened, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        change(opened)
    return file.getvalue()


def symlink(opened: zipfile.ZipFile) -> None:
    info = zipfile.ZipInfo("a")
    info.create_system = 3
    info.external_attr = 0o120777 << 16
    opened.writestr(info, "/etc/passwd")


def bomb(opened: zipfile.ZipFile) -> None:
    opened.writestr("a", bytes(10_000_000), zipfile.ZIP_DEFLATED)


def commented(opened: zipfile.ZipFile) -> None:
    opened.writestr("a", b"x")
    opened.comment = b"hidden"


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (symlink, "symbolic link"),
        (bomb, "compressed"),
        (commented, "does not end as a zip"),
        (lambda opened: opened.writestr("../../etc/cron.d/x", b""), "not safe"),
        (lambda opened: opened.writestr("/etc/passwd", b""), "not safe"),
        (lambda opened: opened.writestr("a\\b", b""), "not safe"),
        (lambda opened: opened.writestr("a/../b", b""), "not safe"),
        (lambda opened: opened.writestr(".hidden", b""), "not safe"),
        (lambda opened: opened.writestr("folder/", b""), "not safe"),
        (lambda opened: opened.writestr("tên", b""), "not safe"),
        (lambda opened: opened.writestr("a" * 300, b""), "not safe"),
    ],
)
def test_a_hostile_zip_is_refused(change: Callable[[zipfile.ZipFile], None], told: str) -> None:
    with pytest.raises(InvalidMessage) as caught:
        Reader(io.BytesIO(by_zipfile(change)))

    assert told in caught.value.en


def test_an_encrypted_entry_is_refused() -> None:
    whole = bytearray(written({"a": b"x"}))
    directory = whole.index(b"PK\x01\x02")
    whole[6] |= 1
    whole[directory + 8] |= 1
    with pytest.raises(InvalidMessage) as caught:
        Reader(io.BytesIO(bytes(whole)))

    assert "encrypted" in caught.value.en


@pytest.mark.parametrize("second", ["a", "A"])
def test_a_name_that_stands_twice_is_refused(second: str) -> None:
    """Also where only some systems tell the two apart."""
    file = io.BytesIO()
    writer = Writer(file)
    writer.add("a", (b"1",))
    writer.add(second, (b"2",))
    writer.close()
    with pytest.raises(InvalidMessage) as caught:
        Reader(file)

    assert "twice" in caught.value.en


@pytest.mark.parametrize("count", [50_001, 65_535])
def test_a_directory_that_claims_too_many_entries_is_refused(count: int) -> None:
    whole = bytearray(written())
    whole[-14:-10] = struct.pack("<2H", count, count)
    with pytest.raises(InvalidMessage):
        Reader(io.BytesIO(bytes(whole)))


def test_a_directory_longer_than_its_entries_can_be_is_refused_before_it_is_read() -> None:
    class Watched(io.BytesIO):
        largest = 0

        def read(self, size: int | None = -1, /) -> bytes:
            octets = super().read(size)
            self.largest = max(self.largest, len(octets))
            return octets

    length = 3_000_000
    file = Watched(bytes(length) + struct.pack("<4s4H2IH", b"PK\x05\x06", 0, 0, 1, 1, length, 0, 0))
    with pytest.raises(InvalidMessage):
        Reader(file)

    assert file.largest < 1000


def test_entries_that_overlap_are_refused() -> None:
    """Many small headers over one large body is how a bomb without compression is made."""
    whole = bytearray(written({"a": b"1" * 50, "b": b"2" * 50}))
    second = whole.index(b"PK\x01\x02", whole.index(b"PK\x01\x02") + 1)
    whole[second + 42 : second + 46] = bytes(4)
    with pytest.raises(InvalidMessage):
        Reader(io.BytesIO(bytes(whole)))


def test_a_zip_that_others_packed_anew_is_told_to_be_that(tmp_path: Path) -> None:
    if shutil.which("zip") is None:
        pytest.skip("zip is not installed: repacking was NOT tried with it")
    (tmp_path / "a").write_bytes(b"x" * 1000)
    subprocess.run(["zip", "-q", "z.zip", "a"], cwd=tmp_path, check=True)
    with (tmp_path / "z.zip").open("rb") as file, pytest.raises(InvalidMessage) as caught:
        Reader(file)

    assert caught.value.where == "a"


def test_more_than_it_can_hold_is_refused_while_writing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stored_zip, "MAX_BYTES", 100)
    with pytest.raises(NotAllowed):
        Writer(io.BytesIO()).add("a", (b"x" * 50 for _ in range(10)))


def test_names() -> None:
    good = ("mimetype", "META-INF/ASiCManifest001.xml", "a/b/c-1_2.json", "x" * 240)
    bad = ("", "/", "a/", "/a", "a//b", "..", "a/..", ".a", "a/.b", "a b", "a\n", "ă", "a\\b", "C:", "x" * 241)

    assert [name for name in good if not is_name(name)] == []
    assert [name for name in bad if is_name(name)] == []
