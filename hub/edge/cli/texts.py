"""The one table of what the command line says, in Vietnamese and English; ``LIENTHONG_LANG=en`` chooses English."""

from __future__ import annotations

import os
from collections.abc import Mapping

from hub.registers.words import STATES

#: key -> Vietnamese, English.
TEXTS: Mapping[str, tuple[str, str]] = {
    # columns
    "actor": ("Người thực hiện", "Actor"),
    "answer": ("Trả lời", "Answer"),
    "attempts": ("Số lần gửi", "Attempts"),
    "certificate": ("Chứng thư số", "Certificate"),
    "chosen_by": ("Phạm vi", "Chosen by"),
    "codes": ("Các mã số", "Numbers"),
    "count": ("Số lượng", "Count"),
    "created": ("Lập lúc", "Made"),
    "deliveries": ("Lượt chuyển", "Deliveries"),
    "delivery": ("Lượt chuyển", "Delivery"),
    "digest": ("Mã băm", "Digest"),
    "done": ("Đã thực hiện", "Done"),
    "dossier": ("Hồ sơ", "Dossier"),
    "endpoint": ("Điểm kết nối", "Endpoint"),
    "entry": ("Nội dung", "Entry"),
    "error": ("Lỗi", "Error"),
    "event": ("Sự kiện", "Event"),
    "ended": ("Xong lúc", "Ended"),
    "fault": ("Chi tiết lỗi", "Fault"),
    "field": ("Trường", "Field"),
    "first": ("Lần đầu", "First"),
    "followers": ("Chờ phía sau", "Behind it"),
    "goes": ("Sẽ gửi", "Goes"),
    "group": ("Nhóm", "Group"),
    "id": ("Mã", "Id"),
    "last": ("Lần cuối", "Last"),
    "level": ("Mức", "Level"),
    "message": ("Thông điệp", "Message"),
    "moment": ("Thời điểm", "Moment"),
    "number": ("STT", "No."),
    "origin": ("Nơi bắt đầu", "Origin"),
    "outcome": ("Kết quả", "Outcome"),
    "ours": ("Của cơ quan chủ quản", "Owner's"),
    "owner": ("Cơ quan chủ quản", "Owner"),
    "partner_code": ("Mã của đối tác", "Partner's code"),
    "place": ("Thứ tự", "Place"),
    "procedure": ("Thủ tục", "Procedure"),
    "procedures": ("Số thủ tục", "Procedures"),
    "received": ("Nhận lúc", "Received"),
    "recipient": ("Nơi nhận", "Recipient"),
    "repeats": ("Gửi lặp", "Repeats"),
    "reply": ("Trả lời", "Reply"),
    "result": ("Kết quả", "Result"),
    "root": ("Mã gốc", "Root"),
    "run": ("Thực hiện lúc", "Run"),
    "running": ("Đang thực hiện", "Running"),
    "samples": ("Ví dụ", "Samples"),
    "sent": ("Đã gửi", "Sent"),
    "service": ("Dịch vụ", "Service"),
    "skip": ("Vì sao không gửi", "Why not"),
    "started": ("Bắt đầu", "Started"),
    "state": ("Trạng thái", "State"),
    "status": ("Trạng thái", "Status"),
    "subject": ("Đối tượng", "Subject"),
    "subjects": ("Số đối tượng", "Subjects"),
    "taken": ("Đã lấy", "Taken"),
    "theirs": ("Của đối tác", "Partner's"),
    "timestamp": ("Dấu thời gian", "Timestamp"),
    "told": ("Thông báo", "Notice"),
    "verb": ("Thao tác", "Verb"),
    "verdict": ("Kết luận chữ ký", "Verdict"),
    "what": ("Loại/sự kiện hoặc thủ tục", "Kind/event or procedure"),
    "where": ("Vị trí", "Where"),
    "why": ("Lý do", "Why"),
    "wrong": ("Sai lệch", "What is wrong"),
    # titles
    "t_messages": ("Thông điệp đã nhận", "Messages received"),
    "t_deliveries": ("Lượt chuyển", "Deliveries"),
    "t_attempts": ("Các lần gửi", "Attempts"),
    "t_notices": ("Đã báo cho bên gửi", "What the sender was told"),
    "t_journal": ("Nhật ký", "Journal"),
    "t_parked": ("Dừng chờ xử lý", "Parked"),
    "t_in_doubt": ("Chưa rõ kết quả (không gửi lại: hỏi hoặc xác nhận)", "In doubt (never sent again: ask or settle)"),
    "t_unacknowledged": ("Đối tác đã nhận, chờ xác nhận", "Delivered, waiting for the partner's acknowledgement"),
    "t_refused": ("Bị từ chối tại cửa nhận", "Refused at the doors"),
    "t_plan": ("Kế hoạch gửi lại {id}", "Replay plan {id}"),
    "t_plans": ("Các kế hoạch gửi lại", "Replay plans"),
    "t_check": ("Kiểm tra cấu hình", "Configuration check"),
    "t_differences": ("Khác nhau giữa hai danh mục", "Where the catalogues differ"),
    "t_published": ("Đã đưa vào hàng gửi", "Put in the queue"),
    "t_trust": ("Tổ chức được tin cậy", "Trusted authorities"),
    "t_fetched": ("Danh sách thu hồi và trả lời OCSP", "Revocation lists and answers"),
    "t_seals": ("Niêm phong của sổ cái", "Seals of the ledger"),
    "t_wrong": ("Sổ cái không còn nguyên vẹn", "The ledger is not what was written"),
    "t_certificates": ("Chứng thư số đang dùng", "Certificates in use"),
    "days_left": ("Còn (ngày)", "Days left"),
    "ends": ("Hết hạn", "Ends"),
    "stops": ("Khi hết hạn", "What stops then"),
    "c_signing": ("ký của trục", "our signing"),
    "c_path": ("đường dẫn chứng thực của trục", "path of our signing"),
    "c_trusted_signer": ("người ký được ghim", "pinned signer"),
    "c_trusted_authority": ("tổ chức cấp được tin", "trusted authority"),
    "c_timestamps": ("cấp dấu thời gian", "timestamps"),
    "c_tls_server": ("TLS của các cửa", "TLS of the doors"),
    "c_tls_client": ("TLS của trục", "TLS of the hub"),
    "c_tls_authority": ("tổ chức cấp TLS", "TLS authority"),
    "c_seen": ("đối tác đã dùng để ký", "seen from a partner"),
    # sentences
    "certificates_warned": (
        "{count} chứng thư số cần xử lý (còn dưới {limit} ngày hoặc đã hết hạn).",
        "{count} certificates need somebody (less than {limit} days left, or ended).",
    ),
    "accepted": ("đã nhận", "accepted"),
    "refused": ("từ chối", "refused"),
    "whole_record": ("(thiếu cả thủ tục)", "(the whole procedure)"),
    "work_list": (
        "Đối tác chỉ cho đọc danh mục: cán bộ phải sửa trên hệ thống của đối tác.",
        "The partner can only be read: an officer must mend these there.",
    ),
    "nothing": ("Không có gì.", "Nothing."),
    "no_failures": ("Không có lượt chuyển nào bị dừng, không có thông điệp bị từ chối.", "Nothing stands still."),
    "plan_head": (
        "{verb}: {goes} lượt sẽ được thực hiện, {skipped} lượt không; lý do: {why}",
        "{verb}: {goes} deliveries go, {skipped} do not; why: {why}",
    ),
    "plan_next": ("Thực hiện: lienthong replay run {id}", "Run it: lienthong replay run {id}"),
    "plan_ran": (
        "Đã thực hiện {done}, bỏ qua {skipped}, đã thay đổi từ khi lập kế hoạch {changed}.",
        "Done {done}, skipped {skipped}, changed since the plan was made {changed}.",
    ),
    "t_retention": ("Nội dung đã hết hạn lưu", "Bytes whose time is over"),
    "kind": ("Loại", "Kind"),
    "bytes": ("Dung lượng (byte)", "Bytes"),
    "deleted": ("Xóa", "Deleted"),
    "needed": ("Còn cần cho lượt chuyển chưa xong", "Needed by deliveries not done"),
    "k_work": ("nội dung xử lý", "work"),
    "k_proof": ("bằng chứng", "proof"),
    "k_attachments": ("tệp đính kèm", "attachments"),
    "retention_head": (
        "Nội dung xử lý và tệp không dùng tới trước {work}, bằng chứng trước {proof}. Chỉ xóa nội dung; mã băm, nhật ký và các "
        "dòng sổ cái được giữ.",
        "Work and files not used since {work}, proof not since {proof}. Only bytes are deleted; digests, journal and rows stay.",
    ),
    "retention_next": (
        'Thực hiện: lienthong retention run{days} --why "…"',
        'Run it: lienthong retention run{days} --why "…"',
    ),
    "retention_ran": (
        "Đã xóa {count} nội dung, {bytes} byte; ghi trong nhật ký retention:{id}.",
        "Deleted {count} bodies and files, {bytes} bytes; in the journal as retention:{id}.",
    ),
    "retention_left_over": ("Đã dọn {count} tệp dở dang.", "Swept {count} files that were left over."),
    "deleting": ("Đang xóa", "Deleting"),
    "verifying": ("Đang kiểm tra", "Verifying"),
    "more_wrong": ("Còn {more} sai lệch nữa (--limit).", "{more} more are wrong (--limit)."),
    "pinned": (
        "Đã ghi thêm {count} mã gốc vào {file}; niêm phong cuối: {last}.",
        "Appended {count} roots to {file}; the last seal there: {last}.",
    ),
    "bytes_deleted": (
        "{id}: nội dung đã hết hạn lưu, bị xóa lúc {at}; chỉ còn mã băm.",
        "{id}: its bytes were deleted by retention at {at}; their digests remain.",
    ),
    "r_done": ("đã thực hiện", "done"),
    "r_changed": (
        "đã thay đổi từ khi lập kế hoạch: {state}; không làm gì",
        "changed since the plan was made: {state}; left alone",
    ),
    "done_now": ("{verb} {id}: nay là {state}.", "{verb} {id}: now {state}."),
    "done_next": (
        "Lượt kế tiếp {id} nay là {state}; {behind} lượt sau đó đi theo thứ tự.",
        "The next one, {id}, is now {state}; {behind} behind it go in order.",
    ),
    "done_behind": (
        "{followers} lượt phía sau tự gửi theo thứ tự khi lượt này xong.",
        "{followers} behind it go by themselves, in order, after it.",
    ),
    "done_abandoned": (
        "Đã từ bỏ cùng {followers} lượt phía sau.",
        "Abandoned with {followers} behind it.",
    ),
    "done_unacknowledged": (
        "Chuỗi chờ đối tác xác nhận lượt này; {followers} lượt phía sau đi sau đó.",
        "The chain waits for the partner's acknowledgement of it; {followers} behind it go after that.",
    ),
    "unacknowledged_since": (
        "đối tác đã nhận, chờ xác nhận từ {since}",
        "delivered; waiting for the partner's acknowledgement since {since}",
    ),
    "will_abandon": (
        "Sẽ từ bỏ {id} và {followers} lượt đang chờ phía sau: {ids}",
        "To be abandoned: {id} and {followers} that wait behind it: {ids}",
    ),
    "sure": ("Từ bỏ hẳn?", "Abandon them for good?"),
    "done_learned": ("Ghi nhận đối tác đang giữ: {held}.", "Noted that the partner holds: {held}."),
    "possible": ("Có thể làm: {verbs}", "Possible now: {verbs}"),
    "if_abandoned": (
        "Nếu từ bỏ: {followers} lượt phía sau được gửi tiếp mà không có lượt này (cùng từ bỏ: --followers).",
        "If abandoned: {followers} behind it go on without it (--followers: they are abandoned, too).",
    ),
    "paused": ("{endpoint}: đã tạm dừng; thông điệp vẫn được nhận.", "{endpoint}: paused; messages are still received."),
    "resumed": ("{endpoint}: tiếp tục gửi.", "{endpoint}: sends again."),
    "hidden": (
        "Dữ liệu cá nhân được che; xem nguyên văn: lienthong show {name} --bytes sha256:…",
        "Personal data is hidden; exact bytes: lienthong show {name} --bytes sha256:…",
    ),
    "check_ok": ("Cấu hình dùng được.", "The configuration can be used."),
    "check_bad": ("Cấu hình có {errors} lỗi cần sửa.", "{errors} errors must be mended."),
    "ledger_whole": (
        "Sổ cái nguyên vẹn: {journal_rows} dòng nhật ký, {payloads} nội dung, {messages} thông điệp, {seals} niêm phong.",
        "The ledger is whole: {journal_rows} journal rows, {payloads} payloads, {messages} messages, {seals} seals.",
    ),
    "serving": ("Đang phục vụ tại {url} (Ctrl+C để dừng)", "Serving at {url} (Ctrl+C stops it)"),
    "working": ("Đang làm việc: {roles} (Ctrl+C để dừng)", "Working: {roles} (Ctrl+C stops it)"),
    "stopping": ("Đang dừng: hoàn tất các lượt đang gửi…", "Stopping: finishing what is being sent…"),
    "simulating": ("Mô phỏng {system} tại {url} (Ctrl+C để dừng)", "Simulating {system} at {url} (Ctrl+C stops it)"),
    "made": ("Đã tạo cấu hình thử nghiệm trong {folder}.", "Made a development configuration in {folder}."),
    "tokens_once": (
        "Mã truy cập chỉ hiện một lần này; cấu hình chỉ giữ SHA-256 của chúng:",
        "The tokens are shown only this once; the configuration keeps their SHA-256:",
    ),
    "try_it": ("Chạy thử, mỗi lệnh một cửa sổ:", "Try it, each command in a window of its own:"),
    "exported": (
        "Đã xuất {files} tệp vào {file} ({personal}); con dấu của {signer}{stamp}.",
        "Exported {files} files to {file} ({personal}); sealed by {signer}{stamp}.",
    ),
    "with_personal": ("có dữ liệu cá nhân", "with personal data"),
    "without_personal": ("không có dữ liệu cá nhân", "without personal data"),
    "with_stamp": (", có dấu thời gian", ", with a time token"),
    "left_out": ("{count} nội dung chỉ còn mã băm: {why}.", "Of {count} bodies only the digest: {why}."),
    "why_deleted": ("đã hết hạn lưu", "past retention"),
    "why_personal_data": ("có thể có dữ liệu cá nhân", "they may hold personal data"),
    "why_not_asked_for": ("tệp đính kèm, thêm --with-files để kèm theo", "partners' files, --with-files takes them along"),
    "verify_with": ("Kiểm tra: {command}", "Verify: {command}"),
    "evidence_of": (
        "Bằng chứng {name}, do {hub} xuất lúc {moment} ({personal})",
        "Evidence of {name}, exported by {hub} at {moment} ({personal})",
    ),
    "sealed_by": (
        "Đóng dấu: {signer}, lúc {moment} (theo người đóng dấu); SHA-256 của chứng thư số {fingerprint}",
        "Sealed by {signer}, at {moment} (as it claims); SHA-256 of its certificate {fingerprint}",
    ),
    "stamped_by": ("Dấu thời gian: {moment}, {authority}", "Time token: {moment}, {authority}"),
    "holds": ("Đúng: {ok} kiểm tra đạt, {open} không xét được.", "It holds: {ok} checks passed, {open} could not be made."),
    "does_not_hold": ("SAI: {failed} kiểm tra không đạt.", "It does NOT hold: {failed} checks failed."),
    "result_ok": ("ĐẠT", "OK"),
    "result_failed": ("SAI", "FAILED"),
    "result_not_checked": ("CHƯA XÉT", "NOT CHECKED"),
    # the trust store
    "authority": ("Tổ chức", "Authority"),
    "purpose": ("Mục đích", "Purpose"),
    "named": ("Tên trong chứng thư", "Name in the certificate"),
    "good_until": ("Hạn chứng thư", "Good until"),
    "list_ends": ("Danh sách thu hồi đến", "Revocation list until"),
    "list_entries": ("Số chứng thư bị thu hồi", "Revoked"),
    "address": ("Địa chỉ", "Address"),
    "unusable_file": ("Tệp {file} không dùng được: {why}", "File {file} is of no use: {why}"),
    "fetched_new": ("mới", "new"),
    "fetched_same": ("không đổi", "the same"),
    "fetched_unreachable": ("không kết nối được", "cannot be reached"),
    "fetched_status": ("máy chủ trả lời lỗi", "the server answers with an error"),
    "fetched_too_large": ("quá lớn", "too large"),
    "fetched_unreadable": ("không đọc được", "cannot be read"),
    "fetched_unsigned": ("chữ ký không của tổ chức được tin cậy", "not signed by a trusted authority"),
    "fetched_older": ("cũ hơn bản đang giữ", "older than what is held"),
    "fetched_ended": ("đã hết hiệu lực", "ended already"),
    # levels of the check
    "ok": ("đạt", "ok"),
    "assumed": ("giả định", "assumed"),
    "warning": ("lưu ý", "warning"),
    "fault_level": ("lỗi", "error"),
}


def english() -> bool:
    """Say whether the operator asked for English."""
    return os.environ.get("LIENTHONG_LANG", "vi").lower().startswith("en")


def choose(vi: str, en: str) -> str:
    """Choose between two texts by the operator's language."""
    return en if english() else vi


def text(key: str, **given: object) -> str:
    """Give a text of the table in the operator's language, filled in."""
    return choose(*TEXTS[key]).format(**given)


def state_name(state: str) -> str:
    """Name a delivery's state in the operator's language."""
    return choose(*STATES.get(state, (state, state)))
