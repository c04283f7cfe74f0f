"""The phytosanitary certificate as it is printed, box by box as the model certificates of ISPM 12 have it; pure.

Content stands as it was certified: nothing is translated, rounded or left out, only codes get their names.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import chain

from hub.canonical.border import phyto_words as words
from hub.canonical.border.message import BorderMessage
from hub.canonical.border.parts import BorderParty, Country, Measure, Package, Place, Text
from hub.canonical.border.phyto import Movement, Note, Phyto, PhytoLine, ReferencedDocument, Treatment
from hub.registers import border_phyto_labels as labels
from hub.registers.border_phyto_labels import LABELS, Words
from hub.registers.border_print import Language, country, party
from hub.registers.border_units import package_name, unit_name
from hub.rules.border import moments

Fact = tuple[Words, tuple[str, ...]]
#: So much of what has no place in the form is shown.
MOST_UNPLACED = 40
#: Notes that stand in a box of their own.
_OWN_BOX = frozenset({"SPSFL", "ADEDL", "DMCL", "ADRP", "ADRPN", "ADRPR", "ADRD"})
_OWN_BOX_OF_A_LINE = frozenset({"ADTLIL", "DMTLIL", "OPTND", "OQV", "OQU"})


@dataclass(frozen=True, slots=True, kw_only=True)
class PrintedGoods:
    """One line of goods."""

    number: int
    produce: tuple[str, ...]
    botanical: tuple[str, ...]
    quantities: tuple[str, ...]
    packages: tuple[str, ...]
    marks: tuple[str, ...]
    origins: tuple[str, ...]
    facts: tuple[Fact, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class PrintedTreatment:
    """Section III, of one treatment."""

    #: Line of goods that was treated.
    line: int
    date: str
    treated: tuple[str, ...]
    chemical: tuple[str, ...]
    #: Duration and temperature.
    duration: tuple[str, ...]
    concentration: tuple[str, ...]
    information: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class PrintedReExport:
    """The sentence of a certificate for re-export; a box is ticked, or not."""

    statement: str
    into: str
    origin: str
    original: str
    attached: tuple[tuple[Words, bool], ...]
    packed: tuple[tuple[Words, bool], ...]
    containers: tuple[tuple[Words, bool], ...]
    based: tuple[tuple[Words, bool], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class PrintedPhyto:
    """A certificate, in the order of the model."""

    document: str
    language: Language
    number: str
    title: Words
    #: What stands across it; None: it counts.
    stamp: Words | None
    organization: tuple[str, ...]
    exporting: str
    importing: str
    consignor: tuple[str, ...]
    consignee: tuple[str, ...]
    marks: tuple[str, ...]
    conveyance: tuple[str, ...]
    entry: tuple[str, ...]
    goods: tuple[PrintedGoods, ...]
    #: What is certified: the model's sentences, or the certificate's own texts (the same in both languages).
    clauses: tuple[Words, ...]
    re_export: PrintedReExport | None
    #: Section II: number of the line (0: of all), text.
    declarations: tuple[tuple[int, str], ...]
    treatments: tuple[PrintedTreatment, ...]
    place: str
    officer: str
    issued: str
    signed: str
    liability: str
    replaces: tuple[Fact, ...]
    facts: tuple[Fact, ...]
    references: tuple[str, ...]
    unplaced: tuple[str, ...]
    #: The form's own words, by the names of ``border_phyto_labels.LABELS``, and the parts of the sentence on re-export.
    labels: dict[str, Words]
    sentence: dict[str, Words]


def printed(message: BorderMessage, language: Language) -> PrintedPhyto:
    """Lay out a phytosanitary certificate; raise ValueError where the message has none."""
    if message.phyto is None:
        raise ValueError(f"a message about {message.document} has no phytosanitary certificate to print")
    return _Sheet(message.phyto, language).printed()


@dataclass(frozen=True, slots=True)
class _Sheet:
    """One certificate in one language."""

    phyto: Phyto
    language: Language

    def printed(self) -> PrintedPhyto:
        phyto, signing = self.phyto, self.phyto.signing
        lines = [line for item in phyto.items for line in item.lines]
        return PrintedPhyto(
            document="phyto",
            language=self.language,
            number=phyto.number,
            title=labels.TITLES.get(phyto.type_code, labels.TITLES[words.EXPORT]),
            stamp=_stamp(phyto.status),
            organization=_unique((phyto.issuer, signing.authority if signing else "")),
            exporting=self.country(phyto.export_country),
            importing=self.country(phyto.import_country),
            consignor=self.party(phyto.consignor),
            consignee=self.party(phyto.consignee),
            marks=_texts(words.texts_under(phyto.notes, "DMCL")),
            conveyance=tuple(self.movement(each) for each in phyto.movements),
            entry=_place(phyto.unloading),
            goods=tuple(self.goods(line) for line in lines),
            clauses=_clauses(phyto),
            re_export=self.re_export() if phyto.type_code == words.RE_EXPORT else None,
            declarations=tuple(_declarations(phyto, lines)),
            treatments=tuple(self.treatment(line.sequence, each) for line in lines for each in line.treatments),
            place=" ".join(_place(signing.place)) if signing else "",
            officer=signing.officer if signing else "",
            issued=moment(phyto.issued_at),
            signed=moment(signing.at) if signing else "",
            liability=words.said_under(phyto.notes, "SPSFL"),
            replaces=_facts(phyto.notes, "ADRPN", "ADRD", "ADRPR", "ADRP"),
            facts=tuple(self.facts()),
            references=tuple(self.reference(each) for each in phyto.references),
            unplaced=tuple(f"{each.path}: {each.text}" if each.text else each.path for each in phyto.unplaced[:MOST_UNPLACED]),
            labels=dict(LABELS),
            sentence=dict(labels.RE_EXPORTED),
        )

    def said(self, pair: Words) -> str:
        return pair[1] if self.language == "en" else pair[0]

    # --- the consignment

    def country(self, given: Country) -> str:
        """Name a country as the certificate does, else by its code; with its part."""
        names = [each for each in given.names if each.text.strip()]
        own = next((each.text for each in names if each.language == self.language), names[0].text if names else "")
        coded = f"{own} ({given.code})" if given.code else own
        named = coded if own else country(given.code, self.language)
        return f"{given.subdivision}, {named}" if given.subdivision and named else named or given.subdivision

    def named(self, said: str) -> str:
        """Name a country that is said by its code; a name stays as it is."""
        return country(said, self.language) if len(said) == 2 and said.isupper() else said

    def party(self, given: BorderParty | None) -> tuple[str, ...]:
        return party(given, self.language) if given else ()

    def movement(self, given: Movement) -> str:
        mode = words.MODES.get(given.mode)
        return " · ".join(filter(None, (self.said(mode) if mode else given.mode, given.means, given.voyage)))

    def measure(self, given: Measure) -> str:
        return f"{given.value:f} {unit_name(given.unit, self.language)}".strip()

    def package(self, given: Package) -> str:
        count = f"{given.count:f} " if given.count is not None else ""
        return (count + package_name(given.kind, self.language)).strip()

    def goods(self, line: PhytoLine) -> PrintedGoods:
        packages = [self.package(each) for each in line.packages]
        marks = [*_texts(words.texts_under(line.notes, "DMTLIL")), *(each.marks for each in line.packages)]
        return PrintedGoods(
            number=line.sequence,
            produce=_unique((*_texts(line.descriptions), *_texts(line.common_names))),
            botanical=_texts(line.scientific_names),
            quantities=tuple(self.quantities(line)),
            packages=_unique((*packages, *_texts(words.texts_under(line.notes, "OPTND")))),
            marks=_unique(marks),
            origins=tuple(filter(None, map(self.country, line.origins))),
            facts=tuple(self.line_facts(line)),
        )

    def quantities(self, line: PhytoLine) -> Iterator[str]:
        kinds: Sequence[tuple[Measure | None, Words]] = (
            (line.net_weight, ("tịnh", "net")),
            (line.gross_weight, ("cả bì", "gross")),
            (line.net_volume, ("thể tích tịnh", "net volume")),
            (line.gross_volume, ("thể tích cả bì", "gross volume")),
        )
        for given, kind in kinds:
            if given is not None:
                yield f"{self.measure(given)} ({self.said(kind)})"
        other, unit = words.said_under(line.notes, "OQV"), words.said_under(line.notes, "OQU")
        if other or unit:
            yield f"{other} {unit_name(unit, self.language)}".strip()

    def line_facts(self, line: PhytoLine) -> Iterator[Fact]:
        for each in line.classifications:
            label = words.SYSTEMS.get(each.system, (each.system, each.system))
            yield label, _unique((each.code, *_texts(each.names)))
        if uses := _texts(line.intended_uses):
            yield LABELS["use"], uses
        yield from _notes(line.notes, _OWN_BOX_OF_A_LINE)

    # --- what is certified

    def re_export(self) -> PrintedReExport:
        said = words.re_export(self.phyto)
        return PrintedReExport(
            statement=said.statement,
            into=self.country(self.phyto.export_country),
            origin=self.named(said.origin) or ", ".join(_unique(self.country(each) for each in _origins(self.phyto))),
            original=said.original_number or next((each.number for each in _originals(self.phyto)), ""),
            attached=_ticks((labels.ORIGINAL, said.original_attached), (labels.TRUE_COPY, said.copy_attached)),
            packed=_ticks((labels.PACKED, said.packed), (labels.REPACKED, said.repacked)),
            containers=_ticks((labels.IN_ORIGINAL, said.original_containers), (labels.IN_NEW, said.new_containers)),
            based=_ticks((labels.BY_ORIGINAL, said.by_original), (labels.BY_INSPECTION, said.additional_inspection)),
        )

    def treatment(self, line: int, given: Treatment) -> PrintedTreatment:
        said = words.treatment_said(given)
        days = [moment(each) for each in (given.starts_at, given.ends_at) if each]
        lasting = (self.measure(given.duration),) if given.duration else ()
        return PrintedTreatment(
            line=line,
            date=" – ".join(days),
            treated=_unique((*_texts(said.types), *_texts(said.full_text))),
            chemical=_texts(said.chemical),
            duration=(*lasting, *self.values(said.temperature)),
            concentration=self.values(said.concentration),
            information=(*_texts(said.information), *self.values(said.others)),
        )

    def values(self, given: Iterable[Measure | Text]) -> tuple[str, ...]:
        return tuple(self.measure(each) if isinstance(each, Measure) else each.text for each in given)

    # --- what the model has no box for

    def facts(self) -> Iterator[Fact]:
        phyto = self.phyto
        named: Iterable[tuple[str, tuple[str, ...]]] = (
            ("certificate_name", (phyto.name,)),
            ("transit", tuple(map(self.country, phyto.transit_countries))),
            ("examination", (phyto.examination,)),
            ("container", tuple(" · ".join((each.id, *each.seals)) for each in phyto.equipment)),
            ("cargo", tuple(chain.from_iterable(item.cargo_types for item in phyto.items))),
            ("party_types", tuple(self.party_types())),
        )
        for name, given in named:
            if lines := _unique(given):
                yield LABELS[name], lines
        own = _OWN_BOX | (frozenset(words.RE_EXPORT_SUBJECTS) if phyto.type_code == words.RE_EXPORT else frozenset())
        yield from _notes(phyto.notes, own)

    def party_types(self) -> Iterator[str]:
        for who in (self.phyto.consignor, self.phyto.consignee):
            for code, listed in who.types if who else ():
                yield " ".join(filter(None, (listed, code)))

    def reference(self, given: ReferencedDocument) -> str:
        relation = words.RELATIONSHIPS.get(given.relationship)
        file = given.file.name if given.file else ""
        known = words.DOCUMENT_TYPES.get(given.type_code)
        kind = self.said(known) if known else given.type_code
        parts = (
            self.said(relation) if relation else given.relationship,
            kind,
            given.number,
            moment(given.issued_at),
            given.information,
            file,
        )
        return " · ".join(filter(None, parts))


# --- pieces -------------------------------------------------------------------------------------------------------


def moment(written: str) -> str:
    """Write a moment as a form has it: the day, and the hour with its offset where they are said; else as it is."""
    day = moments.day(written)
    if day is None:
        return written
    shown = f"{day:%d/%m/%Y}"
    if "T" not in written and " " not in written.strip():
        return shown
    said = datetime.fromisoformat(written.strip())
    offset = f"{said:%z}"
    return f"{shown} {said:%H:%M}" + (f" ({offset[:3]}:{offset[3:5]})" if offset else "")


def _stamp(status: str) -> Words | None:
    return None if status in labels.GOOD else labels.STAMPS.get(status, labels.UNKNOWN_STATUS)


def _texts(given: Iterable[Text]) -> tuple[str, ...]:
    return _unique(each.text for each in given)


def _unique(given: Iterable[str]) -> tuple[str, ...]:
    """Give what says something, each once."""
    return tuple(dict.fromkeys(each.strip() for each in given if each.strip()))


def _place(place: Place | None) -> tuple[str, ...]:
    if place is None:
        return ()
    return (f"{place.name} ({place.code})",) if place.name and place.code else _unique((place.name, place.code))


def _clauses(phyto: Phyto) -> tuple[Words, ...]:
    """Give what is certified: the certificate's own words where it has some, else the model's for its number."""
    given: list[Words] = []
    for clause in phyto.signing.clauses if phyto.signing else ():
        if clause.text.strip():
            given.append((clause.text, clause.text))
        elif clause.id in labels.CLAUSES:
            given.append(labels.CLAUSES[clause.id])
        elif clause.id:
            given.append((f"Điều khoản {clause.id}", f"Clause {clause.id}"))
    return tuple(given)


def _declarations(phyto: Phyto, lines: Sequence[PhytoLine]) -> Iterator[tuple[int, str]]:
    yield from ((0, text) for text in _texts(words.texts_under(phyto.notes, "ADEDL")))
    for line in lines:
        yield from ((line.sequence, text) for text in _texts(words.texts_under(line.notes, "ADTLIL")))


def _facts(notes: Iterable[Note], *subjects: str) -> tuple[Fact, ...]:
    given = list(notes)
    found = ((words.SUBJECTS[subject], _texts(words.texts_under(given, subject))) for subject in subjects)
    return tuple((label, lines) for label, lines in found if lines)


def _notes(notes: Iterable[Note], own: frozenset[str]) -> Iterator[Fact]:
    """Give all notes but those that have a box of their own; one of an unknown subject goes under its code."""
    for note in notes:
        lines = _texts(note.texts)
        if lines and note.subject not in own:
            yield words.SUBJECTS.get(note.subject, (note.subject, note.subject)), lines


def _ticks(*boxes: tuple[Words, bool | None]) -> tuple[tuple[Words, bool], ...]:
    return tuple((label, ticked is True) for label, ticked in boxes)


def _origins(phyto: Phyto) -> Iterator[Country]:
    return (origin for item in phyto.items for line in item.lines for origin in line.origins)


def _originals(phyto: Phyto) -> Iterator[ReferencedDocument]:
    return (each for each in phyto.references if each.relationship == words.ORIGINAL_CERTIFICATE and each.number)
