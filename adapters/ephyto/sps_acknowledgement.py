"""The importing side's answer to a phytosanitary certificate (SPSAcknowledgement): accepted or rejected, with a reason."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from adapters.ephyto.sps_read import check_root, references
from adapters.ephyto.sps_read_content import parsed
from adapters.ephyto.sps_read_elements import Node, Reading
from adapters.ephyto.sps_write import write_references
from adapters.ephyto.sps_write_elements import ACKNOWLEDGEMENT, Writing, document, section
from hub.canonical.border.parts import Text
from hub.canonical.border.phyto import ReferencedDocument, Unplaced
from hub.canonical.border.phyto_words import EXPORT
from hub.contract import InlineFile
from hub.errors import InvalidMessage, missing
from hub.rules import xml

ROOT, SECTION = "SPSAcknowledgement", "SPSAcknowledgementDocument"


@dataclass(frozen=True, slots=True, kw_only=True)
class Acknowledgement:
    """What the importing side says of one certificate."""

    #: UNTDID 4405: ``39`` approved, ``41`` rejected …
    status: str
    #: The certificate that is answered.
    number: str
    type_code: str = EXPORT
    reason: str = ""
    #: Language of the reason.
    language: str = ""
    issued_at: str = ""
    #: The same reason in other languages, or further ones; what else is said of the certificate; further documents.
    more_reasons: tuple[Text, ...] = ()
    about: ReferencedDocument = field(default_factory=ReferencedDocument)
    others: tuple[ReferencedDocument, ...] = ()
    unplaced: tuple[Unplaced, ...] = ()
    files: tuple[InlineFile, ...] = ()


def read_acknowledgement(content: bytes) -> Acknowledgement:
    """Read an answer; raise InvalidMessage with all faults."""
    root, faults = parsed(content)
    check_root(root.tag, ROOT, faults)
    reading = Reading(faults=list(faults))
    top = Node(root, f"/{ROOT}", reading)
    said = top.node(SECTION)
    if said is None:
        raise InvalidMessage([*reading.faults, missing(f"/{ROOT}/{SECTION}")])
    status, issued_at = said.only("StatusCode"), said.moment("IssueDateTime")
    reasons, named = said.texts("ReasonInformation"), references(said)
    top.closed(said.closed(None))
    about = next((each for each in named if each.number), None)
    if about is None:
        reading.fault(missing(f"/{ROOT}/{SECTION}/ReferenceSPSReferencedDocument/ID"))
    if reading.faults or about is None:
        raise InvalidMessage(reading.faults)
    first = reasons[0] if reasons else Text(text="")
    return Acknowledgement(
        status=status,
        number=about.number,
        type_code=about.type_code,
        reason=first.text,
        language=first.language,
        issued_at=issued_at,
        more_reasons=reasons[1:],
        about=about.model_copy(update={"number": "", "type_code": ""}),
        others=tuple(each for each in named if each is not about),
        unplaced=reading.all_unplaced(f"/{ROOT}"),
        files=tuple(reading.files.values()),
    )


def write_acknowledgement(said: Acknowledgement, contents: Mapping[str, bytes] | None = None) -> bytes:
    """Write an answer; raise InvalidMessage with all faults where it cannot be written."""
    writing = Writing(contents or {})
    root = document(ACKNOWLEDGEMENT, ROOT, writing)
    part = section(root, ACKNOWLEDGEMENT, SECTION)
    part.moment("IssueDateTime", said.issued_at, "/answer/issued_at")
    part.text("StatusCode", said.status, "/answer/status")
    first = (Text(text=said.reason, language=said.language),) if said.reason or said.language else ()
    part.texts("ReasonInformation", (*first, *said.more_reasons), "/answer/reason")
    about = said.about.model_copy(update={"number": said.number, "type_code": said.type_code})
    write_references(part, (about, *said.others), "/answer/references")
    if writing.faults:
        raise InvalidMessage(writing.faults)
    return xml.serialise(root.element)
