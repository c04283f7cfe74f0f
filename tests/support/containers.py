"""Containers of evidence: export them as the command line does, verify them by public tools alone, take them apart."""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from cryptography.hazmat.primitives.serialization import Encoding

from hub.ledger import seal_verbs
from hub.ledger.ledger import Ledger
from hub.payloads import FolderStore
from hub.registers import container, container_checks, evidence
from hub.registers.container import Sealing
from hub.registers.container_checks import Verdict
from hub.registers.evidence import Evidence, Wanted
from hub.registers.guides import SCRIPT
from hub.registers.leaning import leaning
from hub.registers.opened_container import FAILED
from hub.rules import ledger_seal, timestamps
from hub.rules.stored_zip import Reader, Writer
from hub.rules.trust import Signer, TrustSnapshot
from tests.support import tsa
from tests.support.signers import AUTHORITY, NOW, SIGNER, Party

#: What the script may use: no Python, nothing of ours.
TOOLS = ("unzip", "openssl", "sha256sum", "xmlsec1")
#: Everything that is kept, without the partners' files.
ALL = Wanted()
#: Anybody's shell: no variables but where programs are.
BARE = {"PATH": "/usr/local/bin:/usr/bin:/bin"}


@dataclass
class Desk:
    """Who exports evidence from a ledger."""

    ledger: Ledger
    folder: Path
    signer: Signer = field(default_factory=lambda: SIGNER.signer)
    #: Whom the doors trust.
    trusted: Sequence[Party] = (AUTHORITY,)
    #: Where that is not all.
    trust: TrustSnapshot | None = None
    authority: tsa.Tsa | None = None

    @property
    def store(self) -> FolderStore:
        return FolderStore(self.folder / "payloads")

    def stamp(self, digest: bytes) -> bytes:
        """Get a token from the authority."""
        if self.authority is None:
            self.folder.joinpath("tsa").mkdir(exist_ok=True)
            self.authority = tsa.Tsa(self.folder / "tsa")
        nonce = len(self.authority.asked) + 1
        return timestamps.read_reply(self.authority.stamp(timestamps.request(digest, nonce)), digest, nonce)

    def seal_ledger(self) -> None:
        """Seal what is in the journal, with a time token."""
        with self.ledger.read() as conn:
            before = seal_verbs.last(conn)
            found = seal_verbs.unsealed(conn, before.upto if before else 0, seal_verbs.newest_row(conn), 1000)
        made = ledger_seal.make(before, found.ends, at=NOW.timestamp(), upto=found.upto)
        token = self.stamp(made.digest)
        with self.ledger.apart() as conn:
            assert seal_verbs.keep(conn, made, found.ends)
            assert seal_verbs.keep_token(conn, made.number, token, NOW.timestamp())

    def collect(self, name: str, wanted: Wanted = ALL, then: Callable[[Evidence], object] = lambda found: None) -> Evidence:
        """Put evidence together; ``then`` reads its bytes."""
        trust = self.trust or TrustSnapshot(pinned=tuple(each.certificate for each in self.trusted))
        with self.ledger.read() as conn:
            found = evidence.collect(conn, name, lambda _, der, at: leaning(trust, der, at), self.store, wanted)
            then(found)
            return found

    def export(self, name: str, wanted: Wanted = ALL, *, stamped: bool = True) -> Path:
        """Write a container."""
        path = self.folder / f"{len(list(self.folder.glob('*.asice')))}.asice"
        sealing = Sealing(hub="test-hub", signer=self.signer, now=NOW, stamp=self.stamp if stamped else None)

        def write(found: Evidence) -> None:
            with path.open("w+b") as file:
                container.write(file, found, sealing)

        self.collect(name, wanted, write)
        return path


# --- verifying ----------------------------------------------------------------------------------------------------


def verified(path: Path, *anchors: Party) -> Verdict:
    """Check a container as ``lienthong evidence verify`` does."""
    with path.open("rb") as file:
        return container_checks.verify(file, [each.certificate for each in anchors])


def failed(path: Path, *anchors: Party) -> set[str]:
    """Name what failed: files."""
    return {each.about for each in verified(path, *anchors).results if each.outcome == FAILED}


@dataclass(frozen=True)
class Said:
    """What the stand-alone script said."""

    code: int
    lines: tuple[str, ...]
    errors: str

    def all(self, result: str) -> list[str]:
        return [line[8:] for line in self.lines if line.startswith(result)]


def by_script(path: Path, folder: Path, *anchors: Party) -> Said:
    """Run the script of the hub's source on a container: with public tools, in an empty environment and an empty folder."""
    folder.mkdir(exist_ok=True)
    (folder / "verify.sh").write_bytes(SCRIPT)
    words = ["sh", "verify.sh", str(path.resolve())]
    if anchors:
        pems = b"".join(each.certificate.public_bytes(Encoding.PEM) for each in anchors)
        (folder / "anchors.pem").write_bytes(pems)
        words.append("anchors.pem")
    done = subprocess.run(
        words, cwd=folder, env=BARE, capture_output=True, check=False, stdin=subprocess.DEVNULL, timeout=120
    )
    said, errors = (each.decode("utf-8", "replace") for each in (done.stdout, done.stderr))
    return Said(done.returncode, tuple(said.splitlines()), errors)


# --- taking apart ---------------------------------------------------------------------------------------------------


def contents(path: Path) -> dict[str, bytes]:
    """Read every file of a container."""
    with path.open("rb") as file:
        reader = Reader(file)
        return {name: b"".join(reader.pieces(entry)) for name, entry in reader.entries.items()}


def rewritten(path: Path, changes: Mapping[str, bytes | None]) -> Path:
    """Write a container anew, well-formed, with other bytes in some files; None takes a file away."""
    return packed(path.with_name(f"changed-{path.name}"), ({**contents(path), **changes}).items())


def packed(path: Path, entries: Iterable[tuple[str, bytes | None]]) -> Path:
    """Write a well-formed zip."""
    with path.open("w+b") as file:
        writer = Writer(file)
        for name, body in entries:
            if body is not None:
                writer.add(name, (body,))
        writer.close()
    return path
