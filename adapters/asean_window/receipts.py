"""Read a partner's technical receipt; its codes are the table at the top.

A message that leaves through a gateway or a folder has none: the gateway's word, or the file's place, says what became of it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from adapters.asean_window import answers
from hub.canonical.receipt import Finding, Receipt
from hub.contract import Outgoing, Reply
from hub.errors import Busy, InDoubt, InvalidMessage, Refused
from hub.rules import xml


class Meaning(NamedTuple):
    """What a code means for the delivery, in our words: theirs may name a person."""

    result: str
    vi: str
    en: str


#: Ours (assumed): no receipt of the ASEAN Single Window is public. A code that is not here is in doubt, never success.
CODES: Mapping[str, Meaning] = {
    answers.TAKEN: Meaning("taken", "đã nhận", "taken"),
    answers.REPEATED: Meaning("already", "đã nhận từ trước", "had it already"),
    answers.INVALID: Meaning("refused", "chứng từ có lỗi", "the document has faults"),
    answers.CONFLICT: Meaning("refused", "mã đã dùng cho nội dung khác", "the identifier was used for other content"),
    answers.NOT_PERMITTED: Meaning("refused", "nơi nhận không cho phép", "not permitted there"),
    answers.NOT_TRUSTED: Meaning("refused", "nơi nhận không xác thực được", "could not be verified there"),
    answers.LATER: Meaning("busy", "nơi nhận chưa nhận được", "not taken now"),
}


def read_receipt(reply: Reply, outgoing: Outgoing) -> Receipt:
    """Read the reply to a document; raise Refused, Busy or InDoubt where it is not a receipt."""
    code = _code(reply)
    meaning = CODES.get(code)
    if meaning is None:
        vi, en = "trả lời không đọc được hoặc có mã lạ", "unreadable answer or unknown code"
        raise InDoubt(en, vi, where=outgoing.service, partner_code=code)
    if meaning.result == "refused":
        raise Refused(meaning.en, meaning.vi, where=outgoing.service, partner_code=code)
    if meaning.result == "busy":
        raise Busy(meaning.en, meaning.vi, where=outgoing.service, partner_code=code)
    return Receipt(code=code, text=meaning.vi, already=meaning.result == "already")


def read_finding(reply: Reply, outgoing: Outgoing) -> Finding:
    """Say that nothing is known: there is no look-up beside those of a gateway or a folder, which need no reading."""
    return Finding(outcome="unknown", text=f"HTTP {reply.status}")


def _code(reply: Reply) -> str:
    """Give the receipt's code; empty where it has none that can be read."""
    try:
        root = xml.parse(reply.body, max_bytes=1_000_000)
    except InvalidMessage:
        return ""
    if root.tag != f"{{{answers.NAMESPACE}}}Receipt":
        return ""
    return xml.text(root, f"{{{answers.NAMESPACE}}}Code")[:20]
