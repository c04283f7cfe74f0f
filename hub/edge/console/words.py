"""Words of the console that are values: what may be chosen in a form, and what stands in the list of pages."""

from __future__ import annotations

from collections.abc import Mapping

from hub.registers.words import Words

#: What stands in a choice of a form -> Vietnamese, English.
CHOICES: Mapping[str, Words] = {
    "arrived": ("Đã đến nơi", "It arrived"),
    "not_arrived": ("Chưa đến nơi", "It did not arrive"),
    "acknowledged": ("Đối tác đã xác nhận", "The partner acknowledged it"),
    "refused": ("Đối tác đã từ chối", "The partner refused it"),
    "release": ("Gửi lại nguyên nội dung", "Release: the same bytes"),
    "rebuild": ("Dựng lại rồi gửi", "Rebuild: translated anew"),
    "password": ("Mật khẩu", "Password"),
    "oidc": ("Đăng nhập tập trung (OpenID Connect)", "Single sign-on (OpenID Connect)"),
    "none": ("Không đăng nhập, chỉ dùng khóa API", "No log-in, tokens only"),
    "open": ("Mở", "Open"),
    "closed": ("Khóa", "Closed"),
    "planned": ("Trở lại kế hoạch", "Planned again"),
    "preparing": ("Bắt đầu chuẩn bị", "Being prepared"),
    "dropped": ("Thôi nâng", "Dropped"),
    "forms": ("Có tệp mẫu đơn, tờ khai", "Forms are attached"),
    "online": ("Đã mở nộp trực tuyến", "It can be submitted online"),
    "payment": ("Đã cấu hình thanh toán trực tuyến", "Online payment is set up"),
}
#: Pages that can be reached from everywhere: address, the verb that one must have, title; in the order of a working day.
PLACES: tuple[tuple[str, str, Words], ...] = (
    ("/", "status", ("Tổng quan", "Overview")),
    ("/failures", "failures", ("Nhóm lỗi", "Failures")),
    ("/doubts", "doubts", ("Chưa rõ kết quả", "In doubt")),
    ("/replays", "replay show", ("Gửi lại", "Replay")),
    ("/reconciliations", "reconcile show", ("Đối chiếu", "Reconciliation")),
    ("/find", "find", ("Tìm kiếm", "Find")),
    ("/edits", "edit show", ("Bản sửa", "Corrections")),
    ("/border", "border list", ("Chứng từ qua biên giới", "Border documents")),
    ("/procedures", "procedures show", ("Danh mục thủ tục", "Procedures")),
    ("/mappings", "mapping show", ("Danh mục mã", "Code lists")),
    ("/codes", "codes check", ("Cơ quan, địa bàn", "Agencies and areas")),
    ("/campaigns", "campaign show", ("Nâng mức dịch vụ", "Campaigns")),
    ("/statistics", "statistics show", ("Thống kê", "Statistics")),
    ("/partners", "partner show", ("Đối tác", "Partners")),
    ("/pulls", "pull show", ("Lấy từ đối tác", "Pulled lists")),
    ("/links", "link show", ("Địa chỉ tệp", "File addresses")),
    ("/alerts", "alert show", ("Cảnh báo", "Alerts")),
    ("/people", "person show", ("Tài khoản", "People")),
    ("/tokens", "token show", ("Khóa API", "Tokens")),
    ("/journal", "journal", ("Nhật ký", "Journal")),
)
