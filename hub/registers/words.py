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
    "delivery.sending": ("Bắt đầu gửi", "Sending began"),
    "delivery.delivered": ("Đối tác đã nhận", "Taken by the partner"),
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
    "attachment.given": ("Nhận tệp", "File received"),
}
#: Result of an attempt, as the ledger writes it.
OUTCOMES: Mapping[str, Words] = {
    "delivered": ("đối tác đã nhận", "taken by the partner"),
    "found": ("tra cứu thấy đã nhận", "found on look-up"),
    "doubt": ("chưa rõ kết quả", "in doubt"),
    "wait": ("chưa gửi được, chờ gửi lại", "not sent, waits"),
    "park": ("bị từ chối, dừng", "refused, parked"),
}
#: What a verification came to, in the words of ETSI EN 319 102-1.
INDICATIONS: Mapping[str, Words] = {
    "TOTAL-PASSED": ("chữ ký hợp lệ", "the signature is valid"),
    "TOTAL-FAILED": ("chữ ký không hợp lệ", "the signature is not valid"),
    "INDETERMINATE": ("chưa đủ căn cứ kết luận", "no conclusion is possible"),
    "NOT-SIGNED": ("không có chữ ký số", "there is no signature"),
    "NOT-CHECKED": ("chữ ký không được kiểm tra", "the signature was not looked at"),
}
#: What was known of a certificate's revocation (hub.rules.trust.Judged).
REVOCATION: Mapping[str, Words] = {
    "good": ("không bị thu hồi", "not revoked"),
    "unknown": ("không rõ, được chấp nhận", "not known, accepted"),
    "not_checked": ("không kiểm tra", "not checked"),
}


def called(words: Mapping[str, Words], name: str) -> Words:
    """Give what something is called; its own name where it has no other."""
    return words.get(name, (name, name))
