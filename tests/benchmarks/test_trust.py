"""The measurement of trust measures what it says: both ways accept, only one asks the store."""

from __future__ import annotations

import pytest

from benchmarks import trust
from hub.trust.judging import PathJudge


def test_it_reports_all_three_and_asks_the_store_for_what_is_by_the_store(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[object] = []
    real = PathJudge.__call__

    def counted(judge: PathJudge, *given: object) -> object:
        asked.append(judge)
        return real(judge, *given)  # type: ignore[arg-type]

    monkeypatch.setattr(PathJudge, "__call__", counted)
    report = trust.run(3, entries=10)

    assert min(report.pinned, report.kept, report.anew) > 0
    assert len(asked) == 1 + 3 + 3
    assert len(set(asked)) == 1 + 3
    assert report.share == report.kept / report.pinned - 1
