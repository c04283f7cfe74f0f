"""A question that somebody asked about a procedure, and an agency's answer to it."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from pydantic import Field

from hub.canonical.base import Frozen
from hub.canonical.party import Agency, Party


class Question(Frozen):
    """A question, and what was answered."""

    #: The number that the national portal gave it.
    id: str
    content: str = ""
    field_code: str = ""
    procedure: str = ""
    #: Who is asked.
    agency: Agency = Agency()
    asker: Party = Party()
    answer_id: str = ""
    answer: str = ""
    answered_by: str = ""
    answerer_position: str = ""
    answered_at: datetime | None = None


class QuestionMessage(Frozen):
    """A canonical message about one question."""

    kind: Literal["question"] = "question"
    #: ``asked``: by somebody, on the portal; ``answered``: by an agency; ``published``: an agency's own question and answer.
    event: Literal["asked", "answered", "published"]
    question: Question
    native: dict[str, str] = Field(default_factory=dict)
    sent_at: datetime | None = None

    @property
    def subject(self) -> str:
        return f"question:{self.question.id}"
