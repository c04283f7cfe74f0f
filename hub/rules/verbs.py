"""Every verb of the Control Bus: one name for command line, console, API and documents, and the roles that it belongs to."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

_ALL = ("viewer", "catalogue_officer", "operator", "approver", "auditor", "administrator")
_AT_WORK = ("catalogue_officer", "operator", "approver", "auditor")


@dataclass(frozen=True, slots=True)
class Verb:
    """One verb: words as on the command line, ``replay plan``; in the API's addresses the space is a slash."""

    name: str
    #: Values of hub.rules.people.Role.
    roles: frozenset[str]
    #: True: something changes (or personal data is shown), so it needs who and why, and stands in the journal.
    changes: bool
    vi: str
    en: str


def _verb(name: str, roles: tuple[str, ...], vi: str, en: str, *, changes: bool = True) -> Verb:
    return Verb(name, frozenset(roles), changes, vi, en)


def _look(name: str, vi: str, en: str, roles: tuple[str, ...] = _ALL) -> Verb:
    return _verb(name, roles, vi, en, changes=False)


_OPERATOR = ("operator",)
_APPROVER = ("approver",)
_CATALOGUE = ("catalogue_officer",)
_OFFICER = ("catalogue_officer",)
_ADMINISTRATOR = ("administrator",)

VERBS: Mapping[str, Verb] = {
    each.name: each
    for each in (
        # --- looking
        _look("status", "Tổng quan", "Overview"),
        _look("failures", "Nhóm lỗi", "Failure groups"),
        _look("group show", "Xem một nhóm lỗi", "Show a failure group"),
        _look("doubts", "Lượt chưa rõ kết quả", "Deliveries in doubt"),
        _look("find", "Tìm kiếm", "Find"),
        _look("timeline", "Diễn biến một hồ sơ", "Timeline of a dossier"),
        _look("show", "Xem một thông điệp hoặc lượt chuyển", "Show a message or delivery"),
        _look("journal", "Nhật ký thao tác", "Journal of verbs", ("auditor", "administrator")),
        # --- one failure group
        _verb("group take", _OPERATOR, "Nhận xử lý nhóm lỗi", "Take a failure group"),
        _verb("group leave", _OPERATOR, "Thôi xử lý nhóm lỗi", "Leave a failure group"),
        _verb("group note", _AT_WORK, "Ghi chú cho nhóm lỗi", "Note on a failure group"),
        # --- one delivery
        _verb("release", _OPERATOR, "Cho gửi lại nguyên nội dung", "Release: send the same bytes again"),
        _verb("rebuild", _OPERATOR, "Dựng lại rồi gửi", "Rebuild: translate anew and send"),
        _verb("settle", _OPERATOR, "Xác nhận kết quả", "Settle: state what became of it"),
        _verb("abandon", _OPERATOR, "Từ bỏ", "Abandon"),
        _verb("ask", _OPERATOR, "Hỏi đối tác", "Ask the partner"),
        _verb("reveal", ("operator", "approver", "auditor"), "Xem dữ liệu cá nhân", "Show personal data (break the glass)"),
        _verb("evidence export", ("operator", "auditor"), "Xuất bằng chứng", "Export evidence"),
        # --- many deliveries
        _look("replay show", "Xem kế hoạch gửi lại", "Show replay plans"),
        _verb("replay plan", _OPERATOR, "Lập kế hoạch gửi lại", "Make a replay plan"),
        _verb("replay run", _OPERATOR, "Thực hiện kế hoạch", "Run a replay plan"),
        _verb("replay pause", _OPERATOR, "Tạm dừng kế hoạch", "Pause a replay plan"),
        _verb("replay resume", _OPERATOR, "Tiếp tục kế hoạch", "Resume a replay plan"),
        _verb("replay cancel", _OPERATOR, "Hủy phần còn lại của kế hoạch", "Cancel the rest of a replay plan"),
        # --- what partners hold
        _look("reconcile show", "Đối chiếu với đối tác", "Reconciliations with partners"),
        _verb("reconcile run", _OPERATOR, "Đối chiếu hồ sơ với đối tác", "Compare dossiers with what a partner holds"),
        _verb("reconcile stop", _OPERATOR, "Dừng lần đối chiếu", "Stop a reconciliation"),
        _verb("reconcile resume", _OPERATOR, "Tiếp tục lần đối chiếu", "Go on with a reconciliation"),
        _verb("reconcile mend", _OPERATOR, "Lập kế hoạch xử lý khác biệt", "Plan the mending of what was found"),
        _verb("reconcile report", ("operator", "auditor"), "Lập biên bản đối chiếu", "Make the report for both sides to sign"),
        # --- corrections
        _look("edit show", "Xem bản sửa", "Show corrections"),
        _verb("edit propose", _OPERATOR, "Đề nghị sửa nội dung", "Propose a correction"),
        _verb("edit approve", _APPROVER, "Duyệt bản sửa", "Approve a correction"),
        _verb("edit reject", ("operator", "approver"), "Không duyệt hoặc rút bản sửa", "Reject or withdraw a correction"),
        _look("mapping show", "Xem danh mục mã", "Show code lists"),
        _verb("mapping set", ("catalogue_officer", "operator"), "Bổ sung hoặc sửa mã", "Add or change a code"),
        _verb("mapping remove", ("catalogue_officer", "operator"), "Bỏ mã đã bổ sung", "Take back a code that was added"),
        _look("codes check", "Kiểm tra mã trong hồ sơ thực tế", "Check the codes of real traffic"),
        _look("codes show", "Tra một mã cơ quan, địa bàn", "Show what a code was and is"),
        _verb("codes pull", ("catalogue_officer", "operator"), "Lấy danh mục mã của đối tác", "Pull a partner's lists of codes"),
        _look("dry-run", "Chạy thử một thay đổi", "Dry run of a change", ("catalogue_officer", "operator", "administrator")),
        # --- partners
        _look("partner show", "Đối tác", "Partners"),
        _verb("pause", _OPERATOR, "Tạm dừng gửi tới đối tác", "Pause an endpoint"),
        _verb("resume", _OPERATOR, "Gửi tiếp tới đối tác", "Resume an endpoint"),
        _verb("partner lookup", ("catalogue_officer", "operator"), "Tra cứu ở đối tác", "Look something up at a partner"),
        _look("pull show", "Danh sách lấy từ đối tác", "Lists pulled from partners"),
        _verb("pull now", _OPERATOR, "Lấy danh sách ngay", "Pull a list now"),
        _verb("partner test", _OPERATOR, "Gửi thử tới đối tác", "Send a partner a test message"),
        _verb("partner onboard", ("operator", "administrator"), "Đánh dấu bước kết nối đối tác", "Tick a step of onboarding"),
        _verb("partner succeed", _ADMINISTRATOR, "Chuyển đối tác sang hệ thống kế thừa", "Hand work over to a successor"),
        # --- campaigns
        _look("campaign show", "Chiến dịch nâng mức dịch vụ", "Campaigns to raise services"),
        _look("campaign candidates", "Dịch vụ nên nâng trước", "Candidates of a campaign"),
        _verb("campaign make", _OFFICER, "Lập chiến dịch nâng mức", "Make a campaign"),
        _verb("campaign item", _OFFICER, "Lập hoặc đổi dịch vụ của chiến dịch", "Plan or change items of a campaign"),
        _verb("campaign tick", _OFFICER, "Xác nhận điều kiện nâng mức", "Tick what an item needs"),
        _verb("campaign raise", _OFFICER, "Nâng mức dịch vụ", "Raise services that are ready"),
        # --- files
        _look("link show", "Địa chỉ tải tệp", "Addresses of files"),
        _verb("link end", _OPERATOR, "Chấm dứt một địa chỉ tải tệp", "End an address of a file"),
        # --- border documents
        _look("border list", "Chứng từ qua biên giới", "Border documents"),
        _look("border show", "Xem một chứng từ", "Show a border document"),
        _verb("border print", ("operator", "approver", "auditor"), "Xem và in nội dung chứng từ", "Print a border document"),
        _verb("border copy", _OPERATOR, "Truyền lại chứng từ theo đề nghị", "Send a border document again on request"),
        _verb("border decide", ("operator", "approver"), "Quyết định về chứng từ", "Decide on a border document"),
        # --- the catalogue of procedures
        _look("procedures show", "Danh mục thủ tục", "Procedures"),
        _look("procedures compare", "So sánh danh mục thủ tục", "Compare catalogues of procedures"),
        _look("procedures worklist", "Việc cần làm trên danh mục", "Work-list of the catalogue"),
        _verb("procedures import", _CATALOGUE, "Nhập danh mục từ bảng tính", "Import a catalogue from a spreadsheet"),
        _verb("procedures pull", ("catalogue_officer", "operator"), "Lấy danh mục của một nơi", "Pull a holder's catalogue"),
        _verb("procedures files", ("catalogue_officer", "operator"), "Kiểm tra tệp mẫu đơn", "Look at guidance and form files"),
        _verb("procedures plan", _CATALOGUE, "Lập kế hoạch sửa danh mục", "Plan the mending of a catalogue"),
        _verb("procedures mend", _CATALOGUE, "Thực hiện kế hoạch sửa danh mục", "Carry out a plan of mending"),
        _verb("procedures claim", ("catalogue_officer", "operator"), "Báo đã sửa danh mục", "Say that work is done"),
        # --- alerts
        _look("alert show", "Cảnh báo", "Alerts"),
        _verb("alert mute", _OPERATOR, "Tạm tắt một cảnh báo", "Mute an alert for a while"),
        _verb("alert test", _ADMINISTRATOR, "Gửi thử cảnh báo", "Send a test alert"),
        # --- statistics
        _look("statistics show", "Số liệu thống kê", "Statistics"),
        _verb("statistics make", (*_AT_WORK, "administrator"), "Lập báo cáo thống kê", "Make a statistical report"),
        _verb("statistics send", ("catalogue_officer", "operator"), "Gửi số liệu tháng cho đối tác", "Send a month's figures"),
        _verb("statistics fill", _ADMINISTRATOR, "Bổ sung số liệu của hồ sơ cũ", "Fill in statistics of old dossiers"),
        # --- people
        _look("person show", "Tài khoản", "People", ("auditor", "administrator")),
        _verb("person add", _ADMINISTRATOR, "Thêm tài khoản", "Add a person"),
        _verb("person change", _ADMINISTRATOR, "Đổi vai trò, phạm vi hoặc khóa tài khoản", "Change a person"),
        _verb("person password", _ADMINISTRATOR, "Đặt lại mật khẩu", "Set a person's password anew"),
        _look("token show", "Khóa API", "Tokens", ("auditor", "administrator")),
        _verb("token make", _ADMINISTRATOR, "Cấp khóa API", "Make a token"),
        _verb("token end", _ADMINISTRATOR, "Thu hồi khóa API", "End a token"),
    )
}
