"""Every kind of canonical message, and its JSON form."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, TypeAdapter

from hub.canonical.border.message import BorderMessage
from hub.canonical.dossier import DossierMessage
from hub.canonical.figures import StatisticsMessage
from hub.canonical.notice import NoticeMessage
from hub.canonical.procedure import CatalogueMessage, ProcedureMessage
from hub.canonical.question import QuestionMessage
from hub.canonical.raw import RawMessage

Message = Annotated[
    DossierMessage
    | BorderMessage
    | CatalogueMessage
    | ProcedureMessage
    | NoticeMessage
    | QuestionMessage
    | StatisticsMessage
    | RawMessage,
    Field(discriminator="kind"),
]

_ADAPTER: TypeAdapter[Message] = TypeAdapter(Message)


def to_json(message: Message) -> bytes:
    """Write a canonical message as JSON; the same message gives the same bytes."""
    return _ADAPTER.dump_json(message, exclude_defaults=False)


def from_json(body: bytes) -> Message:
    """Read a canonical message that we wrote."""
    return _ADAPTER.validate_json(body)
