"""Certificates that the simulated countries issue: the sample's, under another number, from another country, withdrawn."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from lxml import etree

from adapters.ephyto.operations import ISSUED, TYPES
from hub.rules import xml

_SAMPLE = Path(__file__).parent / "samples" / "certificate.xml"
_PLACES = {"ExportSPSCountry": "from", "ImportSPSCountry": "to", "OriginSPSCountry": "from"}


def certificate(given: Mapping[str, Any]) -> str:
    """Write a certificate: ``number``, ``from`` and ``to`` (codes at the Hub), ``type``, ``status``, ``permit``, ``replaces``."""
    root = xml.parse(_SAMPLE.read_bytes())
    document = _first(root, "SPSExchangedDocument")
    for name, value in (
        ("ID", given["number"]),
        ("TypeCode", given.get("type", TYPES[0])),
        ("StatusCode", given.get("status", ISSUED)),
    ):
        _first(document, name).text = str(value)
    for name, end in _PLACES.items():
        for country in root.iter("{*}" + name):
            _first(country, "ID").text = _first(country, "Name").text = str(given[end])[:2]
    notes = {"ADIPEDL": given.get("permit"), "ADRPN": given.get("replaces")}
    for subject, text in notes.items():
        if text:
            _note(document, subject, str(text))
    return xml.serialise(root).decode()


def _note(document: etree._Element, subject: str, text: str) -> None:
    """Write a note in the place of the sample's own, else beside it."""
    notes = list(document.iter("{*}IncludedSPSNote"))
    for note in notes:
        if _first(note, "Subject").text == subject:
            _first(note, "Content").text = text
            return
    made = etree.fromstring(xml.serialise(notes[-1]))
    _first(made, "Subject").text, _first(made, "Content").text = subject, text
    notes[-1].addnext(made)


def _first(element: etree._Element, name: str) -> etree._Element:
    return next(element.iter("{*}" + name))
