"""What is questionable in an envelope that was read: it is taken, and its sender is told so (pure)."""

from __future__ import annotations

from collections.abc import Iterable

from adapters.ephyto.options import Options
from adapters.ephyto.soap import Header
from adapters.ephyto.sps import judge
from hub.canonical.border.phyto import Phyto

SEVERE = "SEVERE"
#: So many findings are told; the rest is seen once these are mended.
MOST = 20


def questionable(phyto: Phyto, header: Header, options: Options) -> tuple[str, ...]:
    """Say in English, which goes abroad, what does not fit; names of persons are in none of it."""
    found = [*_of_the_envelope(phyto, header, options), *_of_the_profile(phyto)]
    return tuple(dict.fromkeys(found))[:MOST]


def _of_the_envelope(phyto: Phyto, header: Header, options: Options) -> Iterable[str]:
    issuer = phyto.export_country.code
    if issuer and options.country_of(header.sender) != issuer:
        yield f"SEVERE Mapping: From {header.sender} is not the issuing country {issuer}"
    if header.to and header.to != options.connection_code:
        yield f"WARNING Mapping: To {header.to} is not the connection code {options.connection_code}"
    if header.number and header.number != phyto.number:
        yield "SEVERE Mapping: NPPOCertificateNumber is not the certificate's ID"
    if header.type != phyto.type_code:
        yield f"SEVERE Mapping: CertificateType {header.type} is not the certificate's TypeCode {phyto.type_code}"
    if header.status != phyto.status:
        yield f"SEVERE Mapping: CertificateStatus {header.status} is not the certificate's StatusCode {phyto.status}"
    if phyto.import_country.code and phyto.import_country.code != options.country:
        yield f"WARNING Mapping: ImportSPSCountry is {phyto.import_country.code}"


def _of_the_profile(phyto: Phyto) -> Iterable[str]:
    """Give what its issuer had to do otherwise, in the words of the Hub's own validation; it is taken all the same."""
    for one in judge(phyto):
        if one.level == SEVERE:
            yield f"{one.level} {one.area}: {one.field}: {one.en}"
