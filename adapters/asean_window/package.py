"""A schema package, read and checked: which documents there are, and where each canonical value stands in them.

A package is a folder with ``package.toml`` and the schemas that it names. It is pure data, read once: a folder that says
something else than its schemas, or forgets a value, stops the start with everything that is wrong in it.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path as FilePath

from pydantic import ValidationError

from adapters.asean_window.canonical_side import EACH, Path, leaves, read_path, shown
from adapters.asean_window.package_check import faults_of, in_schema_order
from adapters.asean_window.package_file import FormFile, PackageFile, PlaceFile
from adapters.asean_window.texts import offset
from adapters.asean_window.xml_side import Node, Place, clark, grown, read_steps
from hub.canonical.border.message import BorderDocument, BorderEvent
from hub.errors import BadSettings, HubError
from hub.rules import xml

__all__ = ["BUILT_IN", "FILE", "Form", "Package", "load_package"]

#: The packages that ship with the hub.
BUILT_IN = FilePath(__file__).resolve().parents[2] / "schemas" / "asean_window"
FILE = "package.toml"


@dataclass(frozen=True, kw_only=True, eq=False)
class Form:
    """One kind of document."""

    name: str
    title: str
    root: str
    document: BorderDocument
    document_type: str
    functions: Mapping[BorderEvent, str]
    reads: Mapping[str, BorderEvent]
    service: str
    action: str
    places: tuple[Place, ...] = field(repr=False)
    tree: Node = field(repr=False)
    schema: xml.Schema = field(repr=False)
    #: Canonical path, or the beginning of several -> why it has no place.
    without: Mapping[Path, str] = field(default_factory=dict, repr=False)

    def place_of(self, path: str) -> Place | None:
        """Find where a canonical value stands."""
        wanted = read_path(path)
        return next((place for place in self.places if place.path == wanted and place.read), None)

    @property
    def events(self) -> Mapping[str, BorderEvent]:
        """What each function means when it is read."""
        return {**{function: event for event, function in self.functions.items()}, **self.reads}


@dataclass(frozen=True, kw_only=True)
class Package:
    """All kinds of documents that one schema has."""

    name: str
    title: str
    assumed: tuple[str, ...]
    forms: tuple[Form, ...]

    def writes(self, document: BorderDocument, event: BorderEvent) -> Form | None:
        """Find the form that says this of such a document."""
        return next((form for form in self.forms if form.document is document and event in form.functions), None)

    def with_root(self, tag: str) -> tuple[Form, ...]:
        """List the forms whose documents begin with this element."""
        return tuple(form for form in self.forms if form.root == tag)

    def notes(self) -> Iterator[str]:
        """Say what is assumed, and what has no place in which form."""
        yield from (f"package {self.name}: assumed: {line}" for line in self.assumed)
        for form in self.forms:
            listed = "; ".join(f"{shown(path)} ({why})" for path, why in form.without.items())
            if listed:
                yield f"package {self.name}, {form.name}: assumed to have no place for {listed}"


@lru_cache(maxsize=16)
def load_package(folder: FilePath) -> Package:
    """Read a package and everything in it; raise BadSettings with all that is wrong."""
    path = folder / FILE
    try:
        file = PackageFile.model_validate(tomllib.loads(path.read_text("utf-8")))
    except ValidationError as error:
        raise _bad(path, [f"{'.'.join(map(str, each['loc']))}: {each['msg']}" for each in error.errors()]) from error
    except (OSError, ValueError) as error:
        raise _bad(path, [str(error)]) from error
    problems: list[str] = []
    schemas: dict[str, xml.Schema] = {}
    forms = [form for each in file.forms if (form := _form(folder, file, each, schemas, problems))]
    problems += _told_twice(forms)
    if problems:
        raise _bad(path, problems)
    return Package(name=folder.name, title=file.title, assumed=file.assumed, forms=tuple(forms))


def _form(
    folder: FilePath, file: PackageFile, given: FormFile, schemas: dict[str, xml.Schema], problems: list[str]
) -> Form | None:
    """Build one form; None where that cannot be done, and all that is wrong is told."""
    said: list[str] = []
    try:
        if given.schema_file not in schemas:
            schemas[given.schema_file] = xml.load_schema(folder / given.schema_file)
        schema = schemas[given.schema_file]
        places = (*_places(file, given, said), *_fixed(file, given))
        root = clark(given.root, file.namespaces, given.prefix)
        form = Form(
            name=given.name,
            title=given.title or given.name,
            root=root,
            document=given.document,
            document_type=given.document_type,
            functions=given.functions,
            reads=given.reads,
            service=given.service or given.name,
            action=given.action,
            places=places,
            tree=in_schema_order(grown(root, places), schema),
            schema=schema,
            without={read_path(path): why for path, why in given.without.items()},
        )
    except (ValueError, HubError) as error:
        problems += [f"{given.name}: {line}" for line in (*said, str(error))]
        return None
    said += faults_of(form)
    problems += [f"{given.name}: {line}" for line in said]
    return form


def _places(file: PackageFile, given: FormFile, said: list[str]) -> Iterator[Place]:
    for written, several in file.places_of(given).items():
        for one in several:
            try:
                yield _place(file, given, written, one)
            except ValueError as error:
                said.append(f"{written}: {error}")


def _place(file: PackageFile, form: FormFile, written: str, given: PlaceFile) -> Place:
    path = read_path(written)
    leaf = leaves().get(path)
    if leaf is None or leaf.kind == "other":
        raise ValueError("there is no such value in the canonical form")
    if given.codes and given.codes not in file.codes:
        raise ValueError(f"codes.{given.codes} is not there")
    codes = file.codes.get(given.codes, {})
    if given.read and len(set(codes.values())) < len(codes):
        raise ValueError(f"codes.{given.codes}: two values have one code, so it cannot be read (read = false)")
    if given.zone:
        offset(given.zone)
    steps = read_steps(given.xml, file.namespaces, form.prefix)
    lists = path.count(EACH) - bool(given.join)
    if lists != sum(step.repeated for step in steps):
        raise ValueError(f"as many [] as its place {given.xml} must have")
    if given.join and path[-1] != EACH:
        raise ValueError("join is for a list of texts")
    more = {"format": given.format, "zone": given.zone, "join": given.join, "read": given.read}
    return Place(steps=steps, path=path, leaf=leaf, codes=codes, **more)  # type: ignore[arg-type]


def _fixed(file: PackageFile, given: FormFile) -> Iterator[Place]:
    for written, text in given.fixed.items():
        yield Place(steps=read_steps(written, file.namespaces, given.prefix), fixed=text)


def _told_twice(forms: list[Form]) -> Iterator[str]:
    """Say where a message could be written, or a document read, in two ways."""
    written: dict[tuple[str, str], str] = {}
    read: dict[tuple[str, str, str], str] = {}
    for form in forms:
        for event in form.functions:
            other = written.setdefault((form.document, event), form.name)
            if other != form.name:
                yield f"{form.name}: {form.document} {event} is written by {other}, too"
        for function in form.events:
            other = read.setdefault((form.root, form.document_type, function), form.name)
            if other != form.name:
                yield f"{form.name}: a document with this root, type and function {function!r} is read by {other}, too"


def _bad(path: FilePath, problems: list[str]) -> BadSettings:
    listed = "; ".join(problems[:20]) + ("; …" if len(problems) > 20 else "")
    return BadSettings(
        f"{path}: {len(problems)} problem(s): {listed}", f"{path}: gói lược đồ có {len(problems)} lỗi: {listed}", where=str(path)
    )
