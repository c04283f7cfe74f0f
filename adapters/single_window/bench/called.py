"""Scenarios in which the bench calls the vendor's system: valid messages in every form, and such as must be refused."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator

from lxml import etree

from adapters.single_window.bench.caller import Caller, Heard
from adapters.single_window.envelope import read_moment
from hub.errors import NotSent
from hub.partner_bench import Finding, Scenario, Stage
from hub.rules import xml

_DTD = '<!DOCTYPE Envelope [<!ENTITY a "mo-rong"><!ENTITY b "&a;&a;&a;&a;">]>'
_EXPANDED = "mo-rongmo-rong"
_DEEP = 20_000
_ANSWERED = ("ANS-1", "ANS-2", "ANS-3", "ANS-4", "ANS-5")
_REFUSED = ("ANS-1", "ANS-2", "ANS-6")

Try = Callable[[Caller], Iterable[Finding]]


def scenarios(caller: Caller) -> list[Scenario]:
    """List them, bound to one system."""

    def bound(run: Try) -> Callable[[Stage], Iterable[Finding]]:
        return lambda stage: run(caller)

    return [
        Scenario(name=name, vi=vi, en=en, moves="calls", clauses=clauses, run=bound(run)) for name, vi, en, clauses, run in _ALL
    ]


# --- judging one answer ----------------------------------------------------------------------------------------------


def kept(clause: str, heard: Heard, vi: str = "", en: str = "") -> Finding:
    return Finding(clause=clause, result="kept", vi=vi, en=en, evidence=heard.evidence)


def broken(clause: str, heard: Heard, vi: str, en: str) -> Finding:
    return Finding(clause=clause, result="broken", vi=vi, en=en, evidence=heard.evidence)


def judged(clause: str, heard: Heard, holds: bool, vi: str, en: str) -> Finding:
    return kept(clause, heard) if holds else broken(clause, heard, vi, en)


def read_well(heard: Heard) -> Iterator[Finding]:
    """Judge whether the answer can be read at all: ANS-1, ANS-2."""
    if heard.text is None:
        yield broken("ANS-1", heard, *heard.problem)
        return
    yield kept("ANS-1", heard)
    yield judged("ANS-2", heard, not heard.problem[0], *heard.problem)


def taken(caller: Caller, heard: Heard) -> Iterator[Finding]:
    """Judge the answer to a valid message: ANS-1 to ANS-5."""
    yield from read_well(heard)
    if heard.problem[0]:
        return
    function = heard.head.function
    told = "; ".join(f"{code}: {text}"[:200] for code, text in heard.errors[:3])
    vi, en = f"thông điệp đúng bị trả lời {function or '(trống)'} {told}", f"a valid message is answered {function or '-'} {told}"
    yield judged("ANS-3", heard, function == caller.dialect.received, vi, en)
    wanted = (caller.procedure.document_type, caller.row.type, _reference(heard.sent))
    found = (heard.head.document_type, heard.head.type.zfill(2), heard.head.reference)
    vi, en = f"trả lời về {found}, không phải {wanted}", f"the answer is about {found}, not {wanted}"
    yield judged("ANS-4", heard, found == wanted, vi, en)
    vi, en = f"ReceiveDate là {heard.received_at!r}", f"ReceiveDate is {heard.received_at!r}"
    yield judged("ANS-5", heard, _is_moment(heard.received_at), vi, en)


def _is_taken(caller: Caller, heard: Heard) -> bool:
    return heard.head.function == caller.dialect.received


def refused(caller: Caller, heard: Heard, clause: str) -> Iterator[Finding]:
    """Judge the answer to a message that must be refused: the clause, and ANS-6 where it is refused."""
    if _is_taken(caller, heard):
        yield broken(
            clause, heard, "thông điệp phải từ chối lại được trả lời đã nhận", "what must be refused is answered as received"
        )
        return
    if heard.text is None and _is_fault(heard):
        yield kept(clause, heard, "từ chối bằng SOAP fault", "refused by a SOAP fault")
        return
    yield judged(clause, heard, heard.head.function in caller.dialect.refusals, *_no_refusal(heard))
    told = bool(heard.errors) and all(text.strip() for _, text in heard.errors)
    yield judged("ANS-6", heard, told, "thông điệp từ chối không nêu lý do", "the refusal does not say why")


def _no_refusal(heard: Heard) -> tuple[str, str]:
    function = heard.head.function or "-"
    vi = heard.problem[0] or f"function là {function}, không phải mã từ chối"
    return vi, heard.problem[1] or f"function is {function}, which is no refusal"


def _is_fault(heard: Heard) -> bool:
    return re.search(r"<(\w+:)?Fault[\s>]", heard.body) is not None


def _is_moment(text: str) -> bool:
    try:
        return read_moment(text) is not None
    except ValueError:
        return False


def _reference(sent: str) -> str:
    found = re.search(r"(?:<|&lt;)reference(?:>|&gt;)([^<&]*)", sent)
    return found[1] if found else ""


# --- valid messages --------------------------------------------------------------------------------------------------


def _valid(caller: Caller) -> Iterable[Finding]:
    return taken(caller, caller.say(caller.document()))


def _again(caller: Caller) -> Iterator[Finding]:
    document = caller.document()
    first, second = caller.say(document), caller.say(document)
    if not _is_taken(caller, first):
        yield Finding(clause="IDE-1", result="not_seen", vi="lần đầu chưa được nhận", en="not taken the first time")
        return
    vi, en = f"lần gửi lại được trả lời {second.head.function}", f"the repeat is answered {second.head.function}"
    yield judged("IDE-1", second, _is_taken(caller, second), vi, en)


def _changed(caller: Caller) -> Iterator[Finding]:
    document = caller.document()
    if not _is_taken(caller, caller.say(document)):
        yield Finding(clause="IDE-2", result="not_seen", vi="lần đầu chưa được nhận", en="not taken the first time")
        return
    yield from refused(caller, caller.say(_with_other_content(document)), "IDE-2")


def _any_order(caller: Caller) -> Iterator[Finding]:
    heard = caller.say(_reversed_subject(caller.document()))
    yield judged("REA-1", heard, _is_taken(caller, heard), *_not_taken(heard))


def _forms(caller: Caller) -> Iterator[Finding]:
    for form in ("cdata", "escaped"):
        heard = caller.say(caller.document(), payload=form)
        yield judged(
            "REA-2", heard, _is_taken(caller, heard), f"{form}: {_not_taken(heard)[0]}", f"{form}: {_not_taken(heard)[1]}"
        )
    heard = caller.say(f'\n<?xml version="1.0" encoding="UTF-8"?>\n{caller.document()}'.lstrip("\n"))
    yield judged("REA-3", heard, _is_taken(caller, heard), *_not_taken(heard))
    heard = caller.say(f"\n  {caller.document()}\n")
    yield judged("REA-3", heard, _is_taken(caller, heard), *_not_taken(heard))
    heard = caller.say(re.sub(r"(<sendDate>[^<.]*)(\.\d+)?</sendDate>", r"\1.250</sendDate>", caller.document()))
    yield judged("REA-4", heard, _is_taken(caller, heard), *_not_taken(heard))


def _ampersand(caller: Caller) -> Iterator[Finding]:
    root = xml.parse(caller.document().encode())
    name = root.find("Header/From/name")
    assert name is not None  # every dialect writes it
    name.text = "Đơn vị A & B"
    heard = caller.say(xml.serialise(root).decode())
    yield judged("REA-5", heard, _is_taken(caller, heard), *_not_taken(heard))


def _not_taken(heard: Heard) -> tuple[str, str]:
    told = "; ".join(f"{code}: {text}"[:200] for code, text in heard.errors[:3])
    vi = heard.problem[0] or f"bị trả lời {heard.head.function or '(trống)'} {told}"
    return vi, heard.problem[1] or f"answered {heard.head.function or '-'} {told}"


def _with_other_content(document: str) -> str:
    """Change one value inside Content, which stays valid: the last text that is not empty."""
    root = xml.parse(document.encode())
    names = ("SignName", "CreaterName", "ImporterName", "Reason", "NameOfShip", "NameOfRegistration")
    content = root.find("Body/Content")
    assert content is not None
    leaves = [one for one in content.iter() if isinstance(one.tag, str) and len(one) == 0 and (one.text or "").strip()]
    chosen = next((one for one in leaves if one.tag in names), leaves[-1])
    chosen.text = f"{chosen.text} II" if chosen.tag in names else f"{chosen.text}0"
    return xml.serialise(root).decode()


def _reversed_subject(document: str) -> str:
    root = xml.parse(document.encode())
    subject = root.find("Header/Subject")
    assert subject is not None
    subject[:] = list(reversed(subject))
    return xml.serialise(root).decode()


# --- messages that must be refused -----------------------------------------------------------------------------------


def _faults(caller: Caller) -> Iterator[Finding]:
    root = xml.parse(caller.document().encode())
    _set(root, "Header/Subject/sendDate", "31/02/2026")
    _set(root, "Header/From/name", "")
    _set(root, "Header/Subject/documentYear", "hai nghìn")
    heard = caller.say(xml.serialise(root).decode())
    yield from refused(caller, heard, "ERR-1")
    if heard.errors:
        said = len(heard.errors) if caller.dialect.errors == "list" else heard.errors[0][1].count("/Envelope/")
        vi, en = f"thông điệp có 3 lỗi, chỉ nêu {said}", f"the message has 3 faults, {said} are told"
        yield judged("ERR-2", heard, said >= 3, vi, en)


def _unknown(caller: Caller) -> Iterable[Finding]:
    root = xml.parse(caller.document().encode())
    _set(root, "Header/Subject/documentType", "XXX9999999")
    return refused(caller, caller.say(xml.serialise(root).decode(), document_type="XXX9999999"), "ERR-3")


def _nothing(caller: Caller) -> Iterator[Finding]:
    for text in ("", "không phải XML", "<Envelope><Header>"):
        heard = caller.say(text)
        if _is_taken(caller, heard):
            yield broken("ERR-4", heard, "được trả lời đã nhận", "answered as received")
        else:
            vi, en = f"HTTP {heard.status} không có nội dung SOAP", f"HTTP {heard.status} without SOAP content"
            yield judged("ERR-4", heard, heard.text is not None or _is_fault(heard), vi, en)


def _elsewhere(caller: Caller) -> Iterator[Finding]:
    if not caller.dialect.checks_receiver:
        vi, en = "thế hệ này ghi bên nhận là người khai", "this dialect addresses the trader"
        yield Finding(clause="ADR-1", result="not_seen", vi=vi, en=en)
        return
    root = xml.parse(caller.document().encode())
    _set(root, "Header/To/identity", "KHAC")
    yield from refused(caller, caller.say(xml.serialise(root).decode()), "ADR-1")


def _entities(caller: Caller) -> Iterator[Finding]:
    document = caller.document()
    name = re.search(r"<name>([^<]*)</name>", document)
    assert name is not None
    heard = caller.say(_DTD + document.replace(name[0], "<name>&b;</name>", 1))
    yield from refused(caller, heard, "SEC-1")
    if _EXPANDED in heard.body:
        yield broken("SEC-1", heard, "thực thể đã được khai triển", "the entity was expanded")


def _deep(caller: Caller) -> Iterator[Finding]:
    nested = "<a>" * _DEEP + "</a>" * _DEEP
    caller.say(
        re.sub(r"(<Content>).*(</Content>)", lambda found: found[1] + nested + found[2], caller.document(), flags=re.DOTALL)
    )
    yield _after_deep(caller, caller.document())


def _after_deep(caller: Caller, document: str) -> Finding:
    try:
        heard = caller.say(document)
    except NotSent as error:
        # It was there for the message before: that it is gone now is what the clause is about.
        heard = Heard(sent=document, problem=(error.vi, error.en))
    return judged("SEC-2", heard, _is_taken(caller, heard), *_not_taken(heard))


def _set(root: etree._Element, path: str, value: str) -> None:
    element = root.find(path)
    if element is not None:
        element.text = value


_ALL: tuple[tuple[str, str, str, tuple[str, ...], Try], ...] = (
    ("valid", "Thông điệp đúng", "A valid message", _ANSWERED, _valid),
    ("again", "Cùng thông điệp gửi hai lần", "The same message twice", ("IDE-1",), _again),
    ("changed", "Cùng messageId, nội dung khác", "The same messageId, other content", ("IDE-2", "ANS-6"), _changed),
    ("any_order", "Subject theo thứ tự khác", "Subject in another order", ("REA-1",), _any_order),
    (
        "forms",
        "Các dạng văn bản: CDATA, ký tự thoát, khai báo XML, phần nghìn giây",
        "Forms of the text",
        ("REA-2", "REA-3", "REA-4"),
        _forms,
    ),
    ("ampersand", "Ký tự & trong giá trị", "An ampersand in a value", ("REA-5",), _ampersand),
    ("faults", "Ba lỗi trong một thông điệp", "Three faults in one message", ("ERR-1", "ERR-2", "ANS-6"), _faults),
    ("unknown", "Thủ tục không tồn tại", "A procedure that does not exist", ("ERR-3", "ANS-6"), _unknown),
    ("nothing", "Thông điệp rỗng, không phải XML, bị cắt", "Nothing, not XML, cut off", ("ERR-4",), _nothing),
    ("elsewhere", "Thông điệp gửi cho hệ thống khác", "A message for another system", ("ADR-1", "ANS-6"), _elsewhere),
    ("entities", "DTD và thực thể", "A DTD with entities", ("SEC-1", "ANS-6"), _entities),
    ("deep", "Thông điệp lồng hai vạn cấp", "A message nested twenty thousand deep", ("SEC-2",), _deep),
)
