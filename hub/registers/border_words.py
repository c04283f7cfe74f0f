"""What states, hops, effects and clocks of border documents are called, as an official reads them: Vietnamese, English."""

from __future__ import annotations

from collections.abc import Mapping

from hub.canonical.border.message import BORDER_EVENT_NAMES, DOCUMENT_NAMES, RESULT_NAMES, TECHNICAL_NAMES
from hub.rules.border.marks import MARK_NAMES

Words = tuple[str, str]

DOCUMENTS: Mapping[str, Words] = {each.value: names for each, names in DOCUMENT_NAMES.items()}
#: The same, short: for columns.
SHORT_DOCUMENTS: Mapping[str, Words] = {
    "origin": ("C/O mẫu D", "Form D"),
    "phyto": ("Kiểm dịch thực vật", "Phytosanitary"),
    "declaration": ("Tờ khai ACDD", "ACDD"),
}
RESULTS: Mapping[str, Words] = {each.value: names for each, names in RESULT_NAMES.items()}
#: The business axis in one word.
STATES: Mapping[str, Words] = {
    "awaited": ("chưa có chứng từ", "document not here yet"),
    "issued": ("đã cấp", "issued"),
    "not_received": ("nước nhập khẩu chưa nhận được", "not received there"),
    "available": ("nước nhập khẩu đã nhận", "available there"),
    "given": ("cho hưởng ưu đãi", "preference given"),
    "partly_given": ("cho hưởng ưu đãi một phần", "preference given in part"),
    "not_given": ("không cho hưởng ưu đãi", "preference not given"),
    "accepted": ("chấp nhận", "accepted"),
    "rejected": ("không chấp nhận", "rejected"),
    "expired": ("hết hiệu lực", "expired"),
    "cancelled": ("đã hủy", "cancelled"),
    "superseded": ("đã được thay thế", "superseded"),
}
TECHNICAL: Mapping[str, Words] = {each.value: names for each, names in TECHNICAL_NAMES.items()}
#: Hops between two single windows; where each is, is read from its name and assumed.
HOPS: Mapping[str, Words] = {
    "AS1": ("Cổng ASW nước gửi đã nhận", "the sender's gateway has it"),
    "AS2": ("Cổng ASW nước nhận đã nhận", "the recipient's gateway has it"),
    "AS3": ("Một cửa quốc gia nước nhận đã nhận", "the recipient's single window has it"),
    "AS4": ("Cơ quan nước nhận đã nhận", "the recipient's agency has it"),
}
EVENTS: Mapping[str, Words] = {
    **{each.value: names for each, names in BORDER_EVENT_NAMES.items()},
    "superseded": ("Được thay bằng chứng từ khác", "replaced by another document"),
    "decided": ("Cán bộ quyết định", "decided by an officer"),
}
#: What came of something that was said.
EFFECTS: Mapping[str, Words] = {
    "applied": ("có hiệu lực", "applied"),
    "late": ("đến muộn, không đổi trạng thái", "late, moved nothing"),
    "repeated": ("lặp lại", "repeated"),
    "differs": ("khác nội dung đã có: sự cố", "other content: an incident"),
    "awaiting": ("chờ chứng từ đến", "waits for the document"),
}
MARKS: Mapping[str, Words] = {each.value: names for each, names in MARK_NAMES.items()}
DECISIONS: Mapping[str, Words] = {"late_accepted": ("Chấp nhận nộp muộn", "accepted although late"), **MARKS}
#: What one thing that was said is about, in one word: a hop, a state, an answer, a decision.
DETAILS: Mapping[str, Words] = {**TECHNICAL, **RESULTS, **HOPS, **DECISIONS}
CLOCKS: Mapping[str, Words] = {
    "answer": ("hạn trả lời", "answer due"),
    "hop": ("hạn tới chặng kế tiếp", "next hop due"),
    "expiry": ("hết hiệu lực", "expires"),
}
DIRECTIONS: Mapping[str, Words] = {"out": ("gửi đi", "outgoing"), "in": ("nhận về", "incoming")}
