"""What every fault must be: in both languages, writable, and without the personal values of the message."""

from __future__ import annotations

import re

from hub.errors import InvalidMessage

#: Persons in samples are plainly invented; these pieces of them never stand in a fault.
PERSONAL = ("Thử Nghiệm", "000000000000", "0000000000", "@example.org")
#: A personal number, an old identity card, a phone number, an address for e-mail.
_PERSONAL = re.compile(r"(?<![\d.])(?:0\d{11}|\d{9}|0\d{9})(?![\d.])|[\w.+-]+@[\w-]+\.\w+")
#: Where the ledger can keep them and an answer can carry them.
_LONGEST = 1000


def assert_faults(error: InvalidMessage, body: bytes) -> None:
    """Each fault says where and what, in Vietnamese and English, and names no person of the message."""
    text = body.decode("utf-8", "replace")
    assert error.faults, "InvalidMessage without a fault does not tell the sender what to mend"
    for fault in error.faults:
        said = f"{fault.path}: {fault.vi} / {fault.en}"
        assert fault.code, f"{said}: the fault has no code"
        assert fault.vi.strip() and fault.en.strip(), f"{said}: a text is missing"
        assert fault.vi != fault.en, f"{said}: the Vietnamese and the English text are the same"
        assert len(said) <= _LONGEST, f"{said[:200]}…: longer than {_LONGEST} characters"
        assert said.encode("utf-8", "replace").decode() == said and "\x00" not in said, f"{said!r} cannot be written"
        repeated = [value for value in (*PERSONAL, *_PERSONAL.findall(said)) if value in said and value in text]
        assert not repeated, f"the fault at {fault.path} repeats personal values of the message: {repeated}"
