"""Files that go into every container of evidence, and the style of its report."""

from __future__ import annotations

from importlib.resources import files


def _read(name: str) -> bytes:
    return (files(__name__) / name).read_bytes()


#: Verifies a container by public tools alone; at most 150 lines, so that it can be read before it is run.
SCRIPT = _read("verify.sh")
#: What explains the container: Vietnamese, English.
GUIDES = {name: _read(name) for name in ("HUONG-DAN.txt", "README.txt")}
STYLE = _read("report.css").decode()
