"""Checks of whether figures can be trusted: due dates moved, ends that are none, results that are none, names of nobody."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field

from hub.rules.dossier_facts import Facts, Flag
from hub.rules.statistics.form import Span

#: Dossiers that are named of each check.
EXAMPLES = 50
#: Pairs of endpoint and agency that are named of each check; a country has a few thousand agencies.
PAIRS = 5000

#: name -> Vietnamese, English.
CHECKS: Mapping[str, tuple[str, str]] = {
    "due_moved": ("Hạn trả bị dời về sau không do bổ sung", "Due date moved to a later one, not for a supplement"),
    "due_moved_late": ("Hạn trả bị dời sau khi đã quá hạn", "Due date moved after it had been missed"),
    "done_from_waiting": (
        "Đang chờ bổ sung, nộp phí hoặc đã dừng (5, 6, 8) mà báo xong (9)",
        "Waiting or stopped (5, 6, 8), told as done (9)",
    ),
    "result_shared": ("Một tệp kết quả dùng cho nhiều hồ sơ", "One result file given for several dossiers"),
    "result_is_submitted": ("Tệp kết quả chính là tệp công dân nộp", "The result is a file that the applicant submitted"),
    "no_result_file": ("Báo đã xong nhưng không có tệp kết quả", "Told as done, without a result file"),
    "placeholder_identity": ("Số định danh không có thật (000000001 …)", "Identity numbers that are nobody's (000000001 …)"),
    "placeholder_name": ("Tên thay thế (Chuyên viên, Dinhkem)", "Names that stand for nobody (Chuyên viên, Dinhkem)"),
    "ended_before_received": ("Thời điểm kết thúc trước khi tiếp nhận", "Ended before it was received"),
    "without_due": ("Không có hạn trả", "Without a due date"),
}


@dataclass(slots=True)
class Check:
    """What one check found."""

    count: int = 0
    #: By the endpoint that made the dossier known, and its agency.
    pairs: Counter[tuple[str, str]] = field(default_factory=Counter)
    #: (dossier, agency, endpoint that made it known).
    examples: list[tuple[str, str, str]] = field(default_factory=list)

    def add(self, key: str, agency: str, origin: str) -> None:
        """Count one dossier, and name it where there is room."""
        self.count += 1
        self.pairs[origin, agency] += 1
        if len(self.examples) < EXAMPLES:
            self.examples.append((key, agency, origin))


@dataclass(slots=True)
class Checks:
    """All checks, over dossiers one after the other."""

    looked: int = 0
    found: dict[str, Check] = field(default_factory=lambda: {name: Check() for name in CHECKS})
    _marks: dict[str, tuple[str, str, str] | None] = field(default_factory=dict)

    def add(self, key: str, origin: str, facts: Facts, span: Span) -> None:
        """Look at one dossier."""
        self.looked += 1
        for name in found_in(facts, span):
            self.found[name].add(key, facts.agency_code, origin)
        if facts.result_mark and facts.ended_at is not None:
            self._mark(facts.result_mark, (key, facts.agency_code, origin))

    def _mark(self, mark: str, dossier: tuple[str, str, str]) -> None:
        """Remember the first dossier of a result, and count it with the second one."""
        if mark not in self._marks:
            self._marks[mark] = dossier
            return
        if (first := self._marks[mark]) is not None:
            self.found["result_shared"].add(*first)
            self._marks[mark] = None
        self.found["result_shared"].add(*dossier)


def found_in(facts: Facts, span: Span) -> list[str]:
    """Name what is found of one dossier by itself."""
    ended = facts.ended_at is not None and facts.ended_at < span.until
    moved = facts.due_moved_at is not None and span.begin <= facts.due_moved_at < span.until
    early = ended and facts.received_at is not None and facts.ended_at is not None and facts.ended_at < facts.received_at
    seen = {
        "due_moved": moved and facts.due_moves > facts.due_moves_explained,
        "due_moved_late": moved and facts.due_moves_late > 0,
        "done_from_waiting": ended and facts.has(Flag.DONE_FROM_WAITING),
        "result_is_submitted": ended and facts.has(Flag.RESULT_IS_SUBMITTED),
        "no_result_file": facts.done_at is not None and ended and not facts.has(Flag.FILE_RESULT),
        "placeholder_identity": facts.has(Flag.PLACEHOLDER_IDENTITY),
        "placeholder_name": facts.has(Flag.PLACEHOLDER_NAME),
        "ended_before_received": early,
        "without_due": facts.due_at is None,
    }
    return [name for name, there in seen.items() if there]
