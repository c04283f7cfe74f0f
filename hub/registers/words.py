"""What states and events are called, in Vietnamese and English, wherever people read of them."""

from __future__ import annotations

from collections.abc import Mapping

Words = tuple[str, str]

#: State of a delivery.
STATES: Mapping[str, Words] = {
    "held": ("chờ lượt trước", "held"),
    "pending": ("chờ gửi", "pending"),
    "queued": ("đã xếp hàng", "queued"),
    "claimed": ("đang chuẩn bị", "claimed"),
    "sending": ("đang gửi", "sending"),
    "in_doubt": ("chưa rõ", "in doubt"),
    "waiting": ("chờ gửi lại", "waiting"),
    "parked": ("dừng", "parked"),
    "delivered": ("đã chuyển", "delivered"),
    "acknowledged": ("đã xác nhận", "acknowledged"),
    "refused_late": ("bị từ chối sau", "refused late"),
    "abandoned": ("đã từ bỏ", "abandoned"),
}
#: Event of the journal.
EVENTS: Mapping[str, Words] = {
    "message.received": ("Nhận thông điệp", "Message received"),
    "message.refused": ("Từ chối thông điệp", "Message refused"),
    "message.repeated": ("Thông điệp gửi lặp", "Message repeated"),
    "dossier.replaced": ("Hồ sơ được thay thế bằng hồ sơ khác", "Replaced by another dossier"),
    "delivery.sending": ("Bắt đầu gửi", "Sending began"),
    "delivery.laid_out": ("Đã đặt sẵn để đối tác lấy", "Laid out for the partner to fetch"),
    "delivery.given": ("Đối tác đã lấy, chờ xác nhận", "Fetched by the partner"),
    "delivery.delivered": ("Đối tác đã nhận", "Taken by the partner"),
    "delivery.untold": ("Không báo được: đối tác không có dịch vụ nhận", "Not told: the partner has no service for it"),
    "delivery.unneeded": ("Không cần gửi: đối tác đã có", "Not needed: the partner has it"),
    "delivery.receipt": ("Đã đọc trả lời", "Receipt read"),
    "delivery.acknowledge": ("Đối tác xác nhận", "Acknowledged by the partner"),
    "delivery.refuse": ("Đối tác từ chối", "Refused by the partner"),
    "delivery.not_sent": ("Chưa gửi được", "Not sent"),
    "delivery.doubt": ("Chưa rõ kết quả", "In doubt"),
    "delivery.park": ("Dừng chờ xử lý", "Parked"),
    "delivery.lapsed": ("Hết thời gian giữ", "Lease lapsed"),
    "inquiry.found": ("Tra cứu: đối tác đã có", "Look-up: the partner has it"),
    "inquiry.absent": ("Tra cứu: đối tác không có", "Look-up: the partner does not have it"),
    "inquiry.unknown": ("Tra cứu: không rõ", "Look-up: not known"),
    "operator.release": ("Người vận hành cho gửi lại", "Released by an operator"),
    "operator.rebuild": ("Người vận hành cho lập lại và gửi", "Rebuilt by an operator"),
    "operator.settle_arrived": ("Người vận hành xác nhận đã đến", "Settled by an operator: arrived"),
    "operator.settle_not_arrived": ("Người vận hành xác nhận chưa đến", "Settled by an operator: did not arrive"),
    "operator.abandon": ("Người vận hành từ bỏ", "Abandoned by an operator"),
    "operator.ask": ("Người vận hành yêu cầu tra cứu", "An operator asked for a look-up"),
    "evidence.exported": ("Xuất bằng chứng", "Evidence exported"),
    "operator.settle_acknowledged": ("Người vận hành xác nhận đối tác đã xác nhận", "Settled by an operator: acknowledged"),
    "operator.settle_refused": ("Người vận hành xác nhận đối tác từ chối", "Settled by an operator: refused"),
    "operator.pause": ("Người vận hành tạm dừng gửi", "Endpoint paused"),
    "operator.resume": ("Người vận hành cho gửi tiếp", "Endpoint resumed"),
    "border.said": ("Có thông tin về chứng từ qua biên giới", "Something was said of a border document"),
    "border.joined": ("Gắn chứng từ với hồ sơ", "Border document joined to its dossier"),
    "border.decided": ("Cán bộ quyết định về chứng từ", "An officer decided on a border document"),
    "border.printed": ("Xem, in nội dung chứng từ", "Border document printed"),
    "procedures.pull": ("Bắt đầu lấy danh mục thủ tục", "Pull of procedures begun"),
    "procedures.pulled": ("Đã lấy xong danh mục thủ tục", "Procedures pulled"),
    "procedures.planned": ("Lập kế hoạch sửa danh mục", "Mending of a catalogue planned"),
    "procedures.mended": ("Thực hiện kế hoạch sửa danh mục", "Plan of mending carried out"),
    "procedures.claimed": ("Báo đã sửa danh mục", "Work said to be done"),
    "procedures.confirmed": ("Xác nhận đã sửa danh mục", "Work confirmed by a pull"),
    "procedures.files": ("Kiểm tra tệp mẫu đơn, hướng dẫn", "Guidance and form files looked at"),
    "reconcile.started": ("Bắt đầu đối chiếu với đối tác", "Reconciliation begun"),
    "reconcile.stopped": ("Dừng đối chiếu", "Reconciliation stopped"),
    "reconcile.resumed": ("Tiếp tục đối chiếu", "Reconciliation resumed"),
    "reconcile.done": ("Đối chiếu xong", "Reconciliation done"),
    "reconcile.mended": ("Lập kế hoạch xử lý khác biệt", "Mending of findings planned"),
    "reconcile.reported": ("Lập biên bản đối chiếu", "Report of a reconciliation made"),
    "plan.frozen": ("Lập kế hoạch gửi lại", "Replay plan made"),
    "plan.started": ("Bắt đầu kế hoạch gửi lại", "Replay plan started"),
    "plan.step": ("Sang bước tiếp theo của kế hoạch gửi lại", "Next step of a replay plan"),
    "plan.paused": ("Tạm dừng kế hoạch gửi lại", "Replay plan paused"),
    "plan.resumed": ("Tiếp tục kế hoạch gửi lại", "Replay plan resumed"),
    "plan.cancelled": ("Hủy phần còn lại của kế hoạch gửi lại", "Rest of a replay plan cancelled"),
    "plan.stopped": ("Kế hoạch gửi lại tự dừng", "Replay plan stopped by itself"),
    "plan.done": ("Kế hoạch gửi lại đã xong", "Replay plan done"),
    "group.taken": ("Nhận xử lý nhóm lỗi", "Failure group taken"),
    "group.left": ("Thôi xử lý nhóm lỗi", "Failure group left"),
    "group.noted": ("Ghi chú cho nhóm lỗi", "Note on a failure group"),
    "person.added": ("Thêm tài khoản", "Person added"),
    "person.changed": ("Đổi vai trò, phạm vi hoặc tình trạng tài khoản", "Person changed"),
    "person.password_set": ("Đặt lại mật khẩu", "Password set anew"),
    "person.password_changed": ("Tự đổi mật khẩu", "Own password changed"),
    "person.bound": ("Gắn tài khoản với hệ thống định danh", "Bound to the provider of identities"),
    "person.login": ("Đăng nhập", "Logged in"),
    "person.login_failed": ("Đăng nhập không thành công", "Login failed"),
    "person.logout": ("Đăng xuất", "Logged out"),
    "person.revealed": ("Xem dữ liệu cá nhân", "Personal data shown"),
    "token.made": ("Cấp khóa API", "Token made"),
    "token.ended": ("Thu hồi khóa API", "Token ended"),
    "delivery.moved": ("Chuyển sang hệ thống kế thừa", "Moved to the partner's successor"),
    "operator.test": ("Người vận hành yêu cầu gửi thử", "An operator asked for a test message"),
    "partner.tested": ("Kết quả gửi thử", "Result of a test message"),
    "operator.onboard": ("Đánh dấu bước kết nối", "Step of onboarding"),
    "operator.trial": ("Bắt đầu chạy thử với đối tác", "Trial of a partner begins"),
    "operator.live": ("Đưa đối tác vào vận hành", "Partner goes live"),
    "operator.succeed": ("Chuyển sang hệ thống kế thừa", "Work handed over to a successor"),
    "succession.ended": ("Đã chuyển hết sang hệ thống kế thừa", "Nothing is left with the predecessor"),
    "edit.proposed": ("Đề nghị sửa nội dung", "Correction proposed"),
    "edit.approved": ("Duyệt bản sửa, lập lại và gửi", "Correction approved: rebuilt and sent"),
    "edit.rejected": ("Không duyệt bản sửa", "Correction rejected"),
    "edit.overtaken": ("Bản sửa hết hiệu lực vì lượt chuyển đã thay đổi", "Correction overtaken: the delivery moved on"),
    "codes.set": ("Bổ sung hoặc sửa mã", "Code added or changed"),
    "codes.removed": ("Bỏ mã đã bổ sung", "Code taken back"),
    "campaign.made": ("Lập chiến dịch nâng mức", "Campaign made"),
    "campaign.planned": ("Lập hoặc đổi dịch vụ của chiến dịch", "Items of a campaign planned"),
    "campaign.preparing": ("Bắt đầu chuẩn bị nâng mức", "Preparing of items began"),
    "campaign.dropped": ("Thôi nâng mức", "Items dropped"),
    "campaign.ticked": ("Xác nhận điều kiện nâng mức", "Need of items ticked"),
    "campaign.unticked": ("Rút xác nhận điều kiện", "Tick taken back"),
    "campaign.raised": ("Nâng mức dịch vụ", "Services raised"),
    "alert.opened": ("Có cảnh báo", "Alert opened"),
    "alert.worse": ("Cảnh báo nặng hơn", "Alert got worse"),
    "alert.over": ("Cảnh báo đã hết", "Alert is over"),
    "alert.told": ("Đã báo nơi nhận cảnh báo", "Recipient was told of alerts"),
    "operator.alert_mute": ("Người vận hành tạm tắt cảnh báo", "Alert muted by an operator"),
    "operator.alert_unmute": ("Người vận hành cho báo lại", "Mute ended by an operator"),
    "operator.alert_test": ("Gửi thử cảnh báo", "Test alert sent"),
    "delivery.defer": ("Chưa gửi, chờ gửi lại", "Not sent yet, waits"),
    "delivery.poison": ("Dừng: tiến trình xử lý hỏng nhiều lần", "Parked: workers died on it"),
    "delivery.routed": ("Đã xác định nơi nhận", "Routed"),
    "follow.given_up": ("Thôi hỏi đối tác kết quả giao", "No longer asked about: the partner's last word does not come"),
    "inquiry.stopped": ("Thôi tra cứu, chờ người vận hành", "No longer asked about: left to an operator"),
    "finding.indexed": ("Lập chỉ mục số định danh", "Applicants' numbers indexed"),
    "attachment.given": ("Nhận tệp", "File received"),
    "attachment.fetched": ("Trục đã tải tệp từ nơi gửi", "File fetched by the hub"),
    "delivery.fetched": ("Đối tác đã tải tệp", "File fetched by the partner"),
    "operator.pull_now": ("Người vận hành yêu cầu lấy danh sách ngay", "A list is to be pulled at once"),
    "operator.look_up": ("Tra cứu ở đối tác", "Something was looked up at a partner"),
    "operator.codes_pull": ("Lấy danh mục mã của đối tác", "A partner's lists of codes were fetched"),
    "codes.pulled": ("Cập nhật danh mục mã theo đối tác", "A partner's codes were taken over"),
    "operator.link_end": ("Người vận hành chấm dứt địa chỉ tải tệp", "Address of a file ended by an operator"),
    "statistics.made": ("Lập báo cáo thống kê", "Statistical report made"),
    "statistics.sent": ("Gửi số liệu tháng cho đối tác", "Figures of a month sent to a partner"),
    "statistics.filled": ("Bổ sung số liệu của hồ sơ cũ", "Statistics of old dossiers filled in"),
}
#: Result of an attempt, as the ledger writes it.
OUTCOMES: Mapping[str, Words] = {
    "delivered": ("đối tác đã nhận", "taken by the partner"),
    "found": ("tra cứu thấy đã nhận", "found on look-up"),
    "doubt": ("chưa rõ kết quả", "in doubt"),
    "wait": ("chưa gửi được, chờ gửi lại", "not sent, waits"),
    "park": ("bị từ chối, dừng", "refused, parked"),
    # Of a notice to the sender, too.
    "refused": ("đối tác từ chối", "refused by the partner"),
    "acknowledged": ("đối tác đã xác nhận", "acknowledged by the partner"),
    "refused_late": ("đối tác từ chối sau khi nhận", "refused by the partner later"),
    "abandoned": ("đã từ bỏ", "abandoned"),
}
#: What a verification came to, in the words of ETSI EN 319 102-1.
INDICATIONS: Mapping[str, Words] = {
    "TOTAL-PASSED": ("chữ ký hợp lệ", "the signature is valid"),
    "TOTAL-FAILED": ("chữ ký không hợp lệ", "the signature is not valid"),
    "INDETERMINATE": ("chưa đủ căn cứ kết luận", "no conclusion is possible"),
    "NOT-SIGNED": ("không có chữ ký số", "there is no signature"),
    "NOT-CHECKED": ("chữ ký không được kiểm tra", "the signature was not looked at"),
}
#: What came of reading the signatures in a result file.
PDF_OUTCOMES: Mapping[str, Words] = {
    "read": ("Đã đọc", "read"),
    "not_pdf": ("Không phải tệp PDF", "not a PDF"),
    "too_large": ("Tệp quá lớn, không đọc chữ ký", "too large, not read"),
    "unreadable": ("Tệp PDF hỏng hoặc không đọc được", "a PDF that is broken or cannot be read"),
    "too_slow": ("Đọc quá lâu, đã dừng", "reading took too long and was stopped"),
    "deleted": ("Tệp đã bị xóa khi hết thời hạn lưu", "deleted by retention"),
    "busy": ("Đang đọc tệp khác, hãy xem lại sau", "other files are being read; look again"),
}
#: What was known of a certificate's revocation (hub.rules.trust.Judged).
REVOCATION: Mapping[str, Words] = {
    "good": ("không bị thu hồi", "not revoked"),
    "unknown": ("không rõ, được chấp nhận", "not known, accepted"),
    "not_checked": ("không kiểm tra", "not checked"),
}
#: Why a verification says what it says, as it stands in the ledger -> what a page says.
VERDICT_REASONS: Mapping[str, Words] = {
    reason: (vi, reason)
    for reason, vi in (
        ("no signature in this protocol", "giao thức này không dùng chữ ký số"),
        ("unsigned, which this endpoint allows", "thông điệp không ký, điểm kết nối này chấp nhận"),
        ("revocation was not checked", "chưa kiểm tra tình trạng thu hồi"),
        (
            "revocation is not known, which this endpoint accepts",
            "không rõ tình trạng thu hồi, điểm kết nối này chấp nhận",
        ),
        (
            "its time stamps were not looked at, no authority is trusted to stamp",
            "không xét dấu thời gian: chưa tin cậy tổ chức cấp dấu nào",
        ),
        (
            "a signature came, which this endpoint's settings leave alone",
            "có chữ ký, nhưng điểm kết nối này được cấu hình không kiểm tra",
        ),
    )
}


def called(words: Mapping[str, Words], name: str) -> Words:
    """Give what something is called; its own name where it has no other."""
    return words.get(name, (name, name))
