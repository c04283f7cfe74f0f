"""Guidance and form files that records name: fetched, kept by digest, looked at again; which links are broken is told."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from ipaddress import ip_network
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from hub.app import Hub
from hub.errors import NotAllowed
from hub.fetching import Fetching
from hub.ledger.tables import journal
from hub.reconcile.procedures import files
from hub.registers import catalogue_files
from hub.registers.catalogue_files import File
from tests.support import hub as hubs
from tests.support.campaign_world import PROVINCE, WHO, open_province, procedure, tell
from tests.support.clock import Clock
from tests.support.engines import ENGINES, ledger_on
from tests.support.file_place import digest_of
from tests.support.file_server import FileServer


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def elsewhere() -> Iterator[FileServer]:
    with FileServer() as server:
        yield server


@pytest.fixture(params=ENGINES)
def hub(request: pytest.FixtureRequest, tmp_path: Path, clock: Clock) -> Iterator[Hub]:
    with ledger_on(request.param) as ledger:
        opened = open_province(tmp_path, clock, ledger)
        yield replace(opened, fetching=_fetching(("127.0.0.0/8",)), catalogue=replace(opened.catalogue, max_file_bytes=5000))
        hubs.close(opened)


def _fetching(networks: tuple[str, ...]) -> Fetching:
    return Fetching(allowed=tuple(map(ip_network, networks)))


def check(hub: Hub, **given: Any) -> files.Checked:
    return files.check(hub, PROVINCE, **WHO, **given)


def kept(hub: Hub) -> dict[str, File]:
    with hub.ledger.read() as conn:
        return {each.code: each for each in catalogue_files.files(conn, PROVINCE)}


def said(hub: Hub, *forms: tuple[str, str]) -> None:
    """Let the agency name one form for each procedure."""
    tell(hub, PROVINCE, [procedure(code, form_file=url) for code, url in forms])


def test_files_are_kept_by_digest_with_their_names_and_where_they_stand(hub: Hub, elsewhere: FileServer) -> None:
    said(hub, ("1.001", elsewhere.keep("/a", b"form a")), ("1.002", elsewhere.keep("/b", b"form b")))
    done = check(hub)

    assert (done.named, done.checked, done.ok, done.changed, done.broken, done.whole) == (2, 2, 2, 0, 0, True)
    one = kept(hub)["1.001"]
    assert (one.digest, one.size, one.state, one.name) == (digest_of(b"form a"), 6, "ok", "Tờ khai")
    assert one.place == "/THANHPHANHOSO/0/GIAYTO/0/URL"
    assert hub.payloads.size(one.digest) == 6
    with hub.ledger.read() as conn:
        here = (journal.c.subject == f"procedures:{PROVINCE}") & (journal.c.event == "procedures.files")
        assert conn.execute(select(journal.c.actor).where(here)).scalars().all() == [WHO["actor"]]


def test_other_bytes_than_before_are_a_change_with_its_day_and_the_same_are_none(
    hub: Hub, elsewhere: FileServer, clock: Clock
) -> None:
    said(hub, ("1.001", elsewhere.keep("/a", b"old")))
    check(hub)
    clock.advance(60)
    assert check(hub).changed == 0

    clock.advance(60)
    elsewhere.keep("/a", b"new")
    assert check(hub).changed == 1
    changed_at = kept(hub)["1.001"].changed_at
    assert changed_at == clock().timestamp()
    clock.advance(60)
    assert check(hub).ok == 1
    assert kept(hub)["1.001"].changed_at == changed_at, "it keeps the day of its change"


@pytest.mark.parametrize("answer", [404, 500, b"x" * 5001, b""])
def test_a_link_is_broken_where_the_file_does_not_come_whole(hub: Hub, elsewhere: FileServer, answer: int | bytes) -> None:
    good = elsewhere.keep("/a", b"good")
    said(hub, ("1.001", good), ("1.002", elsewhere.keep("/b", answer)))
    done = check(hub)

    expected = (2, 0) if answer == b"" else (1, 1)
    assert (done.ok, done.broken) == expected
    assert kept(hub)["1.001"].state == "ok"


def test_what_was_here_once_is_still_had_when_its_link_breaks(hub: Hub, elsewhere: FileServer) -> None:
    said(hub, ("1.001", elsewhere.keep("/a", b"form")))
    check(hub)
    elsewhere.keep("/a", 404)
    check(hub)

    one = kept(hub)["1.001"]
    assert (one.state, one.digest, one.problem != "") == ("broken", digest_of(b"form"), True)
    with hub.ledger.read() as conn:
        assert catalogue_files.broken(conn) == {PROVINCE: 1}


@pytest.mark.parametrize(
    "url", ["file:///etc/passwd", "http://169.254.169.254/latest", "http://[::1]/x", "khong phai dia chi", "http://a..b/\x00"]
)
def test_no_link_leads_into_our_own_network_or_machine(hub: Hub, url: str) -> None:
    said(hub, ("1.001", url))
    done = check(replace(hub, fetching=_fetching(())))

    assert (done.checked, done.broken) == (1, 1)
    assert kept(hub)["1.001"].digest == ""


def test_those_looked_at_longest_ago_come_first_and_what_no_record_names_is_forgotten(
    hub: Hub, elsewhere: FileServer, clock: Clock
) -> None:
    listed = [(f"1.00{number}", elsewhere.keep(f"/{number}", b"%d" % number)) for number in range(3)]
    said(hub, *listed)
    first = check(hub, most=2)
    clock.advance(60)
    second = check(hub, most=1)

    assert (first.checked, first.whole, second.checked, second.named) == (2, False, 1, 3)
    assert set(kept(hub)) == {"1.000", "1.001", "1.002"}
    tell(hub, PROVINCE, [procedure("1.001", papers=0)])
    assert check(hub).named == 2
    assert set(kept(hub)) == {"1.000", "1.002"}


def test_progress_is_told_and_it_needs_who_and_why(hub: Hub, elsewhere: FileServer) -> None:
    said(hub, ("1.001", elsewhere.keep("/a", b"form")))
    told: list[tuple[int, int]] = []
    check(hub, progress=lambda done, whole: told.append((done, whole)))
    assert told == [(1, 1)]
    with pytest.raises(NotAllowed):
        partial(files.check, hub, PROVINCE, actor="lan", why=" ")()
