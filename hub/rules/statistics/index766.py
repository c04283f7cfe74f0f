"""Components of index QĐ 766/QĐ-TTg that traffic can show, each labelled computed, partly or not computable, with the reason."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from hub.rules.dossier_facts import Facts, Flag
from hub.rules.service_levels import share
from hub.rules.statistics.definitions import Definition, Rule
from hub.rules.statistics.form import Placed, ended_at
from hub.rules.statistics.periods import day_of
from hub.rules.working_days import Calendar

COMPUTED, PARTLY, NOT = "computed", "partly", "not_computable"
_REGISTER = (
    "do Cơ sở dữ liệu quốc gia về TTHC theo dõi, không qua trục",
    "the national register of procedures knows it; not traffic",
)
_PAKN = ("do Hệ thống tiếp nhận phản ánh, kiến nghị theo dõi, không qua trục", "the system of complaints knows it; not traffic")
_CATALOGUE = ("chỉ đúng với các thủ tục có trong danh mục của trục", "only as good as the catalogues that the hub was given")
_FEES = (
    "mẫu số là hồ sơ có phí, lệ phí lớn hơn 0 theo hồ sơ hoặc danh mục trong trục",
    "the denominator is the dossiers with a fee above 0 as dossiers or catalogues say",
)

#: number -> Vietnamese, English, what it can be, why not more.
COMPONENTS: Mapping[str, tuple[str, str, str, tuple[str, str]]] = {
    "1.1": ("TTHC công bố đúng hạn", "Procedures announced in time", NOT, _REGISTER),
    "1.2": ("TTHC công khai đúng hạn", "Procedures published in time", NOT, _REGISTER),
    "1.3": ("TTHC có đủ bộ phận cấu thành", "Procedures with all parts filled in", NOT, _REGISTER),
    "1.4": (
        "Tỷ lệ đồng bộ hồ sơ",
        "Share of dossiers synchronised",
        PARTLY,
        (
            "mẫu số là hồ sơ trục đã nhận; hồ sơ chưa từng gửi vào trục thì không biết",
            "the denominator is the dossiers that the hub has; what was never sent here is not known",
        ),
    ),
    "2.1": ("Hồ sơ giải quyết đúng hạn", "Dossiers handled on time", COMPUTED, ("", "")),
    "2.2": (
        "Thời gian giải quyết trung bình (ngày làm việc)",
        "Mean handling time (working days)",
        COMPUTED,
        ("", ""),
    ),
    "3.1": ("TTHC cung cấp trực tuyến", "Procedures offered online", PARTLY, _CATALOGUE),
    "3.2": ("Dịch vụ công trực tuyến phát sinh hồ sơ", "Online services with dossiers", PARTLY, _CATALOGUE),
    "3.3": (
        "Hồ sơ nộp trực tuyến",
        "Dossiers submitted online",
        PARTLY,
        (
            "chưa nhân với tỷ lệ đồng bộ; thủ tục có kết quả giấy xác định theo danh mục trong trục",
            "not multiplied with the share synchronised; which procedures give a result is as catalogues say",
        ),
    ),
    "3.4": ("Chỉ tiêu 3.4", "Component 3.4", NOT, ("chưa có công thức chính thức", "its formula is not known here")),
    "3.5": (
        "TTHC có phí tích hợp thanh toán trực tuyến",
        "Procedures with fees that can be paid online",
        PARTLY,
        (
            "chỉ thấy thủ tục đã có hồ sơ thanh toán trực tuyến trong kỳ",
            "only procedures of which a dossier was paid online in the period are seen",
        ),
    ),
    "3.6": ("Hồ sơ thanh toán trực tuyến", "Dossiers paid online", PARTLY, _FEES),
    "4.1": ("Hồ sơ cấp kết quả điện tử", "Dossiers with an electronic result", PARTLY, _CATALOGUE),
    "4.2": ("Hồ sơ số hóa", "Dossiers digitised", COMPUTED, ("", "")),
    "4.3": ("Khai thác, sử dụng lại dữ liệu số hóa", "Reuse of digitised papers", COMPUTED, ("", "")),
    "4.4": ("Chia sẻ qua kho dữ liệu công dân", "Shared through the citizen's store", COMPUTED, ("", "")),
    "4.5": ("Khai thác Cơ sở dữ liệu quốc gia về dân cư", "Use of the population database", COMPUTED, ("", "")),
    "5.1": ("Phân loại phản ánh, kiến nghị", "Complaints classified", NOT, _PAKN),
    "5.2": ("Xử lý phản ánh, kiến nghị đúng hạn", "Complaints handled on time", NOT, _PAKN),
    "5.3": ("Hài lòng về xử lý phản ánh, kiến nghị", "Satisfaction with the handling of complaints", NOT, _PAKN),
    "5.4": (
        "Mức độ hài lòng trong giải quyết TTHC",
        "Satisfaction with dossiers",
        PARTLY,
        (
            "chỉ trừ tỷ lệ hồ sơ quá hạn; phản ánh và đánh giá không hài lòng không qua trục",
            "only the share of late dossiers is taken off; complaints and dislikes do not pass here",
        ),
    ),
}
_POPULATION = Flag.VERIFIED | Flag.NATIONAL_DATA
_PAID = Flag.PAID_NATIONAL | Flag.PAID_OWN


@dataclass(frozen=True, slots=True, kw_only=True)
class Component:
    """One component of the index."""

    number: str
    vi: str
    en: str
    #: computed, partly or not_computable.
    how: str
    why_vi: str
    why_en: str
    part: int | None = None
    whole: int | None = None
    #: In percent; of 2.2 the working days.
    value: float | None = None
    #: In percent: from here on the component has all its points; None: not told.
    full: float | None = None


@dataclass(slots=True)
class Tally:
    """What is counted of dossiers, one after the other."""

    all: int = 0
    late: int = 0
    received: int = 0
    finished: int = 0
    with_result: int = 0
    days: int = 0
    timed: int = 0
    online: int = 0
    fee: int = 0
    paid: int = 0
    electronic: int = 0
    digitised: int = 0
    reused: int = 0
    shared: int = 0
    population: int = 0

    def add(self, facts: Facts, placed: Placed, rule: Rule, calendar: Calendar, *, fee: bool, result: bool) -> None:
        """Count one dossier; ``fee``, ``result``: what its procedure has."""
        self.all += 1
        self.late += placed.became in ("c10", "c13")
        if placed.became in ("c8", "c9", "c10"):
            self._finished(facts, placed, rule, calendar, result=result or facts.has(Flag.RESULT_NAMED))
        if placed.came == "c6":
            return
        self.received += 1
        self.online += facts.channel in rule.online and (not result or facts.has(Flag.RESULT_WITH_CODE))
        charged = facts.has(Flag.FEE) or (fee and not facts.has(Flag.FEES_NAMED))
        self.fee += charged
        self.paid += charged and facts.has(_PAID)
        self.reused += facts.has(Flag.DIGITISED_PARTS | Flag.REUSED)
        self.shared += facts.has(Flag.FROM_STORE | Flag.FILE_RESULT)
        self.population += facts.has(_POPULATION)

    def _finished(self, facts: Facts, placed: Placed, rule: Rule, calendar: Calendar, *, result: bool) -> None:
        self.finished += 1
        self.with_result += result
        self.electronic += result and facts.has(Flag.FILE_RESULT)
        self.digitised += facts.has(Flag.FILE_SUBMITTED) and facts.has(Flag.FILE_RESULT)
        ended = ended_at(facts, rule)
        if placed.came != "c6" and ended is not None and facts.received_at is not None:
            self.timed += 1
            self.days += calendar.between(day_of(facts.received_at), day_of(ended))


@dataclass(frozen=True, slots=True, kw_only=True)
class Beside:
    """What is known beside the dossiers."""

    #: Dossiers received in the period that a portal took.
    synchronised: int | None
    services: int
    online_services: int
    with_dossiers: int
    fee_services: int
    paid_services: int


def components(tally: Tally, beside: Beside, found: Definition) -> tuple[Component, ...]:
    """Give all components, in their order."""
    numbers: dict[str, tuple[int, int]] = {
        "2.1": (tally.all - tally.late, tally.all),
        "3.1": (beside.online_services, beside.services),
        "3.2": (beside.with_dossiers, beside.online_services),
        "3.3": (tally.online, tally.received),
        "3.5": (beside.paid_services, beside.fee_services),
        "3.6": (tally.paid, tally.fee),
        "4.1": (tally.electronic, tally.with_result),
        "4.2": (tally.digitised, tally.finished),
        "4.3": (tally.reused, tally.received),
        "4.4": (tally.shared, tally.received),
        "4.5": (tally.population, tally.received),
        "5.4": (tally.all - tally.late, tally.all),
    }
    if beside.synchronised is not None:
        numbers["1.4"] = (beside.synchronised, tally.received)
    made = []
    for number, (vi, en, how, why) in COMPONENTS.items():
        part, whole = numbers.get(number, (None, None))
        value = share(part, whole) if part is not None and whole else None
        if number == "2.2":
            part, whole, value = tally.days, tally.timed, round(tally.days / tally.timed, 2) if tally.timed else None
        told = {"part": part, "whole": whole, "value": value, "full": _full(found, number)}
        no_portal = number == "1.4" and beside.synchronised is None
        reason = ("không có Cổng nào được cấu hình", "no portal is configured") if no_portal else why
        label = NOT if no_portal else how
        made.append(Component(number=number, vi=vi, en=en, how=label, why_vi=reason[0], why_en=reason[1], **told))  # type: ignore[arg-type]
    return tuple(made)


def _full(found: Definition, number: str) -> float | None:
    try:
        return float(found.values[f"full.{number}"])
    except (KeyError, ValueError):
        return None
