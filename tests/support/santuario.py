"""Apache Santuario and the JDK's XML-DSig: programs that others wrote, asked through one small Java file."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.serialization import BestAvailableEncryption, pkcs12

from tests.support.signers import tool

_SOURCE = Path(__file__).parents[1] / "rules" / "interop" / "Signatures.java"
_JARS = [Path("/usr/share/java") / f"{name}.jar" for name in ("xmlsec", "commons-codec", "slf4j-api")]
#: Verdict words of both.
ACCEPTED, REFUSED = ("true", "true"), ("false", "false")


def verify(files: Sequence[Path]) -> dict[str, tuple[str, str]]:
    """Verify documents by both; file name -> what Santuario and the JDK say."""
    said = _java("verify", *map(str, files))
    return {name: (santuario, jdk) for name, santuario, jdk in (line.split("\t") for line in said.splitlines())}


def sign(folder: Path, parties: Mapping[str, Any], jobs: Sequence[Mapping[str, str]]) -> None:
    """Sign documents by Santuario; each job names ``in``, ``out``, ``key`` (a party's name) and how."""
    stores = []
    for name, party in parties.items():
        store = folder / f"{name}.p12"
        encrypted = BestAvailableEncryption(b"test")
        store.write_bytes(pkcs12.serialize_key_and_certificates(name.encode(), party.key, party.certificate, None, encrypted))
        stores.append((name, store))
    for name, store in stores:
        mine = [job for job in jobs if job["key"] == name]
        listed = folder / f"{name}.jobs"
        listed.write_text("\n".join("\t".join(f"{key}={value}" for key, value in job.items()) for job in mine))
        if mine:
            _java("sign", str(store), str(listed))


def _java(*words: str) -> str:
    tool("javac")  # java runs a source file with it
    java = tool("java")
    missing = [str(jar) for jar in _JARS if not jar.exists()]
    if missing and os.environ.get("CI"):
        pytest.fail(f"{missing} are not installed (libxml-security-java), and CI must not skip")
    if missing:
        pytest.skip(f"{missing} are not installed: interoperability with Apache Santuario was NOT checked")
    options = ["-Xshare:auto", "-XX:TieredStopAtLevel=1", "-cp", ":".join(map(str, _JARS))]
    done = subprocess.run([java, *options, str(_SOURCE), *words], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout
