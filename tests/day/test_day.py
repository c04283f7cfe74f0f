"""A short day, with all that may go wrong in a long one (``make day``)."""

from __future__ import annotations

from pathlib import Path

from tests.day.campaign import day


def test_accounts_agree_after_a_day_with_faults(tmp_path: Path) -> None:
    account = day(tmp_path / "hub", seed=1, dossiers=40, hours=2)

    assert account.clean, account.to_json()
    assert account.dossiers == 40
    assert account.said == account.stored > 100
    assert account.settled
