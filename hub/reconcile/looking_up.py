"""Asks a partner a question for a person, or fetches a file that it keeps; who asked and why is written before."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

import structlog

from hub.app import Hub
from hub.canonical.national_fields import text_fault
from hub.contract import LooksUp, LookUp
from hub.errors import Fault, InvalidMessage, NotAllowed, missing
from hub.ledger import asking_verbs
from hub.operations.said import require
from hub.rules.attachments import address

log = structlog.get_logger()

LONGEST_VALUE = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class FileKept:
    """A file that a partner gave, in the payload store."""

    digest: str
    size: int
    #: Where those read it who may: the endpoint that it was fetched from, and the one that it was fetched for.
    address: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """What can be asked of a partner."""

    service: str
    vi: str
    en: str
    fields: tuple[str, ...]
    required: tuple[str, ...]
    gives_file: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Answered:
    """A partner's answer; without a service, what can be asked."""

    endpoint: str
    service: str = ""
    #: As the partner gave them: of persons, too.
    records: tuple[Any, ...] = ()
    file: FileKept | None = None
    questions: tuple[Question, ...] = ()


def questions(hub: Hub, endpoint: str) -> tuple[Question, ...]:
    """Say what can be asked of a partner; nothing where it answers no questions."""
    at = hub.endpoint(endpoint)
    transport = hub.transports(at) if at.outbound is not None else None
    if not isinstance(transport, LooksUp):
        return ()
    return tuple(_question(name, each) for name, each in transport.look_ups().items())


def _question(name: str, known: LookUp) -> Question:
    return Question(
        service=name,
        vi=known.vi,
        en=known.en,
        fields=known.fields,
        required=known.required,
        gives_file=known.gives_file,
    )


def ask(
    hub: Hub, endpoint: str, service: str, asked: Mapping[str, str], *, give_to: str = "", actor: str, why: str
) -> Answered:
    """Ask a partner, and give its records; a file goes into the payload store, where ``give_to`` may read and name it.

    Raises NotAllowed where the partner cannot be asked that, InvalidMessage with every fault of what is asked, and what its
    transport raises.
    """
    require(actor, why)
    at = hub.endpoint(endpoint)
    transport = hub.transports(at) if at.outbound is not None else None
    known: Mapping[str, LookUp] = transport.look_ups() if isinstance(transport, LooksUp) else {}
    if service not in known or not isinstance(transport, LooksUp):
        listed = ", ".join(known) or "-"
        raise NotAllowed(
            f"{endpoint!r} cannot be asked {service!r}; what can be: {listed}",
            f"không tra cứu được {service!r} ở {endpoint!r}; có thể tra cứu: {listed}",
            where="service",
        )
    given = {name: value.strip() for name, value in asked.items() if value.strip()}
    if faults := list(_faults(known[service], given)):
        raise InvalidMessage(faults)
    givers = (endpoint, hub.endpoint(give_to).name) if give_to else (endpoint,)
    note = partial(asking_verbs.note_look_up, service=service, fields=sorted(given), actor=actor, why=why, now=hub.now())
    hub.ledger.change(partial(note, endpoint=endpoint), f"endpoint:{endpoint}")
    log.info("partner.looked_up", endpoint=endpoint, service=service, actor=actor)
    if known[service].gives_file:
        return Answered(endpoint=endpoint, service=service, file=_fetched(hub, transport, service, given, givers))
    return Answered(endpoint=endpoint, service=service, records=transport.look_up(service, given))


def _faults(known: LookUp, given: Mapping[str, str]) -> Iterator[Fault]:
    for name in sorted(set(given) - set(known.fields)):
        listed = ", ".join(known.fields) or "-"
        vi, en = f"không hỏi theo trường này; có: {listed}", f"no such field; there are: {listed}"
        yield Fault(f"/{name}", "unknown_field", vi, en)
    yield from (missing(f"/{name}") for name in known.required if name not in given)
    for name, value in given.items():
        if len(value) > LONGEST_VALUE:
            vi, en = f"dài quá {LONGEST_VALUE} ký tự", f"longer than {LONGEST_VALUE} characters"
            yield Fault(f"/{name}", "too_long", vi, en)
        elif fault := text_fault(f"/{name}", value):
            yield fault


def _fetched(
    hub: Hub, transport: LooksUp, service: str, asked: Mapping[str, str], givers: tuple[str, ...]
) -> FileKept:
    """Stream a file into the store; nothing of it counts where it breaks off."""
    receiving = hub.payloads.receive()
    try:
        transport.look_up_file(service, asked, receiving.write)
        kept = receiving.keep()
    finally:
        receiving.discard()
    hub.ledger.record_given(kept.digest, size=kept.size, givers=givers, now=hub.now())
    return FileKept(digest=kept.digest, size=kept.size, address=address(hub.public_url, kept.digest))
