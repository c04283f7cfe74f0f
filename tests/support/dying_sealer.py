"""A process that does one round of sealing and kills itself at its n-th touch of ledger, authority or file of roots."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from cryptography.x509 import load_pem_x509_certificate
from sqlalchemy import Connection

from hub import pins
from hub import sealing as flow
from hub.ledger.ledger import Ledger
from tests.support.sealer import Moment, World, asking
from tests.support.tsa import authorities

PATIENCE_SECONDS = 120


class Touches:
    """Counts touches; dies at one of them."""

    def __init__(self, last: int) -> None:
        self.last, self.count = last, 0

    def touch(self) -> None:
        self.count += 1
        if self.count == self.last:
            os.kill(os.getpid(), signal.SIGKILL)

    def around(self, work: Any) -> Any:
        def touched(*args: Any, **kwargs: Any) -> Any:
            self.touch()
            result = work(*args, **kwargs)
            self.touch()
            return result

        return touched


def run(url: str, tsa_url: str, roots: Path, now: float, last: int) -> int | None:
    """Let a process do one round; give how many touches it counted, None where it killed itself."""
    root = roots.with_name("root.pem")
    root.write_bytes(authorities()[0].pem)
    command = [sys.executable, "-m", "tests.support.dying_sealer", url, tsa_url, str(roots), str(root), repr(now), str(last)]
    ended = subprocess.run(command, capture_output=True, check=False, timeout=PATIENCE_SECONDS, text=True)
    if ended.returncode == -signal.SIGKILL:
        return None
    assert ended.returncode == 0, ended.stderr
    return int(ended.stdout.splitlines()[-1])


def _main(url: str, tsa_url: str, roots: str, root: str, now: str, last: str) -> None:
    touches = Touches(int(last))
    ledger = Ledger(url)
    apart = ledger.apart

    @contextmanager
    def touched() -> Iterator[Connection]:
        touches.touch()
        with apart() as conn:
            yield conn
            # What was said is not committed yet.
            touches.touch()
        touches.touch()

    ledger.apart = touched  # type: ignore[method-assign]
    pins.PinFile._write = touches.around(pins.PinFile._write)  # type: ignore[method-assign]
    asked = asking(tsa_url, trusted=(load_pem_x509_certificate(Path(root).read_bytes()),))
    asked = replace(asked, wire=_Touched(asked.wire, touches))
    sealing = World(ledger, Moment(float(now))).sealing(timestamping=asked, publish=Path(roots))
    flow.seal(sealing)
    flow.stamp(sealing)
    flow.publish(sealing)
    sys.stdout.write(str(touches.count))


class _Touched:
    def __init__(self, wire: Any, touches: Touches) -> None:
        self.call = touches.around(wire.call)


if __name__ == "__main__":
    _main(*sys.argv[1:])
