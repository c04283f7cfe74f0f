"""What values are called on the pages: roles of bytes, facts of a history, states of tests, corrections and partners."""

from __future__ import annotations

from collections.abc import Mapping

from hub.canonical.codes import EVENT_NAMES, STAGE_NAMES, STATUS_NAMES
from hub.registers import border_words, catalogue_words
from hub.registers.words import INDICATIONS, PDF_OUTCOMES, REVOCATION, VERDICT_REASONS, Words
from hub.rules import campaigns

#: Bytes by their role.
ROLES: Mapping[str, Words] = {
    "raw": ("Nội dung nhận được", "Bytes as received"),
    "signed": ("Phần được ký", "Signed part"),
    "signature": ("Chữ ký tách rời", "Detached signature"),
    "certificate": ("Chứng thư số", "Certificate"),
    "answer": ("Trả lời bên gửi", "Answer to the sender"),
    "canonical": ("Nội dung chuẩn của trục", "Canonical form"),
    "business": ("Nội dung nghiệp vụ gửi đi", "Business bytes sent"),
    "sent": ("Gói tin trên đường truyền", "Bytes on the wire"),
    "reply": ("Trả lời của đối tác", "Partner's reply"),
    "evidence": ("Bằng chứng kèm theo", "Evidence given"),
    "page": ("Trả lời danh sách của đối tác", "Answer of the partner's list"),
}
#: How bytes are shown.
FORMS: Mapping[str, Words] = {
    "pretty": ("Dễ đọc", "Laid out"),
    "raw": ("Nguyên văn", "Raw"),
    "hex": ("Hex", "Hex"),
}
#: Facts of an entry in a dossier's history.
FACTS: Mapping[str, Words] = {
    "service": ("dịch vụ", "service"),
    "variant": ("biến thể", "variant"),
    "attempt": ("lần gửi", "attempt"),
    "outcome": ("kết quả", "outcome"),
    "code": ("mã", "code"),
    "partner_code": ("mã của đối tác", "partner's code"),
    "reply_status": ("HTTP", "HTTP"),
    "numbers": ("mã số đối tác cấp", "number that the partner gave"),
    "verdict": ("chữ ký", "signature"),
    "state": ("trạng thái", "state"),
    "kind": ("loại", "kind"),
    "event": ("sự kiện", "event"),
    "procedure": ("thủ tục", "procedure"),
    "status": ("trạng thái hồ sơ", "status"),
    "where": ("vị trí", "where"),
    "accepted": ("đã nhận", "accepted"),
    "place": ("vị trí trong chuỗi", "place in the chain"),
    "error": ("mã lỗi", "error code"),
    "warnings": ("cảnh báo", "warnings"),
    "identity": ("mã của bên gửi", "sender's identifier"),
    "sub_indication": ("chi tiết chữ ký", "signature"),
    "doubt": ("xử lý khi chưa rõ", "in doubt"),
    "paths": ("trường được sửa", "fields"),
    "item": ("tệp", "file"),
    "until_at": ("đến", "until"),
    "personal_data": ("có dữ liệu cá nhân", "with personal data"),
    "priority": ("độ khẩn", "priority"),
    "stage": ("giai đoạn hồ sơ", "stage of the dossier"),
    "by": ("thay bằng", "by"),
    "document": ("chứng từ", "border document"),
    "detail": ("nội dung", "what was said"),
    "standing": ("tình trạng nghiệp vụ", "business state"),
    "effect": ("tác động", "effect"),
    "marks": ("cần xem xét", "to be looked at"),
}
#: What happened to a dossier.
EVENTS_OF_DOSSIERS: Mapping[str, Words] = {
    event.value: (name, event.value.replace("_", " ")) for event, name in EVENT_NAMES.items()
}
#: What a message is about.
KINDS: Mapping[str, Words] = {
    "dossier": ("hồ sơ", "dossier"),
    "border": ("chứng từ qua biên giới", "border document"),
    "catalogue": ("danh mục thủ tục", "catalogue of procedures"),
    "procedure": ("thủ tục", "procedure"),
    "question": ("câu hỏi", "question"),
    "statistics": ("số liệu thống kê", "statistics"),
    "notice": ("thông báo", "notice"),
    "acknowledgement": ("xác nhận của bên nhận", "acknowledgement"),
    "raw": ("dịch vụ chuyển nguyên văn", "passed as it is"),
}
#: What stands before the first colon of a subject -> what its history is the history of; a dossier has its issuer there.
SUBJECTS: Mapping[str, Words] = {
    "border": ("Chứng từ %(number)s", "Border document %(number)s"),
    "catalogue": ("Danh mục thủ tục %(number)s", "Catalogue of procedures %(number)s"),
    "procedures": ("Danh mục thủ tục %(number)s", "Catalogue of procedures %(number)s"),
    "procedure": ("Thủ tục %(number)s", "Procedure %(number)s"),
    "question": ("Câu hỏi %(number)s", "Question %(number)s"),
    "statistics": ("Số liệu thống kê %(number)s", "Statistics %(number)s"),
    "notices": ("Thông báo %(number)s", "Notices %(number)s"),
    "raw": ("Dịch vụ %(number)s", "Service %(number)s"),
    "alert": ("Cảnh báo %(number)s", "Alert %(number)s"),
    "alerts": ("Cảnh báo gửi tới %(number)s", "Alerts to %(number)s"),
    "endpoint": ("Điểm kết nối %(number)s", "Endpoint %(number)s"),
    "codes": ("Danh mục mã %(number)s", "Code list %(number)s"),
    "campaign": ("Kế hoạch nâng mức %(number)s", "Campaign %(number)s"),
    "group": ("Nhóm lỗi %(number)s", "Group of failures %(number)s"),
    "plan": ("Kế hoạch gửi lại %(number)s", "Replay plan %(number)s"),
    "token": ("Khóa API %(number)s", "Token %(number)s"),
    "person": ("Tài khoản %(number)s", "Account %(number)s"),
    "edit": ("Bản sửa %(number)s", "Correction %(number)s"),
    "message": ("Thông điệp bị từ chối %(number)s", "Refused message %(number)s"),
}
A_DOSSIER: Words = ("Hồ sơ %(number)s", "Dossier %(number)s")
#: Stages of a trade dossier.
STAGES: Mapping[str, Words] = {stage.value: (name, stage.value.replace("_", " ")) for stage, name in STAGE_NAMES.items()}
#: Those that are shown as text; states and verdicts are badges, digests are links.
FACTS_SHOWN = frozenset(FACTS) - {"verdict", "accepted", "priority"}
#: What may be done about a doubt.
ON_DOUBT: Mapping[str, Words] = {
    "ask": ("tự hỏi đối tác", "the partner is asked"),
    "resend": ("gửi lại cùng nội dung", "the same bytes go again"),
    "park": ("chờ người vận hành xác nhận", "an operator settles it"),
}
DOSSIER: Mapping[str, Words] = {
    status.value: (name, status.name.lower().replace("_", " ")) for status, name in STATUS_NAMES.items()
}
#: Life of a correction.
EDITS: Mapping[str, Words] = {
    "proposed": ("chờ duyệt", "proposed"),
    "applied": ("đã áp dụng", "applied"),
    "rejected": ("không duyệt", "rejected"),
    "overtaken": ("không còn phù hợp", "overtaken"),
}
#: Where a row of a code list comes from.
ORIGINS: Mapping[str, Words] = {
    "shipped": ("kèm theo phần mềm", "shipped"),
    "file": ("tệp cấu hình", "file"),
    "ledger": ("bổ sung trên trục", "added here"),
}
#: Codes of agencies and areas in real traffic: what they are of, what is wrong with them, what they are on a day.
CODE_KINDS: Mapping[str, Words] = {
    "agency": ("cơ quan", "agency"),
    "number": ("cơ quan trong số hồ sơ", "agency in dossiers' numbers"),
    "province": ("tỉnh, thành phố", "province"),
    "district": ("huyện", "district"),
    "commune": ("xã, phường", "commune"),
    "postal": ("bưu chính", "postal"),
    "procedure": ("thủ tục", "procedure"),
    "field": ("lĩnh vực", "field"),
}
CODE_FINDINGS: Mapping[str, Words] = {
    "unknown": ("chưa có trong danh mục", "in no list"),
    "closed": ("đã đóng mà còn dùng", "closed, still used"),
    "ambiguous": ("hai nghĩa, thiếu ngày", "two meanings, no day"),
    "other_name": ("tên của thời kỳ khác", "name of another time"),
    "district_ended": ("không còn cấp huyện", "districts have ended"),
    "spelled": ("khác vị trí dấu", "spelled otherwise"),
    "uncorroborated": ("chưa đối chiếu", "not corroborated"),
    "unreadable": ("không đúng dạng mã", "not the shape of a code"),
}
CODE_STANDINGS: Mapping[str, Words] = {
    "current": ("đang dùng", "current"),
    "closed": ("đã đóng", "closed"),
    "unknown": ("không có trong danh mục", "in no list"),
    "level_one": ("đang dùng theo cấp 1; cấp dưới chưa có trong danh mục", "current at level 1; lower levels are in no list"),
}
#: What a dry run came to for one message or call.
DRY: Mapping[str, Words] = {
    "same": ("không đổi", "the same"),
    "differs": ("khác đi", "differs"),
    "cured": ("hết lỗi", "cured"),
    "broken": ("thành lỗi", "broken"),
    "failing": ("vẫn lỗi", "still failing"),
}
#: Why a dry run looked at fewer messages than it was asked to.
STOPPED: Mapping[str, Words] = {
    "time": ("hết thời gian cho phép", "the time was over"),
    "end": ("không còn thông điệp nào phù hợp", "there are no more such messages"),
}
#: How a partner stands to the hub.
STANDING: Mapping[str, Words] = {
    "trial": ("chạy thử", "trial"),
    "live": ("đang vận hành", "live"),
    "leaving": ("đang chuyển sang hệ thống kế thừa", "handing over"),
    "closed": ("đã đóng", "closed"),
}
BREAKER: Mapping[str, Words] = {
    "closed": ("bình thường", "closed"),
    "half_open": ("đang thử lại", "half open"),
    "open": ("đang ngắt", "open"),
}
#: What a process of the hub does.
PROCESS_ROLES: Mapping[str, Words] = {
    "doors": ("tiếp nhận thông điệp (doors)", "taking messages in (doors)"),
    "dispatch": ("xếp lượt chuyển đến hạn để gửi (dispatch)", "queueing what is due (dispatch)"),
    "work": ("gửi cho đối tác (work)", "sending to partners (work)"),
    "console": ("trang quản trị (console)", "the console"),
    "poll": ("lấy danh sách và hỏi kết quả ở đối tác (poll)", "asking partners for lists and results (poll)"),
}
#: An address at which a partner fetches a file.
LINKS: Mapping[str, Words] = {
    "good": ("còn hiệu lực", "good"),
    "expired": ("hết hạn", "expired"),
    "ended": ("đã chấm dứt", "ended"),
    "used_up": ("đã tải đủ số lần", "used up"),
    "deleted": ("tệp đã xóa theo thời hạn lưu", "file deleted by retention"),
}
#: A step of onboarding.
STEPS: Mapping[str, Words] = {
    "done": ("xong", "done"),
    "open": ("chưa xong", "open"),
    "failing": ("có vấn đề", "failing"),
    "not_needed": ("không cần", "not needed"),
}
#: A test message.
TESTS: Mapping[str, Words] = {
    "asked": ("đang chờ thực hiện", "waiting"),
    "running": ("đang thực hiện", "running"),
    "done": ("đã xong", "done"),
}
TEST_STEPS: Mapping[str, Words] = {
    "named": ("Tìm địa chỉ máy", "Name looked up"),
    "connected": ("Mở kết nối", "Connected"),
    "secured": ("Thiết lập TLS", "TLS"),
    "authenticated": ("Xác thực", "Authenticated"),
    "answered": ("Dịch vụ trả lời", "Answered"),
}
#: A certificate's direction and whose it is.
CERTIFICATES: Mapping[str, Words] = {
    "in": ("chiều nhận", "incoming"),
    "out": ("chiều gửi", "outgoing"),
    "both": ("hai chiều", "both ways"),
    "ours": ("của trục", "ours"),
    "partners": ("của đối tác", "the partner's"),
}
ROLE_NAMES: Mapping[str, Words] = {
    "viewer": ("Người xem", "Viewer"),
    "catalogue_officer": ("Cán bộ danh mục", "Catalogue officer"),
    "operator": ("Người vận hành", "Operator"),
    "approver": ("Người duyệt", "Approver"),
    "auditor": ("Kiểm toán viên", "Auditor"),
    "administrator": ("Quản trị viên", "Administrator"),
}
SIGN_IN: Mapping[str, Words] = {
    "password": ("mật khẩu", "password"),
    "oidc": ("đăng nhập tập trung", "single sign-on"),
    "none": ("không đăng nhập (chỉ dùng khóa API)", "no log-in (tokens only)"),
}

#: Name of a table -> the table: ``{{ value|word("ROLES") }}``.
#: States of a campaign's items, and what they need.
CAMPAIGN: Mapping[str, Words] = {**campaigns.STATES, "overdue": ("quá ngày", "overdue")}
NEED_STATES: Mapping[str, Words] = {
    "met": ("đạt", "met"),
    "missing": ("còn thiếu", "missing"),
    "not_needed": ("không cần", "not needed"),
}
NEED_NAMES: Mapping[str, Words] = {name: (need.vi, need.en) for name, need in campaigns.NEEDS.items()}
TABLES: Mapping[str, Mapping[str, Words]] = {
    "ROLES": ROLES,
    "FORMS": FORMS,
    "FACTS": FACTS,
    "KINDS": KINDS,
    "VERDICT_REASONS": VERDICT_REASONS,
    "STAGES": STAGES,
    "EVENTS_OF_DOSSIERS": EVENTS_OF_DOSSIERS,
    "ON_DOUBT": ON_DOUBT,
    "DOSSIER": DOSSIER,
    "INDICATIONS": INDICATIONS,
    "PDF_OUTCOMES": PDF_OUTCOMES,
    "REVOCATION": REVOCATION,
    "EDITS": EDITS,
    "ORIGINS": ORIGINS,
    "CODE_KINDS": CODE_KINDS,
    "CODE_FINDINGS": CODE_FINDINGS,
    "CODE_STANDINGS": CODE_STANDINGS,
    "LINKS": LINKS,
    "DRY": DRY,
    "CATALOGUE_FIELDS": catalogue_words.FIELDS,
    "CATALOGUE_STATES": catalogue_words.STATES,
    "CATALOGUE_WHO": catalogue_words.WHO,
    "STOPPED": STOPPED,
    "STANDING": STANDING,
    "BREAKER": BREAKER,
    "PROCESS_ROLES": PROCESS_ROLES,
    "STEPS": STEPS,
    "TESTS": TESTS,
    "TEST_STEPS": TEST_STEPS,
    "CERTIFICATES": CERTIFICATES,
    "ROLE_NAMES": ROLE_NAMES,
    "SIGN_IN": SIGN_IN,
    "CAMPAIGN": CAMPAIGN,
    "BORDER_DOCUMENTS": border_words.DOCUMENTS,
    "BORDER_SHORT": border_words.SHORT_DOCUMENTS,
    "BORDER_STATES": border_words.STATES,
    "BORDER_TECHNICAL": border_words.TECHNICAL,
    "BORDER_HOPS": border_words.HOPS,
    "BORDER_RESULTS": border_words.RESULTS,
    "BORDER_EVENTS": border_words.EVENTS,
    "BORDER_EFFECTS": border_words.EFFECTS,
    "BORDER_MARKS": border_words.MARKS,
    "BORDER_DETAILS": border_words.DETAILS,
    "NEEDS": NEED_STATES,
    "NEED_NAMES": NEED_NAMES,
}
