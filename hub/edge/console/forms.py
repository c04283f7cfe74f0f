"""Forms: an act's model as fields, what was posted as what is asked, and every fault at its field in both languages."""

from __future__ import annotations

import re
import types
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Literal, Union, get_args, get_origin

from pydantic import BaseModel, SecretStr, ValidationError
from pydantic.fields import FieldInfo

from hub.app import Hub
from hub.canonical.base import VIETNAM
from hub.edge.acts.act import Act, Asked, perform
from hub.edge.acts.everything import ACTS
from hub.errors import Fault, HubError, InvalidMessage, NotAllowed
from hub.rules.people import Person
from hub.rules.wrong_values import Wrong, wrong_fields

#: Fields of every form that are not asked of the verb.
FRAME = frozenset({"csrf", "back", "lang"})
#: Ends the name of what says that a check box was shown: of one that is not checked a browser sends nothing.
SHOWN = ".shown"
#: A text that may be longer is written in several lines.
LONG = 300
_LABEL = re.compile(r"(.*?)\s*\(([^()]*)\)\s*", re.S)
_ALTERNATIVES = re.compile(r"\^\(?([\w|]+)\)?\$")
_MOMENT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d)?")


@dataclass(frozen=True, kw_only=True)
class Field:
    """One field of a form, as a template shows it."""

    name: str
    #: Vietnamese, English.
    label: tuple[str, str]
    #: text, lines, area, number, moment, choice, check, file, secret.
    kind: str
    required: bool
    choices: tuple[str, ...] = ()
    value: Any = ""
    max_length: int | None = None
    #: What is wrong with it.
    wrong: tuple[Wrong, ...] = ()


class WrongForm(HubError):
    """What was posted cannot be done: faults at their fields, and those of no field, with what was posted."""

    code = "wrong_form"
    who = "operator"

    def __init__(self, verb: str, wrong: Iterable[Wrong], posted: Mapping[str, list[Any]], status: int = 422) -> None:
        self.verb = verb
        self.wrong = tuple(wrong)
        self.posted = posted
        self.status = status
        first = next(iter(self.wrong), Wrong("", "không thực hiện được", "cannot be done"))
        super().__init__(first.en, first.vi, where=first.field)


# --- from what was posted to what is asked -----------------------------------------------------------------------


def carry_out(hub: Hub, person: Person, verb: str, posted: Mapping[str, list[Any]]) -> Any:
    """Carry a verb out with what was posted; raise WrongForm with every fault at its field, Forbidden as it is."""
    act = ACTS.get(verb)
    if act is None:
        raise NotAllowed(f"no verb {verb!r}", f"không có thao tác {verb!r}", where=verb)
    return carried_out(verb, posted, lambda asked: perform(hub, person, act, asked))


def carried_out(verb: str, posted: Mapping[str, list[Any]], do: Callable[[Any], Any]) -> Any:
    """Do something with what was posted, read as a verb reads it; raise as ``carry_out`` does."""
    act = ACTS[verb]
    try:
        return do(checked(act, read(act.asked, posted)))
    except ValidationError as error:
        raise WrongForm(verb, wrong_fields(error), posted) from error
    except (WrongForm, HubError) as error:
        if error.code in PASSED or isinstance(error, WrongForm):
            raise
        raise WrongForm(verb, _said(act, error), posted, status=409) from error


#: Verb -> where its form is posted to, where that is a page that shows the result itself: a secret once, a file.
_POSTED: dict[str, str] = {}


def posted_to(verb: str, address: str) -> None:
    """Say which page carries a verb out and shows what it gives."""
    _POSTED[verb] = address


def form_address(verb: str) -> str:
    """Give the address that a verb's form is posted to."""
    return _POSTED.get(verb, f"/do/{verb.replace(' ', '/')}")


#: Errors that are no fault of what was written in the form.
PASSED = frozenset({"forbidden", "unavailable", "not_logged_in", "too_often"})


def checked(act: Act[Any], given: Mapping[str, Any]) -> Asked:
    """Make what is asked of values; raise ValidationError where it cannot be."""
    asked: Asked = act.asked.model_validate(dict(given))
    return asked


def _said(act: Act[Any], error: HubError) -> tuple[Wrong, ...]:
    """Put an error of the verb at the field that it names, else above all fields."""
    named = act.asked.model_fields
    return tuple(_wrong(each, named, isinstance(error, InvalidMessage)) for each in error.faults)


def _wrong(fault: Fault, named: Collection[str], placed: bool) -> Wrong:
    """Put a fault at its field; one in a file that was given has its place, a cell, in its words."""
    if fault.path in named:
        return Wrong(fault.path, fault.vi, fault.en)
    at = f"{fault.path}: " if placed and fault.path else ""
    return Wrong("", at + fault.vi, at + fault.en)


def read(model: type[BaseModel], posted: Mapping[str, list[Any]]) -> dict[str, Any]:
    """Make of posted fields what the model reads; what was left empty and need not be there is left out."""
    found: dict[str, Any] = {}
    for name, values in posted.items():
        if name in FRAME or name.endswith(SHOWN):
            continue
        declared = model.model_fields.get(name)
        value = _value(name, declared, values) if declared else values[-1]
        if declared is None or declared.is_required() or value not in ("", (), {}, b"", None):
            found[name] = value
    empty = {name: "" for name, declared in model.model_fields.items() if declared.is_required() and declared.annotation is str}
    return {**empty, **found, **{name: False for name in _unchecked(model, posted)}}


def _unchecked(model: type[BaseModel], posted: Mapping[str, list[Any]]) -> Iterable[str]:
    """Name the check boxes that were shown and not checked: a browser sends nothing of them but our mark."""
    return (name for name in model.model_fields if f"{name}{SHOWN}" in posted and name not in posted)


def _value(name: str, declared: FieldInfo, values: list[Any]) -> Any:
    kind = kind_of(name, declared)
    last = values[-1]
    if kind == "file":
        return last if isinstance(last, bytes) else last.encode()
    if isinstance(last, bytes):
        last = last.decode("utf-8", "replace")
    if kind == "check":
        return last not in ("", "false", "0")
    if kind == "lines":
        return _lines(values) if _is_sequence(declared.annotation) else _pairs(last)
    if kind == "moment" and isinstance(last, str) and _MOMENT.fullmatch(last):
        return datetime.fromisoformat(last).replace(tzinfo=VIETNAM).timestamp()
    return last


def _lines(values: list[Any]) -> Any:
    return tuple(line.strip() for value in values for line in str(value).splitlines() if line.strip())


def _pairs(text: Any) -> Any:
    """Read lines ``key=value``; a line of another form is kept as a key without value, for the model to refuse."""
    if not isinstance(text, str):
        return text
    pairs = (line.partition("=") for line in text.splitlines() if line.strip())
    return {key.strip(): value.strip() if equals else None for key, equals, value in pairs}


# --- from a model to fields --------------------------------------------------------------------------------------


def fields(verb: str, *, ask: Iterable[str] | None = None, posted: Mapping[str, list[Any]] | None = None,
           wrong: Iterable[Wrong] = ()) -> tuple[Field, ...]:
    """Give a verb's fields as they are shown: those of ``ask``, or all, ``why`` last; with what was posted and is wrong."""
    model = ACTS[verb].asked.model_fields
    names = [name for name in (ask if ask is not None else model) if name != "why"]
    faults = tuple(wrong)
    given = posted or {}
    shown = [*names, *(["why"] if "why" in model else [])]
    return tuple(_field(name, model[name], given.get(name, []), faults) for name in shown)


def _field(name: str, declared: FieldInfo, values: list[Any], wrong: tuple[Wrong, ...]) -> Field:
    return Field(
        name=name,
        label=label(name, declared),
        kind=kind_of(name, declared),
        required=declared.is_required(),
        choices=_choices(declared),
        value=_shown(values) if values else _default(declared),
        max_length=_max_length(declared),
        wrong=tuple(each for each in wrong if each.field.partition(".")[0] == name),
    )


def label(name: str, declared: FieldInfo) -> tuple[str, str]:
    """Give a field's label: its description is Vietnamese, with the English one in brackets behind it."""
    found = _LABEL.fullmatch(declared.description or "")
    if not found:
        return (declared.description or name, declared.description or name)
    return found[1], found[2][:1].upper() + found[2][1:]


def kind_of(name: str, declared: FieldInfo) -> str:
    """Say how a field is asked for."""
    kind = _plain_type(declared.annotation)
    if kind is float and (name in ("since", "until") or name.endswith("_at")):
        return "moment"
    if _choices(declared):
        return "choice"
    if kind is str:
        return "area" if (_max_length(declared) or 0) > LONG and name != "why" else "text"
    return _KINDS.get(kind, "lines")


#: Type of a model's field -> how it is asked for, where nothing else is said of it.
_KINDS: Mapping[Any, str] = {bool: "check", int: "number", float: "number", bytes: "file", SecretStr: "secret", date: "date"}


def _plain_type(annotation: Any) -> Any:
    """Give the type without ``| None``."""
    if get_origin(annotation) in (Union, types.UnionType):
        return next(each for each in get_args(annotation) if each is not type(None))
    return annotation


def _is_sequence(annotation: Any) -> bool:
    return get_origin(_plain_type(annotation)) in (tuple, list, frozenset, set)


def _choices(declared: FieldInfo) -> tuple[str, ...]:
    kind = _plain_type(declared.annotation)
    if get_origin(kind) is Literal:
        return tuple(str(each) for each in get_args(kind))
    for each in declared.metadata:
        pattern = getattr(each, "pattern", None)
        if pattern and (found := _ALTERNATIVES.fullmatch(str(pattern))):
            return tuple(found[1].split("|"))
    return ()


def _max_length(declared: FieldInfo) -> int | None:
    return next((each.max_length for each in declared.metadata if hasattr(each, "max_length")), None)


def _default(declared: FieldInfo) -> Any:
    default = declared.get_default(call_default_factory=True, validated_data={}) if not declared.is_required() else ""
    if isinstance(default, Mapping):
        return "\n".join(f"{key}={value}" for key, value in default.items())
    if isinstance(default, tuple | list | set | frozenset):
        return "\n".join(str(each) for each in default)
    return "" if default is None else default


def _shown(values: list[Any]) -> Any:
    """Give what was posted as it is written into the field again; a file cannot be."""
    return "\n".join(each for each in values if isinstance(each, str))
