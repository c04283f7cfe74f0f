"""What fields of a procedure, states and deeds of the catalogue are called, in Vietnamese and English."""

from __future__ import annotations

from collections.abc import Mapping

from hub.registers.words import Words

#: Fields of a comparison.
FIELDS: Mapping[str, Words] = {
    "+": ("(thiếu cả thủ tục)", "(the whole procedure)"),
    "?": ("(bản ghi không đọc được)", "(the record cannot be read)"),
    "name": ("Tên thủ tục", "Name"),
    "active": ("Còn áp dụng", "In use"),
    "level": ("Mức độ", "Service level"),
    "field_code": ("Mã lĩnh vực", "Field code"),
    "field_name": ("Tên lĩnh vực", "Field"),
    "announcing_agency": ("Cơ quan công bố", "Announcing agency"),
    "agencies": ("Cơ quan thực hiện", "Agencies"),
    "LOAITTHC": ("Loại thủ tục", "Kind"),
    "LINHVUCTHUCHIEN": ("Lĩnh vực khác", "Other fields"),
    "MOTADOITUONGTHUCHIEN": ("Đối tượng thực hiện (mô tả)", "Who may apply (text)"),
    "DIACHITIEPNHAN": ("Địa chỉ tiếp nhận", "Where to apply"),
    "QUYETDINH": ("Quyết định công bố", "Announcing decision"),
    "YEUCAU": ("Yêu cầu, điều kiện", "Conditions"),
    "TUKHOA": ("Từ khóa", "Key words"),
    "MOTA": ("Hướng dẫn", "Guidance"),
    "MOTACOQUANTHUCHIEN": ("Cơ quan thực hiện (mô tả)", "Agencies (text)"),
    "MOTACOQUANTHAMQUYEN": ("Cơ quan có thẩm quyền (mô tả)", "Competent agencies (text)"),
    "TRINHTUTHUCHIEN": ("Trình tự thực hiện", "Steps"),
    "CAPTHUCHIEN": ("Cấp thực hiện", "Level of government"),
    "CACHTHUCTHUCHIEN": ("Cách thức, thời hạn, phí", "Ways, time limits, fees"),
    "DOITUONGTHUCHIEN": ("Đối tượng thực hiện", "Who may apply"),
    "THANHPHANHOSO": ("Thành phần hồ sơ", "Papers"),
    "KETQUATHUCHIEN": ("Kết quả", "Results"),
    "CANCUPHAPLY": ("Căn cứ pháp lý", "Legal basis"),
    "COQUANCOTHAMQUYEN": ("Cơ quan có thẩm quyền", "Competent agencies"),
    "COQUANDUOCUYQUYEN": ("Cơ quan được ủy quyền", "Authorised agencies"),
    "COQUANPHOIHOP": ("Cơ quan phối hợp", "Agencies that take part"),
    "TTHCLIENQUAN": ("Thủ tục liên quan", "Related procedures"),
    "TTHCLIENTHONG": ("Thủ tục liên thông", "Joined procedures"),
    "TRANGTHAI": ("Trạng thái", "State"),
    "NGAYHIEULUC": ("Ngày hiệu lực", "Holds from"),
    "NGAYHETHIEULUC": ("Ngày hết hiệu lực", "Ends on"),
}
#: Who must act.
WHO: Mapping[str, Words] = {"holder": ("nơi giữ danh mục", "the holder"), "owner": ("cơ quan chủ quản", "the owner")}
#: State of a version, of work, of an item of a plan, of a file, of a change.
STATES: Mapping[str, Words] = {
    "in_force": ("đang hiệu lực", "in force"),
    "coming": ("sắp hiệu lực", "coming"),
    "past": ("đã thay thế", "replaced"),
    "open": ("chưa làm", "open"),
    "claimed": ("báo đã làm, chờ xác nhận", "said to be done"),
    "confirmed": ("đã xác nhận", "confirmed"),
    "write": ("trục gửi", "the hub writes"),
    "work": ("cán bộ làm", "a person does"),
    "": ("chưa thực hiện", "not yet"),
    "sent": ("đã đưa vào hàng gửi", "put in the queue"),
    "listed": ("đã vào danh sách việc", "on the work-list"),
    "under_way": ("đang thực hiện", "under way"),
    "changed": ("đã thay đổi", "changed"),
    "ok": ("tải được", "can be fetched"),
    "broken": ("không tải được", "cannot be fetched"),
    "new": ("mới", "new"),
    "gone": ("không còn áp dụng", "out of use"),
}
