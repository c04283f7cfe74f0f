"""Canonical border messages made up from the models themselves, by a seed: a field that is added is in the next test.

Hypothesis chooses the seed only: drawing each of some hundred values of a certificate by itself takes it a hundred times as long.
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import date, datetime, timedelta, timezone
from decimal import Decimal
from random import Random
from typing import Annotated, Any, Literal, get_args, get_origin

from pydantic import BaseModel

Path = tuple[str, ...]

#: Letters of several scripts, and what XML must escape.
SIGNS = "aZ09 .,/&<>'\"ệĐ中"
COUNTRIES = ("VN", "ID", "SG", "MM")
#: Texts that are codes, wherever they stand, and those that are countries.
_CODES = frozenset((
    "number", "code", "voyage", "tax_id", "nomenclature", "authority", "office", "type_code", "delivery_terms", "hs_code", "unit",
    "currency", "kind", "level", "mode", "declaration_number", "reason_code",
))  # fmt: skip
_COUNTRIES = frozenset((
    "country", "issuing_country", "importing_country", "export_country", "import_country", "origin_country",
    "country_of_production",
))  # fmt: skip


class Maker:
    """Makes values of models."""

    def __init__(self, seed: int) -> None:
        self.random = Random(seed)

    def model(self, model: type[Any], without: Collection[Path] = (), path: Path = ()) -> Any:
        """Make a value that says something; what ``without`` names keeps its default."""
        while True:
            given = {
                name: self._value(field.annotation, name, without, (*path, name))
                for name, field in model.model_fields.items()
                if (*path, name) not in without and (field.is_required() or self.random.random() < 0.7)
            }
            made = model(**given)
            # A part that is there and says nothing cannot be told from one that is not there.
            if _must_say(model) or made != model():
                return made

    def text(self) -> str:
        """Make a text; no blanks at its ends, which no document keeps."""
        signs = (self.random.choice(SIGNS) for _ in range(self.random.randint(1, 12)))
        return "".join(signs).strip() or "a"

    def code(self) -> str:
        """Make a code."""
        return "".join(self.random.choice("ABCXYZ019-/") for _ in range(self.random.randint(1, 8)))

    def moment(self) -> datetime:
        """Make a moment with its offset."""
        start = datetime(2000, 1, 1, tzinfo=timezone(timedelta(hours=self.random.choice((0, 7, -3)))))
        return start + timedelta(seconds=self.random.randint(0, 3_000_000_000), microseconds=self.random.randint(0, 999_999))

    def _value(self, annotation: Any, name: str, without: Collection[Path], path: Path) -> Any:
        origin, parts = get_origin(annotation), get_args(annotation)
        if origin is Annotated:
            return self._value(parts[0], name, without, path)
        if type(None) in parts:
            return self._value(next(part for part in parts if part is not type(None)), name, without, path)
        if origin is tuple and parts[-1] is Ellipsis:
            return tuple(self._value(parts[0], name, without, path) for _ in range(self.random.randint(0, 3)))
        if origin is tuple:
            return tuple(self._value(part, name, without, path) for part in parts)
        if origin is Literal:
            return self.random.choice([part for part in parts if part])
        return self._plain(annotation, name, without, path)

    def _plain(self, annotation: Any, name: str, without: Collection[Path], path: Path) -> Any:
        if issubclass(annotation, BaseModel):
            return self.model(annotation, without, path)
        if annotation is str:
            if name in _COUNTRIES:
                return self.random.choice(COUNTRIES)
            return self.code() if name in _CODES else self.text()
        if annotation is Decimal:
            return Decimal(self.random.randint(0, 10**12)).scaleb(-self.random.randint(0, 4))
        if annotation is bool:
            return self.random.random() < 0.5
        if annotation is int:
            return self.random.randint(0, 99)
        if annotation is datetime:
            return self.moment()
        if annotation is date:
            return self.moment().date()
        return self.random.choice(list(annotation))


def _must_say(model: type[BaseModel]) -> bool:
    return any(field.is_required() for field in model.model_fields.values())
