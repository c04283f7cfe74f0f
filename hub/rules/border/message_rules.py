"""The rules on every message about a border document, whichever it is, and on the importing country's answers.

docs/border-rules.md shows both tables.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping

from hub.canonical.border.message import AnswerResult, BorderAnswer, BorderDocument, BorderEvent, BorderMessage
from hub.rules.border.finding import REFUSE, WARN, Level, Rule, absent, numbered, where

_COUNTRY = re.compile(r"[A-Z]{2}")
#: A number is opaque; only what cannot be one in any register is not taken. Longest: our own limit.
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
LONGEST_NUMBER = 100
#: Statuses (4405) that fit what is said: issued and approved; withdrawn, and replaced.
_STATUS_OF: Mapping[BorderEvent, frozenset[str]] = {
    BorderEvent.ISSUED: frozenset({"70", "39"}),
    BorderEvent.CANCELLED: frozenset({"40", "44"}),
}
_WITH_DOCUMENT = frozenset({BorderEvent.ISSUED, BorderEvent.COPIED})
_ANYWHERE = frozenset({AnswerResult.AVAILABLE, AnswerResult.NOT_RECEIVED})
#: What can be said of which document.
RESULTS: Mapping[BorderDocument, frozenset[AnswerResult]] = {
    BorderDocument.PHYTO: _ANYWHERE | {AnswerResult.ACCEPTED, AnswerResult.REJECTED},
    BorderDocument.ORIGIN: _ANYWHERE | {AnswerResult.GIVEN, AnswerResult.PARTLY_GIVEN, AnswerResult.NOT_GIVEN},
    BorderDocument.DECLARATION: _ANYWHERE | {AnswerResult.ACCEPTED, AnswerResult.REJECTED},
}
_REFUSALS = frozenset({AnswerResult.NOT_GIVEN, AnswerResult.PARTLY_GIVEN, AnswerResult.REJECTED})
_USED = frozenset({AnswerResult.GIVEN, AnswerResult.PARTLY_GIVEN})
_GIVEN, _NOT_GIVEN = "given", "not_given"

# --- every message -----------------------------------------------------------------------------------------------


def _number(message: BorderMessage) -> Iterator[str]:
    number = message.number
    good = number == number.strip() and 0 < len(number) <= LONGEST_NUMBER and not _CONTROL.search(number)
    return where("number", not good)


def _issuing_country(message: BorderMessage) -> Iterator[str]:
    return where("issuing_country", not _COUNTRY.fullmatch(message.issuing_country))


def _importing_country(message: BorderMessage) -> Iterator[str]:
    named = bool(_COUNTRY.fullmatch(message.importing_country)) and message.importing_country != message.issuing_country
    return where("importing_country", message.event in _WITH_DOCUMENT and not named)


def _document_absent(message: BorderMessage) -> Iterator[str]:
    carried = [name for name in BorderDocument if getattr(message, name) is not None]
    wanted = [message.document]
    fits = carried == wanted if message.event in _WITH_DOCUMENT else carried in ([], wanted)
    return where(str(message.document), not fits)


def _document_differs(message: BorderMessage) -> Iterator[str]:
    content = message.content
    if content is None:
        return
    yield from where(f"{message.document}.number", content.number != message.number)
    if message.phyto is not None:
        code = message.phyto.export_country.code
        yield from where("phyto.export_country.code", code not in ("", message.issuing_country))
    if message.origin is not None:
        yield from where("origin.issuing_country", message.origin.issuing_country != message.issuing_country)


def _importing_differs(message: BorderMessage) -> Iterator[str]:
    if message.phyto is not None:
        code = message.phyto.import_country.code
        said = bool(code and message.importing_country)
        yield from where("phyto.import_country.code", said and code != message.importing_country)


def _nothing_said(message: BorderMessage) -> Iterator[str]:
    yield from where("answer", (message.event is BorderEvent.ANSWERED) != (message.answer is not None))
    yield from where("tracking", (message.event is BorderEvent.TRACKED) != (message.tracking is not None))


def _replaces_itself(message: BorderMessage) -> Iterator[str]:
    yield from where("supersedes", message.supersedes == message.number)
    yield from where("superseded_by", message.superseded_by == message.number)


def _status(message: BorderMessage) -> Iterator[str]:
    fitting = _STATUS_OF.get(message.event)
    return where("phyto.status", message.phyto is not None and fitting is not None and message.phyto.status not in fitting)


def _no_reason(message: BorderMessage) -> Iterator[str]:
    said = bool(message.reason.strip() or message.superseded_by)
    return where("reason", message.event is BorderEvent.CANCELLED and not said)


# --- answers -----------------------------------------------------------------------------------------------------


def _result(message: BorderMessage) -> Iterator[str]:
    answer = message.answer
    return where("answer.result", answer is not None and answer.result not in RESULTS[message.document])


def _answered_items(message: BorderMessage) -> Iterator[str]:
    if message.answer is not None:
        yield from numbered("answer.items", (item.number for item in message.answer.items))


def _result_and_items(message: BorderMessage) -> Iterator[str]:
    answer = message.answer
    return where("answer.items", answer is not None and not _fit(answer))


def _fit(answer: BorderAnswer) -> bool:
    """Say whether what is said of the items bears the result out; of one that names no items only "in part" does not."""
    said = {item.result for item in answer.items}
    if answer.result is AnswerResult.PARTLY_GIVEN:
        return said == {_GIVEN, _NOT_GIVEN}
    if answer.result is AnswerResult.GIVEN:
        return _NOT_GIVEN not in said
    return answer.result is AnswerResult.NOT_GIVEN or not said


def _refused_without_reason(message: BorderMessage) -> Iterator[str]:
    answer = message.answer
    if answer is None or answer.result not in _REFUSALS or answer.reason or answer.reason_code:
        return
    refused = [(index, item) for index, item in enumerate(answer.items) if item.result == _NOT_GIVEN]
    yield from where("answer.reason", not refused)
    for index, item in refused:
        yield from where(f"answer.items.{index}.reason", not (item.reason or item.reason_code))


def _used_amount(message: BorderMessage) -> Iterator[str]:
    for index, item in enumerate(message.answer.items if message.answer is not None else ()):
        negative = item.used is not None and item.used.value < 0
        for_nothing = item.used is not None and item.used.value > 0 and item.result == _NOT_GIVEN
        yield from where(f"answer.items.{index}.used", negative or for_nothing)


def _import_declaration(message: BorderMessage) -> Iterator[str]:
    answer = message.answer
    if answer is not None and answer.result in _USED:
        yield from absent("answer", declaration_number=answer.declaration_number)


_ASSUMED = ("giả định", "assumed")
_NUMBER_ONE = ("Phụ lục 7 ATIGA, số tham chiếu", "ATIGA Annex 7, reference number")
_BOX_4 = ("Phụ lục 7 ATIGA, ô 4", "ATIGA Annex 7, box 4")
_RULE_29 = ("Quy tắc 29 OCP", "OCP Rule 29")
_RULE_30 = ("Quy tắc 30 OCP", "OCP Rule 30")


def _row(
    number: str,
    clause: tuple[str, str],
    vi: str,
    en: str,
    check: Callable[[BorderMessage], Iterator[str]],
    out: Level = REFUSE,
    into: Level = REFUSE,
) -> Rule[BorderMessage]:
    return Rule(number=number, clause=clause, vi=vi, en=en, outgoing=out, incoming=into, check=check)


#: Most of these make a message unusable, so they refuse in both directions.
MESSAGE_RULES: tuple[Rule[BorderMessage], ...] = (
    _row(
        "G01", _NUMBER_ONE, "Chứng từ có số, không quá 100 ký tự", "The document has a number of at most 100 characters", _number
    ),
    _row("G02", _ASSUMED, "Nước cấp ghi bằng mã hai chữ cái", "The issuing country is a code of two letters", _issuing_country),
    _row(
        "G03",
        _ASSUMED,
        "Nước nhập khẩu ghi bằng mã hai chữ cái, khác nước cấp",
        "The importing country is a code of two letters, and not the issuing one",
        _importing_country,
        into=WARN,
    ),
    _row(
        "G04",
        _ASSUMED,
        "Thông báo cấp, truyền lại mang đúng một chứng từ đúng loại",
        "What is issued or sent again carries exactly the document that it is about",
        _document_absent,
    ),
    _row(
        "G05",
        _NUMBER_ONE,
        "Số và nước cấp trong chứng từ đúng như thông điệp",
        "Number and issuing country of the document are those of the message",
        _document_differs,
    ),
    _row(
        "G06",
        _ASSUMED,
        "Nước nhập khẩu trong chứng từ đúng như thông điệp",
        "The importing country of the document is that of the message",
        _importing_differs,
        into=WARN,
    ),
    _row(
        "G07",
        _ASSUMED,
        "Phản hồi có kết quả, trạng thái truyền nhận có trạng thái; thông báo khác không có",
        "An answer has its result and a transport status its state, and nothing else has them",
        _nothing_said,
    ),
    _row("G08", _RULE_29, "Chứng từ không thay thế chính nó", "A document does not replace itself", _replaces_itself),
    _row(
        "G09",
        ("bảng mã UNTDID 4405", "UNTDID 4405"),
        "Trạng thái giấy kiểm dịch đúng với thông báo: cấp 70 hoặc 39, thu hồi 40 hoặc 44",
        "A phytosanitary certificate's status fits what is said: issued 70 or 39, cancelled 40 or 44",
        _status,
        into=WARN,
    ),
    _row(
        "G10",
        _RULE_29,
        "Hủy chứng từ nêu lý do, hoặc số chứng từ mới",
        "A cancellation says why, or names the new document",
        _no_reason,
        into=WARN,
    ),
)

ANSWER_RULES: tuple[Rule[BorderMessage], ...] = (
    _row("A01", _RULE_30, "Kết quả đúng với loại chứng từ", "The result is one for this kind of document", _result),
    _row(
        "A02",
        _BOX_4,
        "Mỗi dòng hàng (số 1 đến 9999) được trả lời một lần",
        "Each item, from 1 to 9999, is answered once",
        _answered_items,
    ),
    _row(
        "A03",
        _BOX_4,
        "Kết quả chung khớp với từng dòng: cho hưởng thì không dòng nào bị từ chối, một phần thì có cả hai",
        "The result fits the items: given has none refused, in part has both",
        _result_and_items,
        into=WARN,
    ),
    _row("A04", _RULE_30, "Từ chối phải nêu lý do", "A refusal gives its reasons", _refused_without_reason, into=WARN),
    _row(
        "A05",
        ("Thông tư 33/2023/TT-BTC Điều 22", "Circular 33/2023/TT-BTC Art. 22"),
        "Lượng đã dùng không âm, dòng bị từ chối không có lượng đã dùng",
        "A used quantity is not below 0, and a refused item has none",
        _used_amount,
        into=WARN,
    ),
    _row(
        "A06",
        ("Thông tư 33/2023/TT-BTC Điều 11", "Circular 33/2023/TT-BTC Art. 11"),
        "Cho hưởng ưu đãi thì nêu số tờ khai nhập khẩu",
        "Where preference is given the import declaration is named",
        _import_declaration,
        WARN,
        WARN,
    ),
)
