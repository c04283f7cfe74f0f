"""The file of roots: only appended to, read strictly, whole again after a power cut."""

from __future__ import annotations

from pathlib import Path

import pytest

from hub import pins
from hub.errors import NotAllowed
from hub.pins import Pin
from hub.rules.ledger_seal import NO_ROOT, Seal


def seal(number: int) -> Seal:
    return Seal(number=number, at=1_772_417_704.5, upto=number, previous=NO_ROOT, leaves=2, root=f"{number:064x}")


def append(path: Path, *numbers: int) -> int:
    with pins.appending(path) as file:
        return file.append(map(seal, numbers))


def test_lines_are_appended_and_read_back(tmp_path: Path) -> None:
    path = tmp_path / "roots"

    assert (append(path, 1, 2), append(path, 3), append(path)) == (2, 1, 0)
    assert list(pins.read(path)) == [Pin(number, f"{number:064x}") for number in (1, 2, 3)]
    with pins.appending(path) as file:
        assert file.last() == 3


def test_a_line_says_number_root_and_moment_in_vietnam(tmp_path: Path) -> None:
    append(tmp_path / "roots", 12)

    assert (tmp_path / "roots").read_text() == f"12 {12:064x} 2026-03-02T09:15:04+07:00\n"


@pytest.mark.parametrize("cut", [1, 5, 40, 80, 93])
def test_a_line_that_was_torn_is_written_again_whole(tmp_path: Path, cut: int) -> None:
    path = tmp_path / "roots"
    append(path, 1, 2)
    path.write_bytes(path.read_bytes()[:-cut])

    with pins.appending(path) as file:
        assert file.last() == 1
        file.append([seal(2), seal(3)])

    assert dict.fromkeys(pins.read(path)) == dict.fromkeys(Pin(number, f"{number:064x}") for number in (1, 2, 3))


def test_of_many_lines_the_last_is_found(tmp_path: Path) -> None:
    append(tmp_path / "roots", *range(1, 200))

    with pins.appending(tmp_path / "roots") as file:
        assert file.last() == 199


@pytest.mark.parametrize(
    "line", ["1 abc 2026", f"0 {'0' * 64} x", f"1 {'0' * 64}", "rubbish", f"1 {'A' * 64} x", "1  " + "0" * 64 + " x"]
)
def test_what_is_no_line_is_refused_by_its_number(tmp_path: Path, line: str) -> None:
    path = tmp_path / "roots"
    append(path, 1)
    path.write_text(path.read_text() + line + "\n" + pins.line(seal(2)))

    with pytest.raises(NotAllowed) as caught:
        list(pins.read(path))

    assert caught.value.where == f"{path}:2"


def test_a_last_line_that_is_none_is_refused_as_well(tmp_path: Path) -> None:
    path = tmp_path / "roots"
    append(path, 1)
    path.write_text(path.read_text() + "rubbish")

    with pytest.raises(NotAllowed):
        list(pins.read(path))
