"""What may be corrected of questions, figures and raw calls, and what may not: whose they are, and about what."""

from __future__ import annotations

from typing import Any

import pytest

from hub.canonical.figures import Figures, StatisticsMessage
from hub.canonical.message import Message
from hub.canonical.party import Agency
from hub.canonical.question import Question, QuestionMessage
from hub.canonical.raw import RawMessage
from hub.errors import NotAllowed
from hub.rules.corrections import corrected

QUESTION = QuestionMessage(event="answered", question=Question(id="HD1", answer="Sai", agency=Agency(code="H99")))
FIGURES = StatisticsMessage(figures=Figures(month=2, year=2026, agency=Agency(code="H99"), received=3))
RAW = RawMessage(service="DongBoDanhGia", id="1", body="{}")


@pytest.mark.parametrize(
    ("message", "values"),
    [(QUESTION, {"/question/answer": "Đúng"}), (FIGURES, {"/figures/received": 4}), (RAW, {"/body": '{"data":[]}'})],
    ids=lambda given: getattr(given, "kind", ""),
)
def test_what_it_says_can_be_corrected(message: Message, values: dict[str, Any]) -> None:
    after = corrected(message, values, mask="***")

    assert after != message
    assert after.subject == message.subject


@pytest.mark.parametrize(
    ("message", "values"),
    [
        (QUESTION, {"/question/id": "HD2"}),
        (QUESTION, {"/event": "published"}),
        (FIGURES, {"/figures/agency/code": "H98"}),
        (FIGURES, {"/figures/month": 3}),
        (RAW, {"/service": "XoaHet"}),
    ],
    ids=lambda given: getattr(given, "kind", "") or next(iter(given)),
)
def test_whose_it_is_cannot(message: Message, values: dict[str, Any]) -> None:
    with pytest.raises(NotAllowed):
        corrected(message, values, mask="***")
