"""``python -m tests.day [--dossiers N] [--hours N] [--seed N]``: plays a day and prints the account; exit code 1: not clean."""

from __future__ import annotations

import argparse
import platform
import sys
import tempfile
from pathlib import Path

from hub.telemetry import configure_logging
from tests.day.campaign import HOURS, day


def main() -> int:
    """Play a day, and print what came of it."""
    words = argparse.ArgumentParser(prog="python -m tests.day", description=__doc__)
    words.add_argument("--dossiers", type=int, default=5000)
    words.add_argument("--hours", type=int, default=HOURS)
    words.add_argument("--seed", type=int, default=1)
    asked = words.parse_args()
    configure_logging(json=True, level="ERROR")
    print(f"machine: {platform.machine()}, Python {platform.python_version()}; seed {asked.seed}")
    with tempfile.TemporaryDirectory() as folder:
        account = day(Path(folder) / "hub", seed=asked.seed, dossiers=asked.dossiers, hours=asked.hours, quiet=False)
    print(account.to_json())
    return 0 if account.clean else 1


if __name__ == "__main__":
    sys.exit(main())
