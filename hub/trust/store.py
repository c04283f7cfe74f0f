"""The trust store: which authorities end a path, for what, from when until when, and whose certificate may sign what.

It is read from ``trust/`` of the configuration: ``trust.toml``, files of certificates, ``register.csv``.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from pathlib import Path

from cryptography import x509
from pydantic import BaseModel, ConfigDict, Field

from hub.rules.certificates import UNREADABLE, fingerprint, may_issue
from hub.trust.register import Key, Registered, Wrong, moment, read_register

#: Purpose of authorities that vouch for time stamps; their anchors may be a time stamping authority's own certificate.
TSA = "tsa"

_NAME = r"^[a-z0-9][a-z0-9_-]{0,63}$"


class _Table(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class AnchorTable(_Table):
    """``[[anchor]]``"""

    name: str = Field(pattern=_NAME)
    #: What its certificates are trusted for: a word that endpoints choose by.
    purpose: str = Field(pattern=_NAME)
    #: One certificate (PEM or DER), relative to ``trust/``.
    file: str = Field(min_length=1)
    #: SHA-256 (hex) of the certificate, as its owner published it; a file with another one is refused.
    sha256: str = Field("", pattern="^([0-9a-fA-F]{64})?$")
    #: It is trusted from the first moment of the first day until the last moment of the last, Vietnamese time; never outside
    #: its own validity.
    valid_from: date | None = None
    valid_until: date | None = None


class IntermediateTable(_Table):
    """``[[intermediate]]``"""

    name: str = Field(pattern=_NAME)
    #: Certificates (PEM) or one (DER) of authorities below an anchor, for signers who do not send them.
    file: str = Field(min_length=1)


class RevocationTable(_Table):
    """``[revocation]``"""

    #: Lists and answers, as fetched or as put there by hand; a relative one is relative to the configuration folder.
    folder: str = Field("var/revocation", min_length=1)
    #: ``certificates``: fetch ``lists``, and what trusted certificates name; ``listed``: only ``lists``; ``none``: nothing.
    fetch: str = Field("certificates", pattern="^(certificates|listed|none)$")
    #: Addresses of revocation lists (http or https).
    lists: tuple[str, ...] = ()
    refresh_minutes: float = Field(60.0, gt=0, le=10_080)
    #: Alarm where what is held ends so soon.
    alarm_hours: float = Field(12.0, ge=0)
    #: The largest list or answer that is taken.
    max_bytes: int = Field(20_000_000, gt=0, le=60_000_000)
    #: Total time for one list or answer.
    deadline_seconds: float = Field(30.0, gt=0)


class TrustFile(_Table):
    """The whole of trust/trust.toml."""

    anchor: tuple[AnchorTable, ...] = ()
    intermediate: tuple[IntermediateTable, ...] = ()
    revocation: RevocationTable = RevocationTable()


@dataclass(frozen=True, slots=True, kw_only=True)
class Anchor:
    """An authority at which paths end."""

    name: str
    purpose: str
    certificate: x509.Certificate
    valid_from: datetime
    #: The last moment.
    valid_until: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Between:
    """An authority below an anchor; it is trusted only where a path leads through it."""

    name: str
    certificate: x509.Certificate


@dataclass(frozen=True, slots=True, kw_only=True)
class TrustStore:
    """Everything under ``trust/``, read once."""

    anchors: tuple[Anchor, ...] = ()
    between: tuple[Between, ...] = ()
    register: Mapping[Key, tuple[Registered, ...]] = field(default_factory=dict)
    revocation: RevocationTable = field(default_factory=RevocationTable)

    @property
    def intermediates(self) -> tuple[x509.Certificate, ...]:
        return tuple(each.certificate for each in self.between)

    @property
    def purposes(self) -> frozenset[str]:
        return frozenset(anchor.purpose for anchor in self.anchors)

    def of(self, purposes: Iterable[str]) -> tuple[Anchor, ...]:
        """Give the anchors of some purposes, in the file's order."""
        wanted = frozenset(purposes)
        return tuple(anchor for anchor in self.anchors if anchor.purpose in wanted)

    def certificates(self, purpose: str) -> tuple[x509.Certificate, ...]:
        """Give the certificates of a purpose's anchors: ``certificates("tsa")`` for time stamps."""
        return tuple(anchor.certificate for anchor in self.of([purpose]))

    def lines_about(self, certificate: x509.Certificate) -> tuple[Registered, ...]:
        """Find what the register says about a certificate."""
        return self.register.get((certificate.issuer.rfc4514_string(), certificate.serial_number), ())


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What one endpoint asks of the store."""

    endpoint: str
    #: Purposes of the anchors at which a path may end.
    purposes: tuple[str, ...]
    allow_weak: bool = False
    #: Accept a certificate of which it is not known whether it is revoked.
    accept_unknown: bool = False
    #: The register must name the certificate for this endpoint.
    registered: bool = True


def load(path: Path, file: TrustFile) -> TrustStore:
    """Read what ``trust.toml`` (at ``path``) names; raise BadSettings with all that is wrong, by file and line."""
    wrong = Wrong()
    anchors = tuple(_anchors(path, file.anchor, wrong))
    between = tuple(
        Between(name=table.name, certificate=one)
        for table in file.intermediate
        for one in _certificates(path, table, "intermediate", wrong)
    )
    for tables in (file.anchor, file.intermediate):
        _check_names(path, tables, wrong)
    register = read_register(path.with_name("register.csv"), {anchor.purpose for anchor in file.anchor}, wrong)
    wrong.raise_if_any()
    return TrustStore(anchors=anchors, between=between, register=register, revocation=file.revocation)


# --- certificates -------------------------------------------------------------------------------------------------


def _anchors(path: Path, tables: Iterable[AnchorTable], wrong: Wrong) -> Iterator[Anchor]:
    for table in tables:
        found = _certificates(path, table, "anchor", wrong)
        if not found:
            continue
        where, certificate = f"{path}: anchor {table.name!r}", found[0]
        if len(found) > 1:
            wrong.add(where, "tệp phải có đúng một chứng thư số", "the file must hold exactly one certificate")
        if table.sha256 and table.sha256.lower() != fingerprint(certificate):
            wrong.add(where, "SHA-256 của tệp không khớp sha256 đã khai", "the certificate's SHA-256 is not the one in sha256")
        if table.purpose != TSA and not may_issue(certificate):
            wrong.add(
                where,
                "không phải chứng thư số của tổ chức cấp (basicConstraints, keyUsage)",
                "not the certificate of an authority (basicConstraints, keyUsage)",
            )
        begin, end = moment(table.valid_from), moment(table.valid_until, end=True)
        anchor = Anchor(
            name=table.name,
            purpose=table.purpose,
            certificate=certificate,
            valid_from=max(begin or certificate.not_valid_before_utc, certificate.not_valid_before_utc),
            valid_until=min(end or certificate.not_valid_after_utc, certificate.not_valid_after_utc),
        )
        if anchor.valid_from > anchor.valid_until:
            wrong.add(where, "valid_from, valid_until không để lại ngày nào", "valid_from and valid_until leave no day")
        yield anchor


def _certificates(
    path: Path, table: AnchorTable | IntermediateTable, kind: str, wrong: Wrong
) -> tuple[x509.Certificate, ...]:
    where, file = f"{path}: {kind} {table.name!r}", path.parent / table.file
    if not file.is_file():
        wrong.add(where, f"không có tệp {file}", f"there is no file {file}")
        return ()
    try:
        found = read_certificates(file.read_bytes())
        for certificate in found:
            # What other rooms ask of it, so that an odd one is found now.
            certificate.subject.rfc4514_string(), certificate.public_key(), certificate.extensions, may_issue(certificate)
    except UNREADABLE:
        wrong.add(where, f"không đọc được chứng thư số trong {file}", f"no readable certificate in {file}")
        return ()
    return found


def read_certificates(content: bytes) -> tuple[x509.Certificate, ...]:
    """Read certificates (PEM, several; or DER, one); raise one of UNREADABLE where there is none."""
    if b"-----BEGIN" in content:
        return tuple(x509.load_pem_x509_certificates(content))
    return (x509.load_der_x509_certificate(content),)


def _check_names(path: Path, tables: Iterable[AnchorTable | IntermediateTable], wrong: Wrong) -> None:
    seen: set[str] = set()
    for table in tables:
        if table.name in seen:
            wrong.add(f"{path}: {table.name!r}", "tên đã dùng", "the name stands twice")
        seen.add(table.name)
