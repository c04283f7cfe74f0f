"""What may stand in a registry file: every key of a procedure, of one of its messages, of its attachments."""

from __future__ import annotations

from functools import cached_property
from typing import Any, Literal, get_args

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from adapters.single_window.places import KEPT, PLACES
from hub.canonical.codes import Event, Stage

#: How a procedure's messages are wrapped and answered; the words are explained by the table of dialects.
Dialect = Literal["gen2", "maritime", "vehicle_inspection", "food_safety"]
DIALECTS: tuple[Dialect, ...] = get_args(Dialect)
Direction = Literal["to_ministry", "to_gateway", "both"]
#: One dialect writes a word where the others write a number.
_TYPE = r"(\d{2,3}|[A-Z]{2,10})"
_FUNCTION = r"\d{2,3}"
_SERVICE = rf"^{_TYPE}/{_FUNCTION}$"
#: Keys of a message that may be lists of the same length as its ``function``.
_EACH = ("event", "status")


class _Table(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)


class AttachmentNames(_Table):
    """Names of the elements that hold one shape of attachments; the file is behind a link, or inside as Base64."""

    list: str = Field("", description="element around the items; empty: the items stand in the content themselves")
    item: str = Field(min_length=1, description="element of one attachment")
    id: str = Field("", description="element with the attachment's number")
    code: str = Field("", description="element with the code of the component it belongs to")
    name: str = Field("", description="element with the file's name")
    link: str = Field("", description="element with the address the file is fetched from")
    content: str = Field("", description="element with the file itself, Base64")
    sha1: str = Field("", description="element with the sender's SHA-1 of the file")
    kind: str = Field("", description="component code of all attachments of this shape, where they have none of their own")


class HeldAlready(_Table):
    """The error by which this procedure's receiver says that it has this message already."""

    code: str = Field(min_length=1, description="value of ErrorCode")
    text: str = Field(min_length=1, description="text that ErrorName contains; the code alone means several things")


class Row(_Table):
    """One message of a procedure."""

    type: str = Field(
        pattern=rf"^{_TYPE}$",
        description="which document: two or three digits (food_safety: a word); a list makes the same messages of each",
    )
    function: str = Field(pattern=rf"^{_FUNCTION}$", description="what is done with it; a list makes one message of each")
    direction: Direction = Field(description="who sends it: to_ministry, to_gateway, or both sides")
    event: Event = Field(description="canonical event; a list beside a list of functions")
    root: str = Field(min_length=1, description="name of the element in Content; * for any")
    beside: tuple[str, ...] = Field((), description="further elements that stand in Content beside it, in this order")
    schema_file: str = Field(
        "",
        alias="schema",
        description="schema of the whole envelope with this content: a file beside the registry's own, else a shipped one; "
        "empty: header and event level, the content is kept as it is",
    )
    assumed: bool = Field(False, description="true: not seen, made by analogy; `lienthong check` lists it")
    note: str = Field("", description="what is assumed, and why")
    answers: tuple[str, ...] = Field(
        (), description="the messages that this one answers, as type/function (/function: of its own type)"
    )
    on_doubt: Literal["park", "resend", "ask"] = Field(
        "park", description="what the receiver's habits allow when the outcome is not known; the endpoint's policy decides"
    )
    ask: str = Field("", pattern=rf"^$|{_SERVICE}", description="the message that asks what became of this one, as type/function")
    confirmed_by: bool = Field(
        False, description="true: after the answer, a message with the same messageId says that it was processed or refused"
    )
    default: bool = Field(
        True, description="false: sent only when the sender's form holds this root, or the message came with these numbers"
    )
    composed: str = Field(
        "",
        description="root that is written where the sender's form has no such content: of a structure that nobody has published, "
        "composed of `fields` in their order",
    )
    after_words: bool = Field(
        False,
        description="true: not sent before our later words (11, 22) on the partner's own messages of the dossier have arrived",
    )
    borrow: str = Field("", description="root in the sender's form from which missing elements of the same name are taken")
    already: HeldAlready | None = Field(None, description="the refusal that says that the receiver has this message already")
    fields: dict[str, tuple[str, ...]] = Field(
        default_factory=dict,
        description="element -> canonical places, the first that is filled is written; what is not here is taken from the form",
    )
    told_by: dict[str, dict[str, Event]] = Field(
        default_factory=dict, description="element -> its texts -> the event that each means, where the numbers alone do not say"
    )
    status: int | None = Field(None, ge=0, description="the Single Window's own status number after this message")
    from_states: tuple[Stage, ...] = Field(
        (), description="stages in which it may come, where they differ from the life-cycle's; empty: as the life-cycle says"
    )
    answer_within_hours: float = Field(0.0, ge=0, description="time limit for the answer to it; 0: none is known")

    @field_validator("answers", mode="before")
    @classmethod
    def _a_list_of_answers(cls, value: Any) -> Any:
        return ((value,) if value else ()) if isinstance(value, str) else value

    @field_validator("answers")
    @classmethod
    def _named_by_their_numbers(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for one in value:
            kind, _, function = one.partition("/")
            if not (kind.isalnum() and function.isdigit()):
                raise ValueError(f"{one!r} is not type/function")
        return value

    @field_validator("fields", mode="before")
    @classmethod
    def _one_or_many(cls, value: Any) -> Any:
        if not isinstance(value, dict):
            return value
        return {name: (places,) if isinstance(places, str) else places for name, places in value.items()}

    @field_validator("fields")
    @classmethod
    def _known_places(cls, value: dict[str, tuple[str, ...]]) -> dict[str, tuple[str, ...]]:
        for name, places in value.items():
            if not places:
                raise ValueError(f"{name}: names no place")
            if unknown := [place for place in places if place not in PLACES]:
                raise ValueError(f"{name}: unknown place {unknown[0]!r}; known: {', '.join(PLACES)}")
        first = [places[0] for places in value.values() if places[0] != KEPT]
        if twice := sorted({place for place in first if first.count(place) > 1}):
            raise ValueError(f"{twice[0]}: two elements have it first, and one would overwrite the other")
        return value

    @model_validator(mode="after")
    def _whole(self) -> Row:
        if self.on_doubt == "ask" and not self.ask:
            raise ValueError("on_doubt: 'ask' needs the message to ask with (key ask)")
        if self.root == "*" and self.schema_file:
            raise ValueError("root: '*' has no schema")
        return self

    @cached_property
    def service(self) -> str:
        """The message's name within its procedure, e.g. ``11/05``."""
        return f"{self.type}/{self.function}"

    @cached_property
    def written(self) -> frozenset[str]:
        """Elements whose texts are the hub's own to write, by their names alone."""
        return frozenset(path.rpartition("/")[2] for path in (*self.fields, *self.told_by))

    @cached_property
    def dates(self) -> tuple[str, ...]:
        """Elements that hold a date, or a date and its time."""
        return tuple(name for name, places in self.fields.items() if places[0].endswith(("_at", ".at")))

    def tells(self, event: Event) -> bool:
        """Say whether it can tell this event."""
        return event is self.event or any(event in words.values() for words in self.told_by.values())

    def goes(self, direction: str) -> bool:
        """Say whether it is sent in this direction."""
        return self.direction in (direction, "both")


class File(_Table):
    """One registry file: a procedure."""

    document_type: str = Field(
        min_length=1, max_length=100, description="the Single Window's code of the procedure; also the file's name"
    )
    title: str = Field(min_length=1, description="the procedure's name")
    title_assumed: bool = Field(False, description="true: the name was not seen; `lienthong check` lists it")
    code_assumed: bool = Field(
        False, description="true: the code itself is a stand-in until the real one is known; `lienthong check` lists it"
    )
    office_code: str = Field(min_length=1, description="the ministry's code at the Single Window's gateways")
    dialect: Dialect = Field("gen2", description="how its messages are wrapped and answered")
    gateway_operation: str = Field(
        "", description="SOAP operation of the Single Window's service for this procedure; empty: the endpoint's"
    )
    store_failed: str = Field("ERR01_CODE", description="ErrorCode of the answer when a valid message could not be stored")
    like: str = Field(
        "",
        description="the procedure whose messages this one has; what else stands here, messages too, replaces "
        "what the other has, or is added to it",
    )
    without: tuple[str, ...] = Field(
        (), description="like: messages of the other procedure that this one has not, as type or as type/function"
    )
    attachments: tuple[AttachmentNames, ...] = Field((), description="shapes of attachments in its contents")
    statuses: dict[str, Stage] = Field(
        default_factory=dict, description="the Single Window's own status numbers of this procedure -> stage; they never travel"
    )
    message: tuple[dict[str, Any], ...] = Field((), description="the messages, one table each")

    @field_validator("attachments", mode="before")
    @classmethod
    def _one_shape_or_many(cls, value: Any) -> Any:
        return (value,) if isinstance(value, dict) else value

    @field_validator("statuses")
    @classmethod
    def _by_number(cls, value: dict[str, Stage]) -> dict[str, Stage]:
        if wrong := [number for number in value if not (number.isascii() and number.isdigit())]:
            raise ValueError(f"{wrong[0]!r} is not a number")
        return value


def one_by_one(table: dict[str, Any]) -> list[dict[str, Any]]:
    """Make one table of each type and each function of a message table. Raises ValueError, naming the key."""
    types = table.get("type")
    if isinstance(types, list):
        if not types:
            raise ValueError("type: the list is empty")
        return [one for each in types for one in one_by_one({**table, "type": each})]
    if isinstance(answers := table.get("answers"), list | str):
        named = [answers] if isinstance(answers, str) else answers
        table = {**table, "answers": [f"{types}{one}" if str(one).startswith("/") else one for one in named if one]}
    functions = table.get("function")
    if not isinstance(functions, list):
        return [table]
    if not functions:
        raise ValueError("function: the list is empty")
    lists = {name: table[name] for name in _EACH if isinstance(table.get(name), list)}
    for name, values in lists.items():
        if len(values) != len(functions):
            raise ValueError(f"{name}: {len(values)} for {len(functions)} functions")
    return [
        {**table, "function": function, **{name: values[number] for name, values in lists.items()}}
        for number, function in enumerate(functions)
    ]


#: Kinds of pydantic's errors -> what an official reads; more than these do not come from these tables.
_VI = {
    "missing": "thiếu khóa",
    "extra_forbidden": "không có khóa này",
    "enum": "giá trị không có trong danh sách",
    "literal_error": "giá trị không có trong danh sách",
    "string_pattern_mismatch": "giá trị không đúng dạng",
    "string_too_short": "không được để trống",
    "string_too_long": "giá trị quá dài",
    "greater_than_equal": "không được là số âm",
}


def said(error: Exception) -> tuple[str, str]:
    """Say what is wrong in a table, key by key, in Vietnamese and English."""
    if not isinstance(error, ValidationError):
        return str(error), str(error)
    found = [(".".join(map(str, one["loc"])), one["type"], one["msg"].removeprefix("Value error, ")) for one in error.errors()]
    vi = [f"{key}: {_VI.get(kind, msg if kind == 'value_error' else 'giá trị không đúng kiểu')}" for key, kind, msg in found]
    en = [f"{key}: {msg}" if key else msg for key, _, msg in found]
    return "; ".join(one.removeprefix(": ") for one in vi), "; ".join(en)
