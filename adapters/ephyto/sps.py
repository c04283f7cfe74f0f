"""Phytosanitary certificates of the ePhyto Hub: the one door to reading, writing and judging them (SPSCertificate 17)."""

from __future__ import annotations

from functools import cache
from pathlib import Path

from adapters.ephyto.sps_acknowledgement import (
    Acknowledgement,
    read_acknowledgement,
    write_acknowledgement,
)
from adapters.ephyto.sps_judge import Judged, judge, severe
from adapters.ephyto.sps_read import Whole, read_certificate, read_whole
from adapters.ephyto.sps_read_content import content_of
from adapters.ephyto.sps_write import file_names, write_certificate
from hub.canonical.border.phyto import Phyto
from hub.contract import InlineFile
from hub.errors import Fault
from hub.rules import xml

__all__ = [
    "Acknowledgement",
    "Judged",
    "Whole",
    "file_names",
    "judge",
    "read_acknowledgement",
    "read_certificate",
    "read_content",
    "read_whole",
    "read_with_files",
    "schema_faults",
    "severe",
    "write_acknowledgement",
    "write_certificate",
]

_SCHEMAS = Path(__file__).parents[2] / "schemas" / "ephyto" / "sps17"


def read_content(text: str) -> bytes:
    """Give the document that the text of an envelope's content holds; raise InvalidMessage where it holds none."""
    return content_of(text.encode("utf-8", "surrogatepass"))


def read_with_files(document: bytes) -> tuple[Phyto, tuple[InlineFile, ...]]:
    """Read a certificate, and give the files that stand inside it beside it; raise InvalidMessage with all faults."""
    whole = read_whole(document)
    return whole.phyto, whole.files


def schema_faults(document: bytes) -> tuple[Fault, ...]:
    """Name every fault of a certificate or of an answer against the content schema; raise InvalidMessage where it is no XML."""
    root = xml.parse(content_of(document), long_texts=True)
    name = "SPSAcknowledgement" if root.tag.endswith("}SPSAcknowledgement") else "SPSCertificate"
    return xml.faults(_schema(name), root)


@cache
def _schema(name: str) -> xml.Schema:
    return xml.load_schema(_SCHEMAS / f"{name}.xsd")
