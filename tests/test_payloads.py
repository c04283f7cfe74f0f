"""The payload store: what is half there does not count, what was changed does not come out, what was deleted is gone."""

from __future__ import annotations

import errno
import hashlib
import os
import resource
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from hub.errors import Damaged
from hub.payloads import PIECE_BYTES, FolderStore, StoreUnavailable, put

TEXT = "Bản vẽ".encode()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "var" / "payloads"


@pytest.fixture
def store(folder: Path) -> FolderStore:
    return FolderStore(folder)


def digest_of(body: bytes) -> str:
    return f"sha256:{hashlib.sha256(body).hexdigest()}"


def files(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.is_file())


def read_all(store: FolderStore, digest: str) -> bytes:
    reading = store.open(digest)
    assert reading is not None
    try:
        return b"".join(iter(reading.read, b""))
    finally:
        reading.close()


@pytest.mark.parametrize("size", [0, 1, PIECE_BYTES - 1, PIECE_BYTES, PIECE_BYTES + 1, 3 * PIECE_BYTES])
def test_what_was_put_comes_out_by_its_digest(store: FolderStore, size: int) -> None:
    body = os.urandom(size)

    kept = put(store, (body[at : at + 1000] for at in range(0, size, 1000)))

    assert (kept.digest, kept.size) == (digest_of(body), size)
    assert store.size(kept.digest) == size
    assert read_all(store, kept.digest) == body


def test_files_are_for_their_owner_alone(store: FolderStore, folder: Path) -> None:
    old = os.umask(0)
    try:
        put(store, [TEXT])
    finally:
        os.umask(old)

    assert {path.stat().st_mode & 0o777 for path in files(folder)} == {0o600}
    assert {path.stat().st_mode & 0o777 for path in folder.rglob("*") if path.is_dir()} == {0o700}


def test_the_same_file_is_kept_once(store: FolderStore, folder: Path) -> None:
    assert put(store, [TEXT]) == put(store, [TEXT[:3], TEXT[3:]])
    assert len(files(folder)) == 1


def test_a_stream_that_breaks_off_leaves_nothing(store: FolderStore, folder: Path) -> None:
    def breaking() -> Iterator[bytes]:
        yield TEXT
        assert len(files(folder)) == 1, "it is being received"
        raise ConnectionResetError

    with pytest.raises(ConnectionResetError):
        put(store, breaking())

    assert files(folder) == []


def test_what_is_being_received_is_not_there(store: FolderStore) -> None:
    receiving = store.receive()
    receiving.write(TEXT)

    assert store.size(receiving.digest) is None
    assert store.open(receiving.digest) is None
    assert list(store.kept()) == []
    receiving.discard()


def test_a_process_that_is_killed_leaves_what_a_sweep_takes_by_its_age(store: FolderStore, folder: Path) -> None:
    source = f"""
import os, pathlib, signal
from hub.payloads import FolderStore
receiving = FolderStore(pathlib.Path({str(folder)!r})).receive()
receiving.write(b"half")
os.kill(os.getpid(), signal.SIGKILL)
"""
    assert subprocess.run([sys.executable, "-c", source], check=False).returncode == -signal.SIGKILL
    (left,) = files(folder)
    grown = left.stat().st_mtime

    assert store.sweep(grown - 1) == 0 and files(folder) == [left]
    assert store.sweep(grown + 1) == 1 and files(folder) == []


@pytest.mark.parametrize("size", [10, 3 * PIECE_BYTES])
@pytest.mark.parametrize("place", ["first", "last", "cut", "longer"])
def test_a_file_that_was_changed_never_comes_out_whole(store: FolderStore, folder: Path, size: int, place: str) -> None:
    body = os.urandom(size)
    kept = put(store, [body])
    (path,) = files(folder)
    changed = bytearray(body)
    if place == "cut":
        del changed[-1]
    elif place == "longer":
        changed += b"x"
    else:
        changed[0 if place == "first" else -1] ^= 1
    path.write_bytes(changed)
    reading = store.open(kept.digest)
    assert reading is not None
    given = 0

    with pytest.raises(Damaged):
        while piece := reading.read():
            given += len(piece)

    assert given < len(changed)
    reading.close()


def test_what_is_deleted_is_gone_and_deleting_again_is_nothing(store: FolderStore) -> None:
    kept = put(store, [TEXT])

    store.delete(kept.digest)
    store.delete(kept.digest)

    assert store.size(kept.digest) is None and store.open(kept.digest) is None


def test_all_that_is_kept_is_listed(store: FolderStore) -> None:
    kept = {put(store, [bytes([number])]).digest for number in range(20)}

    assert {digest for digest, _ in store.kept()} == kept


@pytest.mark.parametrize(
    "name", ["", "sha256:", "../../etc/passwd", "sha256:" + "A" * 64, "sha256:" + "a" * 63, "md5:" + "a" * 64]
)
def test_what_is_no_digest_never_becomes_a_path(store: FolderStore, name: str) -> None:
    for verb in (store.open, store.size, store.delete):
        with pytest.raises(ValueError, match="not a digest"):
            verb(name)


# --- a disk that takes no more


def test_a_file_that_the_disk_does_not_take_is_told_and_leaves_nothing(store: FolderStore, folder: Path) -> None:
    """The operating system's own limit of a file's size stands for a full disk (EFBIG)."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (PIECE_BYTES, before[1]))
    try:
        with pytest.raises(StoreUnavailable) as told:
            put(store, [bytes(1000)] * 1000)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)

    assert told.value.en == "the payload store is full" and told.value.vi == "kho tệp đã đầy"
    assert files(folder) == []


def test_a_full_disk_at_the_last_moment_is_told_and_nothing_counts(
    store: FolderStore, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Disks that allocate late say so only when what was written is to stay."""

    def full(_number: int) -> Any:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    put(store, [b"makes the folders"])
    receiving = store.receive()
    receiving.write(TEXT)
    monkeypatch.setattr(os, "fsync", full)

    with pytest.raises(StoreUnavailable, match="is full"):
        receiving.keep()
    receiving.discard()

    assert [path.read_bytes() for path in files(folder)] == [b"makes the folders"]


def test_a_folder_that_cannot_be_made_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")

    with pytest.raises(StoreUnavailable, match="cannot write"):
        FolderStore(tmp_path / "file" / "payloads").receive()


def test_a_try_keeps_nothing_and_makes_no_folder(store: FolderStore, folder: Path) -> None:
    """Who tries may be another user than the one who serves, and would own the folder."""
    assert store.probe() > 0
    assert not folder.exists()

    put(store, [TEXT])
    before = files(folder)

    assert store.probe() > 0
    assert files(folder) == before


def test_a_folder_that_another_user_owns_is_told() -> None:
    """Where tests run as root, to whom nothing is forbidden, as somebody else."""
    with tempfile.TemporaryDirectory() as name:
        place = Path(name)
        (place / "payloads" / "incoming").mkdir(parents=True)
        (place / "payloads" / "incoming").chmod(0o555)
        place.chmod(0o555)
        me = os.geteuid()
        os.seteuid(me or 65534)
        try:
            for each in (place / "payloads", place / "not there", place / "not" / "there"):
                with pytest.raises(StoreUnavailable, match="cannot write \\(Permission denied"):
                    FolderStore(each).probe()
        finally:
            os.seteuid(me)
            place.chmod(0o755)


def test_a_file_in_the_folders_place_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")

    for each in (tmp_path / "file", tmp_path / "file" / "payloads"):
        with pytest.raises(StoreUnavailable, match="cannot write"):
            FolderStore(each).probe()


def test_a_try_on_a_full_disk_is_told_and_leaves_nothing(store: FolderStore, folder: Path) -> None:
    put(store, [TEXT])
    before = files(folder)
    limit = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, limit[1]))
    try:
        with pytest.raises(StoreUnavailable, match="is full"):
            store.probe()
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limit)

    assert files(folder) == before


def test_a_file_counts_only_after_it_and_its_name_are_on_the_disk(
    store: FolderStore, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """First the bytes, then the name, then the folder that holds the name."""
    put(store, [TEXT])
    seen: list[tuple[str, int]] = []
    real = os.fsync

    def noted(number: int) -> None:
        seen.append((os.readlink(f"/proc/self/fd/{number}"), len(list(store.kept()))))
        real(number)

    monkeypatch.setattr(os, "fsync", noted)
    body = b"another"
    kept = put(store, [body])
    name = kept.digest.partition(":")[2]

    assert seen[0][0].startswith(str(folder / "incoming")) and seen[0][1] == 1
    assert seen[-1] == (str(folder / name[:2] / name[2:4]), 2)
