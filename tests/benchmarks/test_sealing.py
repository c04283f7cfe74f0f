"""The measurement of sealing measures what it says: messages are recorded both ways, and only one way is sealed."""

from __future__ import annotations

import pytest

from benchmarks import sealing


def test_it_reports_both_ways_and_seals_in_one_of_them(monkeypatch: pytest.MonkeyPatch) -> None:
    sealed_in: list[str] = []
    real = sealing.sealing.seal

    def counted(*given: object) -> int:
        made = real(*given)  # type: ignore[arg-type]
        sealed_in.extend(["with"] * made)
        return made

    monkeypatch.setattr(sealing.sealing, "seal", counted)
    report = sealing.run(40, rounds=2)

    assert len(report.without) == len(report.sealed) == 2
    assert min(*report.without, *report.sealed) > 0
    assert report.seals == len(sealed_in) >= 1
    assert report.share > 0
