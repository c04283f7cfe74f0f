"""What an element of a message's content says of the event, beyond type and function: read, and written."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from adapters.single_window.registry import Row
from hub.canonical.codes import Event


def as_told(row: Row, text: Callable[[str], str]) -> Row:
    """Give the row with the event that its content names; ``text`` gives an element's text by its path."""
    for name, words in row.told_by.items():
        event = words.get(text(name).strip())
        if event is not None and event is not row.event:
            return row.model_copy(update={"event": event})
    return row


def words_for(row: Row, event: Event) -> Mapping[str, str]:
    """Give the texts that say an event: element -> text; an event that other software says for it counts as the row's own."""
    return {
        name: text
        for name, words in row.told_by.items()
        for text, said in words.items()
        if said is (event if event in words.values() else row.event)
    }
