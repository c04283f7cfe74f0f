"""Kinds of alerts: what each is called, what can be set of it, and the rule that holds where nobody writes another."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from hub.rules.alerts import NOT_TOLD, Rule, Severity


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """One kind of alert."""

    vi: str
    en: str
    #: How bad it is, where no rule says otherwise; of certificates by what is left.
    severity: Severity
    #: Fields of a rule that mean something here: ``endpoints``, ``after_minutes``, ``steps``, ``days``, ``below_mb``.
    fields: frozenset[str]
    after_minutes: float = 0.0
    steps: tuple[int, ...] = ()
    below_mb: int = 0


_WARNING, _CRITICAL = Severity.WARNING, Severity.CRITICAL

KINDS: Mapping[str, Kind] = {
    "failures": Kind(
        vi="Nhóm lỗi",
        en="Failure group",
        severity=_WARNING,
        fields=frozenset({"endpoints", "steps"}),
        steps=(1, 50, 500),
    ),
    "oldest_due": Kind(
        vi="Chậm gửi",
        en="Deliveries are late",
        severity=_WARNING,
        fields=frozenset({"endpoints", "after_minutes"}),
        after_minutes=30,
    ),
    "partner_down": Kind(
        vi="Đối tác mất kết nối",
        en="Partner is down",
        severity=_WARNING,
        fields=frozenset({"endpoints", "after_minutes"}),
        after_minutes=5,
    ),
    "in_doubt": Kind(
        vi="Chưa rõ kết quả",
        en="In doubt",
        severity=_WARNING,
        fields=frozenset({"endpoints", "after_minutes", "steps"}),
        after_minutes=15,
        steps=(1, 10, 100),
    ),
    "conflict": Kind(
        vi="Trùng mã, khác nội dung",
        en="Same identifier, other content",
        severity=_WARNING,
        fields=frozenset({"endpoints", "steps"}),
        steps=(1, 10, 100),
    ),
    "certificate": Kind(
        vi="Chứng thư số sắp hết hạn",
        en="Certificate ends",
        severity=_WARNING,
        fields=frozenset({"endpoints", "days"}),
        steps=(60, 30, 7),
    ),
    "trust_list": Kind(vi="Danh sách thu hồi sắp hết hạn", en="Revocation list ends", severity=_CRITICAL, fields=frozenset()),
    "seal_late": Kind(
        vi="Chậm niêm phong sổ cái",
        en="Ledger seal is late",
        severity=_CRITICAL,
        fields=frozenset({"after_minutes"}),
        after_minutes=15,
    ),
    "timestamps_late": Kind(
        vi="Chậm dấu thời gian",
        en="Timestamps are late",
        severity=_WARNING,
        fields=frozenset({"after_minutes"}),
        after_minutes=60,
    ),
    "plan_stopped": Kind(
        vi="Kế hoạch gửi lại tự dừng", en="Replay plan stopped", severity=_WARNING, fields=frozenset({"endpoints"})
    ),
    "reconciled": Kind(
        vi="Đối chiếu thấy khác nhau",
        en="Reconciliation found differences",
        severity=_WARNING,
        fields=frozenset({"endpoints", "steps"}),
        steps=(1, 50, 500),
    ),
    "pull_late": Kind(
        vi="Chậm lấy danh sách từ đối tác",
        en="A partner's list could not be pulled",
        severity=_WARNING,
        fields=frozenset({"endpoints", "after_minutes"}),
        after_minutes=60,
    ),
    "word_late": Kind(
        vi="Chậm báo lại cho đối tác",
        en="A partner waits for our word",
        severity=_WARNING,
        fields=frozenset({"endpoints", "after_minutes"}),
        after_minutes=60,
    ),
    "follow_given_up": Kind(
        vi="Thôi hỏi kết quả giao",
        en="Asked in vain what became of deliveries",
        severity=_WARNING,
        fields=frozenset({"endpoints", "steps"}),
        steps=(1, 50, 500),
    ),
    "item_failed": Kind(
        vi="Trục chưa nhận được mục của đối tác",
        en="The hub fails to take a partner's items",
        severity=_WARNING,
        fields=frozenset({"endpoints", "steps"}),
        steps=(1, 10, 100),
    ),
    "answer_due": Kind(
        vi="Sắp hết hoặc quá hạn trả lời nghiệp vụ",
        en="A business answer is due or late",
        severity=_WARNING,
        fields=frozenset({"endpoints", "days"}),
        steps=(1,),
    ),
    "border_answer_due": Kind(
        vi="Sắp hết hoặc quá hạn trả lời về chứng từ qua biên giới",
        en="An answer about border documents is due or late",
        severity=_WARNING,
        fields=frozenset({"endpoints"}),
    ),
    "border_expiring": Kind(
        vi="Chứng từ qua biên giới sắp hết hiệu lực mà chưa sử dụng",
        en="Border documents expire unused",
        severity=Severity.NOTICE,
        fields=frozenset({"endpoints"}),
    ),
    "border_no_hop": Kind(
        vi="Chứng từ qua biên giới chưa tới chặng kế tiếp",
        en="Nothing is heard of border documents that were sent",
        severity=_WARNING,
        fields=frozenset({"endpoints", "steps"}),
        steps=(1, 10, 100),
    ),
    "border_over_used": Kind(
        vi="Sử dụng vượt lượng được chứng nhận",
        en="More was used than is certified",
        severity=_WARNING,
        fields=frozenset({"endpoints", "steps"}),
        steps=(1, 10, 100),
    ),
    "border_differs": Kind(
        vi="Sự cố: chứng từ cùng số, khác nội dung",
        en="Incident: a border document's number came with other content",
        severity=_CRITICAL,
        fields=frozenset({"endpoints", "steps"}),
        steps=(1, 10, 100),
    ),
    "border_to_decide": Kind(
        vi="Chứng từ qua biên giới chờ cán bộ quyết định",
        en="Border documents wait for an officer",
        severity=_WARNING,
        fields=frozenset({"endpoints", "steps"}),
        steps=(1, 50, 500),
    ),
    "process_silent": Kind(
        vi="Tiến trình im lặng",
        en="Process is silent",
        severity=_CRITICAL,
        fields=frozenset({"after_minutes"}),
        after_minutes=5,
    ),
    "disk_low": Kind(
        vi="Sắp hết chỗ lưu tệp",
        en="Disk of files is nearly full",
        severity=_CRITICAL,
        fields=frozenset({"below_mb"}),
        below_mb=2000,
    ),
    NOT_TOLD: Kind(
        vi="Không gửi được cảnh báo",
        en="A recipient cannot be told",
        severity=_WARNING,
        fields=frozenset({"after_minutes"}),
        after_minutes=15,
    ),
}
SEVERITIES: Mapping[str, tuple[str, str]] = {
    "notice": ("lưu ý", "notice"),
    "warning": ("cảnh báo", "warning"),
    "critical": ("nghiêm trọng", "critical"),
}
STATES: Mapping[str, tuple[str, str]] = {
    "pending": ("đang theo dõi", "pending"),
    "open": ("đang có", "open"),
    "clearing": ("vừa hết, đang chờ chắc chắn", "clearing"),
    "over": ("đã hết", "over"),
}
WHATS: Mapping[str, tuple[str, str]] = {
    "opened": ("Cảnh báo mới", "New"),
    "worse": ("Nặng hơn", "Worse"),
    "reminder": ("Nhắc lại, vẫn còn", "Reminder, still there"),
    "over": ("Đã hết", "Over"),
    "passed": ("Đã có và đã hết trong giờ không báo", "Came and went while nobody was to be told"),
}


def usual(name: str) -> Rule:
    """Give the rule of a kind that holds where nobody writes another; it is called like the kind."""
    kind = KINDS[name]
    return Rule(
        name=name,
        kind=name,
        after_seconds=kind.after_minutes * 60,
        steps=kind.steps,
        below_bytes=kind.below_mb * 1_000_000,
    )


#: Without any rule of an operator's.
USUAL: tuple[Rule, ...] = tuple(usual(name) for name in KINDS)
