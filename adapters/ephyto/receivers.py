"""Who is connected to the Hub, and what each takes: read from GetActiveNppos (pure)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from lxml import etree

from adapters.ephyto import soap
from adapters.ephyto.operations import NPPOS
from hub.errors import Refused

_NO = frozenset({"false", "0", "no"})


@dataclass(frozen=True, slots=True)
class Receiver:
    """What a country takes: pairs of type and status; none named: everything. An empty part of a pair takes any."""

    receives: bool
    documents: frozenset[tuple[str, str]] = frozenset()

    def takes(self, kind: str, status: str) -> bool:
        """Say whether it takes a type with a status."""
        pairs = {(kind, status), (kind, ""), ("", status), ("", "")}
        return not self.documents or bool(pairs & self.documents)


def receivers_in(answered: etree._Element) -> dict[str, Receiver]:
    """Read who is connected, by code at the Hub."""
    found = {}
    for element in answered.iter("*"):
        country = soap.child(element, "Country")
        if country is not None and soap.child(element, "Receive") is not None:
            receives = soap.text_of(soap.child(element, "Receive")).lower() not in _NO
            found[soap.text_of(country)] = Receiver(receives, frozenset(_documents(element)))
    return found


def _documents(nppo: etree._Element) -> Iterable[tuple[str, str]]:
    for element in nppo.iter("{*}AllowedDocument"):
        if _value(element, "active").lower() not in _NO:
            yield _code(element, "certificateType"), _code(element, "certificateStatus")


def _code(element: etree._Element, name: str) -> str:
    """Give a code: the number beside its value, as attribute, element or text; empty where it is not said."""
    found = soap.child(element, name)
    if found is None:
        return _value(element, name)
    return _value(found, "number") or soap.text_of(found)


def _value(element: etree._Element, name: str) -> str:
    attribute = next((str(value) for key, value in element.items() if etree.QName(key).localname == name), "")
    return (attribute or soap.text_of(soap.child(element, name))).strip()


def refuses(known: Mapping[str, Receiver], code: str, kind: str, status: str) -> Refused | None:
    """Give the refusal where a country is not connected, or does not take this; None where it takes it."""
    there = known.get(code)
    if there is None or not there.receives:
        en, vi = f"{code} does not receive by the Hub now", f"{code} hiện không nhận qua Hub"
    elif not there.takes(kind, status):
        en, vi = f"{code} does not take type {kind} with status {status}", f"{code} không nhận loại {kind}, trạng thái {status}"
    else:
        return None
    return Refused(en, vi, where=NPPOS, partner_code=code[:20])
