"""A configuration that would fail later, or elsewhere, is told when it is read: with its place, and with what to do."""

from __future__ import annotations

from pathlib import Path

import pytest

from hub import bootstrap
from hub.errors import BadSettings
from tests.support import hub as support


def test_a_mark_at_the_head_of_a_file_does_no_harm(tmp_path: Path) -> None:
    """Windows' Notepad saves UTF-8 with one."""
    path = support.configure(tmp_path) / "hub.toml"
    path.write_text(path.read_text(encoding="utf-8"), encoding="utf-8-sig")

    assert bootstrap.load_settings(tmp_path).file.ledger.url == support.SQLITE


def refused(folder: Path) -> BadSettings:
    with pytest.raises(BadSettings) as told:
        bootstrap.load_settings(folder)
    return told.value


def test_one_token_at_two_doors_is_refused(tmp_path: Path) -> None:
    """Written in another case and with colons it is the same one."""
    digest = "ab" * 32
    support.configure(tmp_path, sender=f'token_sha256 = ["{digest}"]\n')
    partner = tmp_path / "endpoints" / f"{support.PARTNER}.toml"
    with partner.open("a", encoding="utf-8") as file:
        file.write(f'[inbound]\ntoken_sha256 = ["{"cd" * 32}", "{":".join(["AB"] * 32)}"]\n')

    told = refused(tmp_path)

    for words in (told.vi, told.en):
        assert f"{support.PARTNER}.toml" in words and f"{support.SENDER}.toml" in words
        assert digest not in words.lower()
    assert told.where.endswith(".toml [inbound] token_sha256")
