"""What an officer must look at of a border document; each is closed by a decision, and opened again by the next cause."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum


class Mark(StrEnum):
    """What is the matter with it."""

    #: Its number came again with other content: an incident, not a repetition.
    DIFFERS = "differs"
    #: More of an item was used than is certified.
    OVER_USED = "over_used"
    #: Used quantities are in another unit than the certified ones, so that nobody can say whether it is too much.
    OTHER_UNIT = "other_unit"
    #: Cancelled or replaced although the other side had given preference for it, in either order.
    CANCELLED_AFTER_USE = "cancelled_after_use"
    #: It came when it was cancelled already.
    CAME_CANCELLED = "came_cancelled"
    #: A breach of a rule that does not refuse it.
    RULE = "rule"
    #: The other side has lost it and asks for it again.
    COPY_ASKED = "copy_asked"
    #: The number that it is known by is named by two dossiers, or several documents have it.
    AMBIGUOUS = "ambiguous"


#: Names, as an official reads them: Vietnamese, English.
MARK_NAMES: Mapping[Mark, tuple[str, str]] = {
    Mark.DIFFERS: ("Cùng số nhưng nội dung khác", "same number with other content"),
    Mark.OVER_USED: ("Đã sử dụng vượt lượng được chứng nhận", "more used than is certified"),
    Mark.OTHER_UNIT: ("Lượng sử dụng khác đơn vị tính", "used quantities in another unit"),
    Mark.CANCELLED_AFTER_USE: ("Hủy sau khi đã được sử dụng", "cancelled after it was used"),
    Mark.CAME_CANCELLED: ("Đến sau khi đã bị hủy", "came after its cancellation"),
    Mark.RULE: ("Chưa đúng quy tắc, vẫn tiếp nhận", "against a rule, and taken all the same"),
    Mark.COPY_ASKED: ("Nước nhập khẩu đề nghị truyền lại", "asked for again"),
    Mark.AMBIGUOUS: ("Chưa xác định được hồ sơ", "not clear to which dossier it belongs"),
}
