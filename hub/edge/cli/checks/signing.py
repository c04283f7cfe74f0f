"""Signing: every key signs as its endpoints ask, by its certificate, now and after the next one has taken over."""

from __future__ import annotations

from collections.abc import Iterator

from hub import keyring
from hub.edge.cli.checks.findings import ERROR, WARNING, Finding, fine, of_error
from hub.endpoint import Endpoint, OutboundPolicy
from hub.errors import CannotSign, HubError
from hub.rules import algorithms
from hub.rules.trust import Signer
from hub.settings import Settings


def look(settings: Settings, where: str, endpoint: Endpoint) -> Iterator[Finding]:
    """Look at what one endpoint asks of its signer."""
    outbound = endpoint.outbound
    if outbound is None or outbound.sign == "none":
        return
    name = outbound.signer
    if name not in settings.file.signers:
        yield Finding(
            level=ERROR,
            where=f"{where} [outbound] signer",
            vi=f"không có khóa ký {name!r}: thêm [signers.{name}] vào hub.toml",
            en=f"there is no signer {name!r}: add [signers.{name}] to hub.toml",
        )
        return
    yield from _timestamps(settings, where, outbound)
    try:
        signers = keyring.ring(settings, name).signers
    except HubError:
        return  # told of the signer itself
    for signer in signers:
        yield from _fits(where, outbound, signer)


def _timestamps(settings: Settings, where: str, outbound: OutboundPolicy) -> Iterator[Finding]:
    if outbound.sign == "xades-t" and not settings.file.timestamps.authority:
        yield Finding(
            level=ERROR,
            where=f"{where} [outbound] sign",
            vi="\"xades-t\" cần tổ chức cấp dấu thời gian: thêm [[timestamps.authority]] vào hub.toml",
            en="\"xades-t\" needs a time-stamping authority: add [[timestamps.authority]] to hub.toml",
        )
    if outbound.signature_policy and outbound.sign not in ("xades-b", "xades-t"):
        yield Finding(
            level=WARNING,
            where=f"{where} [outbound] signature_policy",
            vi=f"không có tác dụng với sign = \"{outbound.sign}\": chỉ chữ ký XAdES nêu chính sách",
            en=f"has no effect with sign = \"{outbound.sign}\": only XAdES signatures name a policy",
        )


def _fits(where: str, outbound: OutboundPolicy, signer: Signer) -> Iterator[Finding]:
    """A key that takes over later, of another kind, must fit as well."""
    choose = algorithms.for_jws if outbound.sign == "jws" else algorithms.for_xml
    try:
        choose(signer.certificate.public_key(), outbound.algorithm)
    except HubError as error:
        yield of_error(f"{where} [outbound] algorithm", error)


def try_out(where: str, signer: Signer) -> Iterator[Finding]:
    """Have a key sign something: in a token that says whether it is there, takes the PIN, and fits the certificate."""
    try:
        signer.sign(b"lienthong check", algorithms.for_xml(signer.certificate.public_key()))
    except CannotSign as error:
        yield of_error(where, error, WARNING)
    except HubError as error:
        yield of_error(where, error)
    else:
        yield fine(where, "khóa ký được và khớp chứng thư số", "the key signs, and fits its certificate")
