"""What the comparison tells is what was run."""

from __future__ import annotations

import pytest

from benchmarks import compare
from benchmarks.compare import Contestant, Result, Run


def result(name: str, *runs: tuple[float, float]) -> Result:
    made = [Run(rate=rate, rsa=rsa, cpu={"worker": rate / 100}, duplicates=0) for rate, rsa in runs]
    return Result(contestant=Contestant(name=name), size="4 KB", messages=100, runs=made)


def test_a_share_is_of_two_cores_and_of_its_own_run() -> None:
    """A slow minute of the machine lowers both."""
    told = result("celery", (200.0, 1000.0), (100.0, 500.0), (300.0, 1000.0)).told()

    assert told["rate"] == {"median": 200.0, "min": 100.0, "max": 300.0}
    assert told["share_of_limit"] == {"median": 0.1, "min": 0.1, "max": 0.15}
    assert told["cpu_ms_per_message"] == {"worker": 2.0, "broker": None, "database": None, "sink": None}


def test_how_many_times_as_fast_is_asked_round_by_round() -> None:
    """Shares are compared within a round, then the median is taken."""
    ours = result("lienthong", (400.0, 1000.0), (100.0, 500.0), (900.0, 1000.0))
    other = result("celery", (200.0, 1000.0), (100.0, 500.0), (100.0, 1000.0))

    assert compare._times(ours, other) == 2.0


def test_a_name_that_nobody_has_is_refused() -> None:
    """Instead of measuring the others."""
    with pytest.raises(SystemExit, match="unknown: selery"):
        compare.contestants(["selery"], ["signxml"], ["direct"])


def test_each_setting_of_a_peer_takes_part(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is not installed is left out, unless it is asked for by name."""
    monkeypatch.setattr(compare, "_is_there", lambda name: name == "celery")

    labels = [one.label for one in compare.contestants([], ["signxml", "strict"], ["direct"])]
    assert labels == ["celery signxml direct", "celery strict direct"]
    with pytest.raises(SystemExit, match="not installed: dramatiq"):
        compare.contestants(["dramatiq"], ["signxml"], ["direct"])
