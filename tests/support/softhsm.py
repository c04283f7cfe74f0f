"""Tokens of SoftHSM2, which speaks PKCS #11 like an HSM: each test process has its own folder of tokens."""

from __future__ import annotations

import os
import shutil
import subprocess
import uuid
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

_LIBRARIES = [Path(each) / "libsofthsm2.so" for each in ("/usr/lib/softhsm", "/usr/lib/x86_64-linux-gnu/softhsm", "/usr/lib64")]
PIN = "1234"


@dataclass(frozen=True)
class Tokens:
    """A folder of tokens, and the library that shows them to this process."""

    folder: Path
    module: str

    @property
    def shelf(self) -> Path:
        return self.folder / "tokens"

    def make(self, label: str = "") -> str:
        """Make a token; give its label."""
        label = label or f"t-{uuid.uuid4().hex[:12]}"
        self._tool("--init-token", "--free", "--label", label, "--so-pin", "12345678", "--pin", PIN)
        return label

    def put(self, label: str, key: Any, name: str, identifier: str = "01") -> None:
        """Put a private key into a token."""
        file = self.folder / f"{uuid.uuid4().hex}.pem"
        file.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
        self._tool("--import", str(file), "--token", label, "--label", name, "--id", identifier, "--pin", PIN)
        file.unlink()

    def take_away(self) -> None:
        """Pull every token out."""
        self.shelf.rename(self.folder / "pulled")

    def put_back(self) -> None:
        (self.folder / "pulled").rename(self.shelf)

    def _tool(self, *words: str) -> None:
        done = subprocess.run(["softhsm2-util", *words], capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr + done.stdout


def tokens_in(folder: Path) -> Tokens:
    """Make a folder of tokens and let this process's library look there; skip, or fail in CI, where SoftHSM2 is not installed."""
    found = next((each for each in _LIBRARIES if each.exists()), None)
    if found is None or shutil.which("softhsm2-util") is None:
        if os.environ.get("CI"):
            pytest.fail("softhsm2 is not installed, and CI must not skip")
        pytest.skip("softhsm2 is not installed: keys in PKCS #11 tokens were NOT tested")
    (folder / "tokens").mkdir(parents=True)
    file = folder / "softhsm2.conf"
    file.write_text(f"directories.tokendir = {folder / 'tokens'}\nobjectstore.backend = file\nlog.level = ERROR\n")
    # Read once, when the library is initialised.
    os.environ["SOFTHSM2_CONF"] = str(file)
    return Tokens(folder, str(found))
