"""Runs a command as systemd would confine it: the system calls of a unit's filter, and no memory written and then executed."""

from __future__ import annotations

import ctypes
import errno
import os
import re
import shutil
import struct
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

ABSENT = "systemd-analyze or headers are not installed (Debian: apt-get install systemd linux-libc-dev): tests on it are skipped"
HEADER = Path("/usr/include/x86_64-linux-gnu/asm/unistd_64.h")
#: Linux: <linux/prctl.h>, <linux/seccomp.h>, <linux/filter.h>.
PR_SET_SECCOMP, PR_SET_NO_NEW_PRIVS, PR_SET_MDWE = 22, 38, 65
MODE_FILTER, REFUSE_EXEC_GAIN = 2, 1
LOAD, JUMP_EQUAL, RETURN = 0x20, 0x15, 0x06
ALLOW, ERRNO = 0x7FFF0000, 0x00050000


def is_possible() -> bool:
    """Say whether this machine has what is needed."""
    here = sys.platform == "linux" and os.uname().machine == "x86_64"
    return here and HEADER.exists() and shutil.which("systemd-analyze") is not None


def calls(words: list[str]) -> set[str]:
    """Resolve the lines ``SystemCallFilter=`` of a unit: the first allows, those with ``~`` take away."""
    allowed: set[str] = set(_members("@default"))
    for line in words:
        named = {name for word in line.removeprefix("~").split() for name in _members(word)}
        allowed = allowed - named if line.startswith("~") else allowed | named
    return allowed


def _members(word: str) -> Iterator[str]:
    if not word.startswith("@"):
        yield word
        return
    told = subprocess.run(["systemd-analyze", "syscall-filter", word], capture_output=True, check=True, text=True).stdout
    for line in told.splitlines()[1:]:
        if (name := line.strip()) and not name.startswith("#"):
            yield from _members(name)


def main() -> None:
    """Confine this process, then become the command; the filter's lines stand in the environment."""
    numbers = dict(re.findall(r"#define __NR_(\w+) (\d+)", HEADER.read_text(encoding="ascii")))
    allowed = sorted(int(numbers[name]) for name in calls(os.environ["FILTER"].split("\n")) if name in numbers)
    code = [_instruction(LOAD, 0)]
    for number in allowed:
        code += [_instruction(JUMP_EQUAL, number, otherwise=1), _instruction(RETURN, ALLOW)]
    code.append(_instruction(RETURN, ERRNO | errno.EPERM))
    _confine(code)
    os.execv(sys.argv[1], sys.argv[1:])


def _instruction(code: int, value: int, otherwise: int = 0) -> bytes:
    return struct.pack("HBBI", code, 0, otherwise, value)


def _confine(code: list[bytes]) -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    text = ctypes.create_string_buffer(b"".join(code))
    program = ctypes.create_string_buffer(struct.pack("HxxxxxxP", len(code), ctypes.addressof(text)))
    if os.environ.get("NO_WRITTEN_CODE") and libc.prctl(PR_SET_MDWE, REFUSE_EXEC_GAIN, 0, 0, 0):
        print("this kernel has no PR_SET_MDWE", file=sys.stderr)
    assert libc.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0
    assert libc.prctl(PR_SET_SECCOMP, MODE_FILTER, program) == 0, os.strerror(ctypes.get_errno())


if __name__ == "__main__":
    main()
