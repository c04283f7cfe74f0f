"""Every kind of canonical message, and its JSON form."""

from __future__ import annotations

from typing import Annotated

from pydantic import ConfigDict, Field, TypeAdapter

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

#: No value of a message stays in memory after it: pydantic would keep short texts, names and numbers of persons among them.
_ADAPTER: TypeAdapter[Message] = TypeAdapter(Message, config=ConfigDict(cache_strings="keys"))


def to_json(message: Message) -> bytes:
    """Write a canonical message as JSON; the same message gives the same bytes."""
    # By its own class: the union's writer looks at every kind and takes twice as long; ``model_dump_json`` decodes what this
    # gives, and it would have to be encoded again.
    return message.__pydantic_serializer__.to_json(message)


def from_json(body: bytes) -> Message:
    """Read a canonical message that we wrote."""
    return _ADAPTER.validate_json(body)
