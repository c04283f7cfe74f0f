"""The folder of lists and answers, and whom endpoints trust as it changes."""

from __future__ import annotations

import os
import time
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace

import pytest

from hub.errors import Untrusted
from hub.rules import certificates
from hub.rules.trust import TrustSnapshot
from hub.trust import held as held_module
from hub.trust.book import TrustBook
from hub.trust.held import HeldFiles
from hub.trust.store import RevocationTable
from tests.support import pki
from tests.support.pki import NOW
from tests.support.trusted import anchor, asked, store

PKI = pki.standard()
UPPER, LOWER = PKI.crls()
PARTNER, OTHER = SimpleNamespace(name="partner"), SimpleNamespace(name="other")


def book(folder: Path, **rules: object) -> TrustBook:
    known = store(anchor(PKI.root), between=[PKI.authority.certificate], revocation=RevocationTable(**rules))
    own = {"partner": TrustSnapshot(), "other": TrustSnapshot(pinned=(PKI.good.certificate,))}
    return TrustBook(known, folder, own, {"partner": asked()})


def outcome(given: TrustBook, party: pki.Party = PKI.good, endpoint: SimpleNamespace = PARTNER) -> str:
    try:
        return certificates.check(party.certificate, given(endpoint), NOW, ()).revocation
    except Untrusted as error:
        return error.where


def put(folder: Path, name: str, octets: bytes) -> None:
    folder.mkdir(exist_ok=True)
    (folder / name).write_bytes(octets)


def test_a_list_that_is_put_there_by_hand_is_used_at_the_next_question(tmp_path: Path):
    folder = tmp_path / "lists"
    given = book(folder)

    assert outcome(given) == "INDETERMINATE/TRY_LATER"
    put(folder, "upper.crl", UPPER)
    assert outcome(given) == "INDETERMINATE/TRY_LATER"
    put(folder, "any name", LOWER)
    assert outcome(given) == "good"
    assert outcome(given, PKI.revoked) == "INDETERMINATE/REVOKED_NO_POE"


def test_a_new_list_drops_what_was_kept(tmp_path: Path):
    given = book(tmp_path)
    put(tmp_path, "upper.crl", UPPER)
    put(tmp_path, "lower.crl", LOWER)
    first = given(PARTNER)
    assert outcome(given) == "good"
    assert given(PARTNER) is first

    put(tmp_path, "newer.crl", pki.crl(PKI.authority, [PKI.good.certificate], hours=(-0.5, 24)))
    assert outcome(given) == "INDETERMINATE/REVOKED_NO_POE"
    assert given(PARTNER) is not first
    assert certificates.check(PKI.good.certificate, first, NOW, ()).revocation == "good"


def test_a_file_that_is_overwritten_in_place_is_found_a_little_later(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    given = book(tmp_path)
    put(tmp_path, "upper.crl", UPPER)
    put(tmp_path, "lower.crl", LOWER)
    os.utime(tmp_path, ns=(1, 1))
    assert outcome(given) == "good"
    put(tmp_path, "lower.crl", pki.crl(PKI.authority, [PKI.good.certificate]))
    assert os.stat(tmp_path).st_mtime_ns == 1

    assert outcome(given) == "good"
    monkeypatch.setattr(held_module, "LOOK_SECONDS", 0.0)
    assert outcome(given) == "INDETERMINATE/REVOKED_NO_POE"


def test_a_list_that_is_taken_away_is_used_no_more(tmp_path: Path):
    given = book(tmp_path)
    put(tmp_path, "upper.crl", UPPER)
    put(tmp_path, "lower.crl", LOWER)
    assert outcome(given) == "good"
    (tmp_path / "lower.crl").unlink()

    assert outcome(given) == "INDETERMINATE/TRY_LATER"


def test_an_endpoint_that_asks_no_purpose_has_its_own_snapshot_for_ever(tmp_path: Path):
    given = book(tmp_path)
    before = given(OTHER)
    put(tmp_path, "upper.crl", UPPER)
    outcome(given)

    assert given(OTHER).judge is None
    assert given(OTHER) == before
    assert outcome(given, endpoint=OTHER) == "not_checked"


def test_what_is_of_no_use_is_named_and_harms_nothing(tmp_path: Path):
    put(tmp_path, "upper.crl", UPPER)
    put(tmp_path, "lower.crl", LOWER)
    put(tmp_path, "page.html", b"<html>")
    put(tmp_path, "empty", b"")
    put(tmp_path, "giant.crl", b"0" * 3000)
    put(tmp_path, ".half.crl", b"half")
    (tmp_path / "folder").mkdir()
    (tmp_path / "nowhere").symlink_to(tmp_path / "gone")
    given = book(tmp_path, max_bytes=2000)

    assert outcome(given) == "good"
    assert sorted(given.files.current().unusable) == ["empty", "giant.crl", "page.html"]
    assert "max_bytes" in given.files.current().unusable["giant.crl"]


def test_no_more_files_are_read_than_a_mirror_has(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(held_module, "MAX_FILES", 2)
    for name in ("a.crl", "b.crl", "c.crl"):
        put(tmp_path, name, UPPER)

    assert sorted(HeldFiles(tmp_path, 10_000).current().files) == ["a.crl", "b.crl"]


def test_answers_about_many_signers_leave_room_for_the_lists(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(held_module, "MAX_FILES", 2)
    for number in range(3):
        put(tmp_path, f"answer-{number}.ocsp", pki.ocsp_answer(PKI.good.certificate, PKI.authority, hours=(-1, 24 + number)))
    put(tmp_path, "list-0.crl", UPPER)

    assert "list-0.crl" in HeldFiles(tmp_path, 10_000).current().files


def test_a_file_that_cannot_be_looked_at_hides_none_of_the_others(tmp_path: Path):
    put(tmp_path, "a.crl", UPPER)
    (tmp_path / "loop").symlink_to("loop")

    assert sorted(HeldFiles(tmp_path, 10_000).current().files) == ["a.crl"]


def test_a_folder_that_does_not_exist_holds_nothing(tmp_path: Path):
    assert HeldFiles(tmp_path / "none", 1000).current().files == {}


def test_standings_say_what_is_held_of_each_authority(tmp_path: Path):
    put(tmp_path, "lower.crl", LOWER)
    root, between = book(tmp_path).standings()

    assert (root.name, root.purpose, root.needed, root.ends) == ("government", "government", True, None)
    assert (between.name, between.purpose, between.needed) == ("between-0", "", True)
    assert (between.ends, between.entries) == (NOW + timedelta(hours=24) - timedelta(microseconds=NOW.microsecond), 1)


def test_paths_are_handed_over_once_for_fetching(tmp_path: Path):
    given = book(tmp_path)
    outcome(given)
    outcome(given, PKI.revoked)

    assert given.news.is_set()
    assert {path.certificates[0] for path in given.take_seen()} == {PKI.good.certificate, PKI.revoked.certificate}
    assert given.take_seen() == ()


def test_two_changes_in_one_tick_of_the_file_systems_clock_are_both_seen(tmp_path: Path):
    """The folder's time is the same after both; only that it is so young says that another may follow."""
    tick = time.time_ns() + 60_000_000_000
    files = HeldFiles(tmp_path, 10_000)
    for name in ("a.crl", "b.crl"):
        put(tmp_path, name, UPPER)
        os.utime(tmp_path, ns=(tick, tick))
        assert name in files.current().files
