"""The measurement of reconciliation finds exactly what it lets the partner lose, and says when too much memory was needed."""

from __future__ import annotations

import sys

import pytest

from benchmarks import reconciliation


def run(monkeypatch: pytest.MonkeyPatch, *words: str) -> int:
    monkeypatch.setattr(sys, "argv", ["reconciliation", "--dossiers", "1500", *words])
    return reconciliation.main()


def test_a_small_one_ends_well(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(monkeypatch, "--seed", "3", "--most-mb", "4000") == 0
    assert "1,500 look-ups" in capsys.readouterr().out


def test_too_much_memory_is_a_failure(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(monkeypatch, "--most-mb", "1") == 1
    assert "NOT ok" in capsys.readouterr().out
