"""Holds a message about a border document against all rules on it; docs/border-rules.md is the table that an official reads."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from datetime import date
from typing import Any

from hub.canonical.border.message import BorderEvent, BorderMessage
from hub.errors import Fault
from hub.rules.border import capability as capabilities
from hub.rules.border import clocks, declaration_rules, message_rules, origin_rules, phyto_rules
from hub.rules.border.capability import Capability
from hub.rules.border.declaration_rules import DeclarationCase
from hub.rules.border.finding import REFUSE, WARN, Rule, RuleFinding, findings
from hub.rules.border.origin_facts import OriginCase

OWN_COUNTRY = "VN"
#: Said by the country that issued the document; an answer and a request for a copy are said by the other one.
_OF_THE_ISSUER = frozenset({BorderEvent.ISSUED, BorderEvent.CANCELLED, BorderEvent.COPIED})
#: The tables: title in Vietnamese and in English, and the rules.
TABLES: tuple[tuple[str, str, tuple[Rule[Any], ...]], ...] = (
    ("Mọi thông điệp", "Every message", message_rules.MESSAGE_RULES),
    ("Phản hồi của nước nhập khẩu", "Answers of the importing country", message_rules.ANSWER_RULES),
    ("Giấy chứng nhận xuất xứ mẫu D", "Certificate of origin Form D", origin_rules.RULES),
    ("Giấy chứng nhận kiểm dịch thực vật", "Phytosanitary certificate", phyto_rules.RULES),
    ("Tờ khai hải quan ASEAN", "ASEAN customs declaration document", declaration_rules.RULES),
    ("Những gì nước kia nhận", "What the other country takes", capabilities.RULES),
)


def outgoing(message: BorderMessage, country: str = OWN_COUNTRY) -> bool:
    """Say whether a message is our own country's to say: about its own document, or its answer about another's."""
    ours = message.issuing_country == country
    if message.event is BorderEvent.TRACKED:
        return False
    return ours if message.event in _OF_THE_ISSUER else not ours


def judge(
    message: BorderMessage,
    today: date,
    capability: Capability | None = None,
    *,
    country: str = OWN_COUNTRY,
    accepted: frozenset[str] = frozenset(),
    validity_months: int = clocks.VALIDITY_MONTHS,
) -> tuple[RuleFinding, ...]:
    """Say what is not as the rules have it, all at once; ``accepted``: rules that an officer let pass for this document.

    ``capability`` is what the other country declared; without one nobody's limits are held against what goes out.
    """
    out = outgoing(message, country)
    found = [*_about_message(message, out=out), *_about_content(message, today, capability, validity_months, out, accepted)]
    if out and capability is not None:
        found += capabilities.lacking(message, capability)
    if message.event is BorderEvent.COPIED:
        found = [_told_only(each) for each in found]
    return tuple(found)


def faults(found: Iterable[RuleFinding]) -> tuple[Fault, ...]:
    """Give what refuses, as faults of a message."""
    return tuple(
        Fault(each.path, "border_rule", f"{each.rule}: {each.vi}", f"{each.rule}: {each.en}") for each in refusing(found)
    )


def refusing(found: Iterable[RuleFinding]) -> Iterator[RuleFinding]:
    """Give what refuses."""
    return (each for each in found if each.level == REFUSE)


def warnings(found: Iterable[RuleFinding]) -> Iterator[RuleFinding]:
    """Give what is only told."""
    return (each for each in found if each.level == WARN)


def _about_message(message: BorderMessage, *, out: bool) -> Iterator[RuleFinding]:
    yield from findings(message_rules.MESSAGE_RULES, message, outgoing=out)
    if message.answer is not None:
        yield from findings(message_rules.ANSWER_RULES, message, outgoing=out)


def _about_content(
    message: BorderMessage,
    today: date,
    capability: Capability | None,
    validity_months: int,
    out: bool,
    accepted: frozenset[str],
) -> Iterator[RuleFinding]:
    if message.event not in (BorderEvent.ISSUED, BorderEvent.COPIED):  # a withdrawn document may be as wrong as it was
        return
    if message.origin is not None:
        case = OriginCase(message.origin, message, today, capability, validity_months)
        yield from findings(origin_rules.RULES, case, outgoing=out, prefix="origin.", accepted=accepted)
    if message.phyto is not None:
        yield from phyto_rules.judge_phyto(message.phyto, today, outgoing=out, prefix="phyto.")
    if message.declaration is not None:
        declared = DeclarationCase(message.declaration, message, today)
        yield from findings(declaration_rules.RULES, declared, outgoing=out, prefix="declaration.")


def _told_only(found: RuleFinding) -> RuleFinding:
    """Let a document that is sent again pass as it was, whatever is wrong with its content (OCP Rule 29)."""
    return found if found.rule.startswith(("G", "C")) else replace(found, level=WARN)
