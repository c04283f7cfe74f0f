"""A timestamping authority on loopback: real HTTP, and ``openssl ts`` as the authority that signs; with faults on demand."""

from __future__ import annotations

import base64
import shutil
import subprocess
import threading
from datetime import UTC, datetime
from functools import cache
from pathlib import Path

from asn1crypto import tsp
from cryptography.hazmat.primitives.serialization import Encoding

from hub.simulation import Call, Said, SimulatorServer
from tests.support import pki
from tests.support.pki import Party

OPENSSL = shutil.which("openssl") or "openssl"
POLICY, OTHER_POLICY = "1.3.6.1.4.1.99999.1", "1.3.6.1.4.1.99999.2"
REPLY = "application/timestamp-reply"
_CONFIG = f"""
[tsa]
serial = serial
signer_digest = sha256
default_policy = {POLICY}
other_policies = {OTHER_POLICY}
digests = sha256, sha384, sha512
accuracy = secs:1
ordering = no
tsa_name = no
ess_cert_id_chain = no
ess_cert_id_alg = sha256
"""


@cache
def authorities() -> tuple[Party, Party, Party]:
    """Make, once, a root, an authority below it and a TSA; valid now, since openssl states the time of this machine."""
    now = datetime.now(UTC)
    root = pki.root("TSA root", at=now)
    between = pki.intermediate(root, "TSA authority", at=now)
    return root, between, pki.time_stamper(between, at=now)


class Tsa(SimulatorServer):
    """Answers requests; knows these faults beside those of every simulator.

    ``wrong_nonce``, ``wrong_digest``, ``wrong_policy``: a good token, to another request. ``rejection``: a status of RFC 3161.
    ``garbage``, ``giant``: no token at all. ``forged``: signed by an authority of the same names that nobody trusts.
    """

    def __init__(self, folder: Path, signer: Party | None = None, *, login: str = "", config: str = _CONFIG) -> None:
        super().__init__("tsa", self._answer)
        self._folder, self._login = folder, login
        self._lock = threading.Lock()
        self.asked: list[bytes] = []
        self.account = lambda: len(self.asked)
        (folder / "tsa.cnf").write_text(config)
        (folder / "serial").write_text("01\n")
        self._write("tsa", signer or authorities()[2])

    def _write(self, name: str, signer: Party) -> None:
        (self._folder / f"{name}.key").write_bytes(signer.key_pem)
        (self._folder / f"{name}.pem").write_bytes(signer.pem)
        (self._folder / f"{name}.chain.pem").write_bytes(b"".join(each.public_bytes(Encoding.PEM) for each in signer.between))

    def stamp(self, query: bytes, name: str = "tsa") -> bytes:
        """Let openssl answer a query; give its reply."""
        with self._lock:
            (self._folder / "query").write_bytes(query)
            chain = self._folder / f"{name}.chain.pem"
            beside = ["-chain", str(chain)] if chain.stat().st_size else []
            command = [OPENSSL, "ts", "-reply", "-config", "tsa.cnf", "-section", "tsa", "-queryfile", "query", "-out", "reply"]
            command += ["-signer", f"{name}.pem", "-inkey", f"{name}.key", *beside]
            subprocess.run(command, cwd=self._folder, check=True, capture_output=True)
            return (self._folder / "reply").read_bytes()

    def forge(self) -> None:
        """Make the authority that ``forged`` signs with."""
        now = datetime.now(UTC)
        root = pki.root("TSA root", at=now)
        self._write("forger", pki.time_stamper(pki.intermediate(root, "TSA authority", at=now), at=now))

    def _answer(self, call: Call) -> Said:
        given = call.headers.get("authorization", "")
        if self._login and given != "Basic " + base64.b64encode(self._login.encode()).decode():
            return Said(status=401)
        if call.headers.get("content-type") != "application/timestamp-query":
            return Said(status=415)
        self.asked.append(call.body)
        return Said(self._reply(call.body), content_type=REPLY)

    def _reply(self, query: bytes) -> bytes:
        if self.faults.take("garbage", ""):
            return b"<html>Bad Gateway</html>"
        if self.faults.take("giant", ""):
            return b"\x30\x84\x04\x00\x00\x00" + bytes(5_000_000)
        if self.faults.take("rejection", ""):
            return rejection("time_not_available")
        if self.faults.take("forged", ""):
            return self.stamp(query, "forger")
        for kind, name, value in _CHANGES:
            if self.faults.take(kind, ""):
                query = changed(query, name, value)
        return self.stamp(query)


_CHANGES = (
    ("wrong_nonce", "nonce", 4711),
    ("wrong_digest", "message_imprint", None),
    ("wrong_policy", "req_policy", OTHER_POLICY),
)


def changed(query: bytes, name: str, value: object) -> bytes:
    """Write a request that says something else in one place."""
    fields = tsp.TimeStampReq.load(query).native
    fields["message_imprint"]["hash_algorithm"] = {"algorithm": "sha256"}
    fields = {key: given for key, given in fields.items() if given is not None and key != "extensions"}
    if name == "message_imprint":
        fields[name]["hashed_message"] = bytes(32)
    else:
        fields[name] = value
    return tsp.TimeStampReq(fields).dump()


def rejection(why: str, status: str = "rejection") -> bytes:
    """Write a reply without token."""
    body = tsp.PKIStatusInfo({"status": status, "status_string": ["no"], "fail_info": {why}}).dump()
    return bytes([0x30, len(body)]) + body


def accepts(token: bytes, digest: bytes, root: Party, folder: Path) -> bool:
    """Say whether ``openssl ts -verify`` accepts a token over a digest."""
    (folder / "token.der").write_bytes(token)
    (folder / "root.pem").write_bytes(root.pem)
    command = [OPENSSL, "ts", "-verify", "-digest", digest.hex(), "-in", "token.der", "-token_in", "-CAfile", "root.pem"]
    return subprocess.run(command, cwd=folder, capture_output=True, check=False).returncode == 0
