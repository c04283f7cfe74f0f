"""The floor is measured at real work: each step is done, of valid documents whose signatures hold."""

from __future__ import annotations

from dataclasses import replace

import pytest

from benchmarks import dossiers, floor
from tests.benchmarks.world import KEYS, made


@pytest.mark.parametrize("size", dossiers.SIZES)
def test_every_step_takes_time_and_bounds_the_rate(size: str) -> None:
    measured = floor.measure(size, count=3, rounds=2, seed=1)

    assert len(measured.steps) == 6
    assert min(measured.steps.values()) > 0
    assert measured.rate == pytest.approx(2000 / sum(measured.steps.values()))
    assert measured.share > 0


def changed(old: bytes, new: bytes) -> dossiers.Dossier:
    (dossier,) = made(1)
    assert dossier.document.count(old) >= 1
    return replace(dossier, document=dossier.document.replace(old, new))


@pytest.mark.parametrize(
    "given",
    [changed(b"<Uses>", b"<Uses>x"), changed(b"<Header>", b"<Header><Unknown/>")],
    ids=["changed after signing", "not valid"],
)
def test_other_work_is_no_measurement(given: dossiers.Dossier) -> None:
    """A document that is not what was signed would be refused, and so cost something else."""
    with pytest.raises(ValueError, match="not what was signed"):
        floor.Bare(KEYS).round([given])
