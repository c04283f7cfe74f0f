"""Read what the sample system answers; its codes are the table at the top."""

from collections.abc import Mapping
from typing import NamedTuple

from adapters.template.reading import Fields, parse
from hub.canonical.receipt import Finding, Receipt
from hub.contract import Outgoing, Reply
from hub.errors import Busy, Fault, InDoubt, InvalidMessage, NotSent, Refused


class Meaning(NamedTuple):
    """What a code of the partner means for the delivery, in our words: theirs may name a person."""

    result: str
    vi: str
    en: str


#: README, section 2. A code that is not here is in doubt, never success.
CODES: Mapping[str, Meaning] = {
    "00": Meaning("taken", "đã nhận", "taken"),
    "01": Meaning("already", "đã nhận từ trước", "had it already"),
    "10": Meaning("refused", "thông điệp có lỗi", "the message has faults"),
    "13": Meaning("refused", "thủ tục không có ở hệ thống này", "unknown procedure"),
    "14": Meaning("refused", "chưa có hồ sơ này để cập nhật", "no such dossier to update"),
    "90": Meaning("busy", "hệ thống đang bận", "busy"),
}
#: Codes of the look-up ``TraCuu``.
FINDINGS: Mapping[str, str] = {"00": "found", "20": "absent"}


def read_receipt(reply: Reply, outgoing: Outgoing) -> Receipt:
    """Read the reply to a call; raise Refused, Busy, NotSent or InDoubt where it is not a receipt."""
    if reply.status in (401, 403):
        raise NotSent("the partner refuses our token", "đối tác không chấp nhận token", partner_code=str(reply.status))
    code = _code(reply)
    meaning = CODES.get(code)
    if meaning is None:
        raise InDoubt("unreadable answer or unknown code", "trả lời không đọc được hoặc có mã lạ", partner_code=code)
    if meaning.result == "refused":
        raise Refused(meaning.en, meaning.vi, where=outgoing.service, partner_code=code)
    if meaning.result == "busy":
        raise Busy(meaning.en, meaning.vi, where=outgoing.service, partner_code=code)
    return Receipt(code=code, text=meaning.vi, already=meaning.result == "already", held=held_after(outgoing))


def held_after(outgoing: Outgoing) -> dict[str, str]:
    """Say what the partner holds once it has this call."""
    return {"dossier": outgoing.head["dossier"]}


def read_finding(reply: Reply, outgoing: Outgoing) -> Finding:
    """Read the answer of the look-up; what cannot be read tells nothing."""
    outcome = FINDINGS.get(_code(reply), "unknown")
    held = held_after(outgoing) if outcome == "found" else {}
    return Finding(outcome=outcome, text=f"HTTP {reply.status}", held=held)


def _code(reply: Reply) -> str:
    """Give the reply's code, empty where it has none that can be read."""
    faults: list[Fault] = []
    try:
        code = Fields(parse(reply.body), "", faults).text("ma")
    except InvalidMessage:
        return ""
    return "" if faults or reply.status != 200 else code[:10]
