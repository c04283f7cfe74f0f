"""Code lists that every adapter shares, and the lookup of codes with validity dates."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date
from enum import StrEnum
from functools import cached_property

from hub.errors import NoMapping


class Status(StrEnum):
    """State of a dossier (TrangThaiHoSo, identical in two independent systems)."""

    REGISTERED = "1"
    RECEIVED = "2"
    NOT_RECEIVED = "3"
    PROCESSING = "4"
    SUPPLEMENT_ASKED = "5"
    FEE_ASKED = "6"
    WITHDRAWN = "7"
    STOPPED = "8"
    DONE = "9"
    RETURNED = "10"


#: The portals' own names, as an official reads them.
STATUS_NAMES: Mapping[Status, str] = {
    Status.REGISTERED: "Mới đăng ký",
    Status.RECEIVED: "Được tiếp nhận",
    Status.NOT_RECEIVED: "Không được tiếp nhận",
    Status.PROCESSING: "Đang xử lý",
    Status.SUPPLEMENT_ASKED: "Yêu cầu bổ sung giấy tờ",
    Status.FEE_ASKED: "Yêu cầu thực hiện nghĩa vụ tài chính",
    Status.WITHDRAWN: "Công dân yêu cầu rút hồ sơ",
    Status.STOPPED: "Dừng xử lý",
    Status.DONE: "Đã xử lý xong",
    Status.RETURNED: "Đã trả kết quả",
}


class Event(StrEnum):
    """What happened to a dossier; adapters map their own codes to these."""

    SUBMITTED = "submitted"
    EDITED = "edited"
    SUPPLEMENTED = "supplemented"
    STATUS = "status"
    RECEIVED = "received"
    REFUSED = "refused"
    SUPPLEMENT_ASKED = "supplement_asked"
    FEE_ASKED = "fee_asked"
    FEE_PAID = "fee_paid"
    EDIT_ASKED = "edit_asked"
    EDIT_AGREED = "edit_agreed"
    EDIT_REFUSED = "edit_refused"
    WITHDRAWN = "withdrawn"
    WITHDRAWAL_ASKED = "withdrawal_asked"
    WITHDRAWAL_AGREED = "withdrawal_agreed"
    WITHDRAWAL_REFUSED = "withdrawal_refused"
    LICENCE_ISSUED = "licence_issued"
    LICENCE_AMENDED = "licence_amended"
    RESULT = "result"
    #: The holder asks for a licence to be amended, and the agency's two answers; what it then issues is LICENCE_AMENDED.
    AMENDMENT_ASKED = "amendment_asked"
    AMENDMENT_AGREED = "amendment_agreed"
    AMENDMENT_REFUSED = "amendment_refused"
    #: The agency takes a licence back.
    LICENCE_RECALLED = "licence_recalled"
    #: The holder gives a permit, or what it was issued on, back to the agency.
    PERMIT_RETURNED = "permit_returned"
    #: The applicant declares something more under the same dossier: a ship's cargo, its crew, the results of a test.
    DECLARED = "declared"
    #: A report on what was permitted or tested; it decides nothing.
    REPORT = "report"
    #: Somebody asks what became of a dossier, or of one message of it.
    RESULT_ASKED = "result_asked"
    #: A system says that it has processed an earlier message, after it took it.
    CONFIRMED = "confirmed"
    #: A list that both sides keep the same; about no dossier.
    CATALOGUE = "catalogue"
    #: A file of a dossier, sent or fetched by itself.
    FILE = "file"


#: Their names, as an official reads them.
EVENT_NAMES: Mapping[Event, str] = {
    Event.SUBMITTED: "Hồ sơ mới nộp",
    Event.EDITED: "Sửa hồ sơ",
    Event.SUPPLEMENTED: "Bổ sung hồ sơ",
    Event.STATUS: "Cập nhật trạng thái",
    Event.RECEIVED: "Tiếp nhận hồ sơ",
    Event.REFUSED: "Từ chối tiếp nhận",
    Event.SUPPLEMENT_ASKED: "Yêu cầu bổ sung",
    Event.FEE_ASKED: "Yêu cầu nộp phí, lệ phí",
    Event.FEE_PAID: "Đã nộp phí, lệ phí",
    Event.EDIT_ASKED: "Đề nghị sửa hồ sơ",
    Event.EDIT_AGREED: "Đồng ý cho sửa hồ sơ",
    Event.EDIT_REFUSED: "Không đồng ý cho sửa hồ sơ",
    Event.WITHDRAWN: "Rút hồ sơ",
    Event.WITHDRAWAL_ASKED: "Đề nghị rút hồ sơ",
    Event.WITHDRAWAL_AGREED: "Đồng ý cho rút hồ sơ",
    Event.WITHDRAWAL_REFUSED: "Không đồng ý cho rút hồ sơ",
    Event.LICENCE_ISSUED: "Cấp giấy phép",
    Event.LICENCE_AMENDED: "Sửa đổi giấy phép",
    Event.RESULT: "Trả kết quả",
    Event.AMENDMENT_ASKED: "Đề nghị sửa đổi giấy phép",
    Event.AMENDMENT_AGREED: "Đồng ý sửa đổi giấy phép",
    Event.AMENDMENT_REFUSED: "Không đồng ý sửa đổi giấy phép",
    Event.LICENCE_RECALLED: "Thu hồi giấy phép",
    Event.PERMIT_RETURNED: "Trả lại giấy phép, kết quả",
    Event.DECLARED: "Khai bổ sung trong cùng hồ sơ",
    Event.REPORT: "Báo cáo",
    Event.RESULT_ASKED: "Hỏi kết quả xử lý",
    Event.CONFIRMED: "Xác nhận đã xử lý thông điệp",
    Event.CATALOGUE: "Đồng bộ danh mục",
    Event.FILE: "Gửi, nhận tệp",
}


class Stage(StrEnum):
    """Where a trade dossier (Single Window) stands; the procedures' own numbers mean something else in each."""

    NEW = "new"
    #: Submitted, and not received yet.
    WAITING = "waiting"
    SUPPLEMENT_ASKED = "supplement_asked"
    SUPPLEMENT_WAITING = "supplement_waiting"
    RECEIVED = "received"
    FEE_ASKED = "fee_asked"
    FEE_PAID = "fee_paid"
    LICENSED = "licensed"
    EDIT_WAITING = "edit_waiting"
    WITHDRAWAL_WAITING = "withdrawal_waiting"
    AMENDMENT_WAITING = "amendment_waiting"
    REFUSED = "refused"
    WITHDRAWN = "withdrawn"
    RECALLED = "recalled"
    RETURNED = "returned"


#: Their names, as an official reads them.
STAGE_NAMES: Mapping[Stage, str] = {
    Stage.NEW: "Mới tạo",
    Stage.WAITING: "Chờ tiếp nhận",
    Stage.SUPPLEMENT_ASKED: "Yêu cầu bổ sung",
    Stage.SUPPLEMENT_WAITING: "Đã bổ sung, chờ tiếp nhận",
    Stage.RECEIVED: "Đã tiếp nhận",
    Stage.FEE_ASKED: "Chờ nộp phí, lệ phí",
    Stage.FEE_PAID: "Đã nộp phí, lệ phí",
    Stage.LICENSED: "Đã cấp giấy phép",
    Stage.EDIT_WAITING: "Chờ trả lời đề nghị sửa hồ sơ",
    Stage.WITHDRAWAL_WAITING: "Chờ trả lời đề nghị rút hồ sơ",
    Stage.AMENDMENT_WAITING: "Chờ trả lời đề nghị sửa giấy phép",
    Stage.REFUSED: "Bị từ chối",
    Stage.WITHDRAWN: "Đã rút",
    Stage.RECALLED: "Giấy phép bị thu hồi",
    Stage.RETURNED: "Đã trả lại giấy phép",
}


@dataclass(frozen=True, slots=True)
class CodeRow:
    """One row of a code list: ``code`` means ``value`` from ``valid_from`` until before ``valid_to``."""

    code: str
    value: str
    name: str = ""
    valid_from: date | None = None
    valid_to: date | None = None
    #: False: recalled or inferred, found in no public source.
    corroborated: bool = field(default=True, compare=False)
    #: What it is: ``tỉnh``, ``thành phố``, ``xã`` …; empty where the list does not say.
    type: str = field(default="", compare=False)
    note: str = field(default="", compare=False)

    def valid_on(self, day: date) -> bool:
        return (self.valid_from is None or self.valid_from <= day) and (self.valid_to is None or day < self.valid_to)


@dataclass(frozen=True)
class CodeTables:
    """All code lists of the hub at one moment; a value, given to translators as an argument."""

    tables: Mapping[str, tuple[CodeRow, ...]] = field(default_factory=dict)

    @cached_property
    def _by_code(self) -> dict[str, dict[str, tuple[CodeRow, ...]]]:
        return {}

    @cached_property
    def remembered(self) -> dict[tuple[str, date], str]:
        """Keep what rules found in these tables, so that it is not looked for a million times; goes with the tables."""
        return {}

    def versions(self, table: str, code: str) -> tuple[CodeRow, ...]:
        """Give all rows of a code, on whichever days, in the order in which they are found."""
        found = self._by_code.get(table)
        if found is None:
            listed: dict[str, list[CodeRow]] = {}
            for row in self.tables.get(table, ()):
                listed.setdefault(row.code, []).append(row)
            # Two threads may both make it; they make the same.
            found = self._by_code[table] = {each: tuple(rows) for each, rows in listed.items()}
        return found.get(code, ())

    def rows(self, table: str, code: str, day: date) -> Iterable[CodeRow]:
        return (row for row in self.versions(table, code) if row.valid_on(day))

    def find(self, table: str, code: str, day: date) -> CodeRow | None:
        """Find the row valid on the day, or None."""
        return next(iter(self.rows(table, code, day)), None)

    def translate(self, table: str, code: str, day: date) -> str:
        """Translate a code; raise NoMapping, naming table and code, where the list lacks it."""
        row = self.find(table, code, day)
        if row is None:
            raise NoMapping(
                f"code list {table!r} has no entry for {code!r} on {day}: add it (`lienthong mapping set`, or "
                f"config/codes/{table}.csv), then rebuild",
                f"danh mục {table!r} chưa có mã {code!r} vào ngày {day:%d/%m/%Y}: "
                f"bổ sung mã (`lienthong mapping set`, hoặc tệp config/codes/{table}.csv) rồi dựng lại (rebuild)",
                where=f"codes/{table}/{code}",
            )
        return row.value
