"""What stands in a package.toml: frozen values, unknown keys are errors."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from hub.canonical.border.message import BorderDocument, BorderEvent


class Table(BaseModel):
    """One table of a package.toml."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class PlaceFile(Table):
    """Where a value stands: its path; or a table, where there is more to say."""

    xml: str = Field(min_length=1)
    #: Name of a table below ``[codes]``.
    codes: str = ""
    format: str = ""
    zone: str = ""
    join: str = ""
    read: bool = True


def _as_table(given: Any) -> Any:
    return {"xml": given} if isinstance(given, str) else given


def _as_tables(given: Any) -> Any:
    return tuple(map(_as_table, given)) if isinstance(given, list) else (_as_table(given),)


#: One place, or several: all are written, and those with ``read`` are read.
Places = Annotated[tuple[PlaceFile, ...], BeforeValidator(_as_tables)]


class FormFile(Table):
    """One kind of document: its root, schema, what it says of which border document, and where each value stands."""

    name: str = Field(pattern=r"^[a-z][a-z0-9_]*$")
    title: str = ""
    root: str
    #: Prefix of names that have none.
    prefix: str = ""
    #: File of the schema, in the package's folder.
    schema_file: str = Field(alias="schema", pattern=r"^[A-Za-z0-9_][A-Za-z0-9._-]*$")
    document: BorderDocument
    #: ``head.document_type`` of these documents; empty: they have none.
    document_type: str = ""
    #: Event -> ``head.function``; an empty function where the document has none.
    functions: dict[BorderEvent, str] = Field(min_length=1)
    #: Further functions that are read, and never written.
    reads: dict[str, BorderEvent] = {}
    #: What it is called in the agreement with a gateway's partner.
    service: str = ""
    action: str = ""
    #: Tables below ``[shared]`` whose places this form has, too.
    shared: tuple[str, ...] = ()
    #: Canonical path -> place.
    places: dict[str, Places]
    #: Path of an element or attribute -> text that always stands there.
    fixed: dict[str, str] = {}
    #: Canonical path, or the beginning of several -> why it has no place.
    without: dict[str, str] = {}


class PackageFile(Table):
    """A schema package."""

    title: str
    #: What is assumed rather than known, one line each, for ``lienthong check``.
    assumed: tuple[str, ...] = ()
    namespaces: dict[str, str] = {}
    codes: dict[str, dict[str, str]] = {}
    shared: dict[str, dict[str, Places]] = {}
    forms: tuple[FormFile, ...] = Field(min_length=1)

    @model_validator(mode="after")
    def _each_name_once(self) -> PackageFile:
        names = [form.name for form in self.forms]
        if twice := sorted({name for name in names if names.count(name) > 1}):
            raise ValueError(f"form {twice[0]} is there twice")
        return self

    def places_of(self, form: FormFile) -> Mapping[str, tuple[PlaceFile, ...]]:
        """Give all places of a form, the shared ones first; raises ValueError where a shared table is unknown."""
        found: dict[str, tuple[PlaceFile, ...]] = {}
        for name in form.shared:
            if name not in self.shared:
                raise ValueError(f"shared.{name} is not there")
            found |= self.shared[name]
        return found | form.places
