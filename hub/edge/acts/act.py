"""An act: one verb with what is asked of it as a model, so that console and API read, check and carry it out in one way."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from pydantic import BaseModel, ConfigDict, Field, field_validator
from pydantic_core import PydanticCustomError

from hub.app import Hub
from hub.rules import people
from hub.rules.people import Person
from hub.rules.verbs import VERBS


class Asked(BaseModel):
    """What a verb is asked: frozen, unknown fields are errors. Each field has a description, which the API's document shows."""

    model_config = ConfigDict(frozen=True, extra="forbid", str_strip_whitespace=True, str_max_length=10_000)

    @field_validator("*", mode="before")
    @classmethod
    def _is_text(cls, value: Any) -> Any:
        """Refuse NUL, of which PostgreSQL's texts know nothing."""
        listed = value if isinstance(value, list | tuple) else (value,)
        if any(isinstance(each, str) and "\0" in each for each in listed):
            raise PydanticCustomError("no_text", "has a character that is no text (NUL)")
        return value


class WithWhy(Asked):
    """What a verb is asked that changes something."""

    why: str = Field(min_length=1, max_length=1000, description="Lý do, ghi vào nhật ký (reason, kept in the journal)")


A = TypeVar("A", bound=Asked)


@dataclass(frozen=True, kw_only=True)
class Act(Generic[A]):
    """One verb, as console and API carry it out."""

    #: Its name in hub.rules.verbs.VERBS.
    verb: str
    asked: type[A]
    #: Names the endpoints that it touches, all of which must lie in the person's scope. A list names none: its ``do`` gives
    #: only what the person sees (``person.scope``).
    touches: Callable[[Hub, A], Iterable[str]] = lambda _hub, _asked: ()
    #: What is asked may name a person: it never stands in an address.
    discreet: bool = False
    #: Carries it out; gives frozen values, which hub.edge.plain makes JSON.
    do: Callable[[Hub, Person, A], Any]

    @property
    def changes(self) -> bool:
        return VERBS[self.verb].changes

    @property
    def method(self) -> str:
        """Name the HTTP method by which it is asked."""
        return "POST" if self.changes or self.discreet else "GET"


def perform(hub: Hub, person: Person, act: Act[A], asked: A) -> Any:
    """Carry an act out for a person; raise Forbidden where it is not theirs, and whatever the verb raises."""
    people.check(person, act.verb)
    people.check(person, act.verb, act.touches(hub, asked))
    return act.do(hub, person, asked)
