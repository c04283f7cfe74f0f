"""Files that a partner fetches here: an address for each, made before the bytes that say it, good for its time, and no longer."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from sqlalchemy import select, update

from adapters.national_portal.simulator import SIMULATOR as portal_of
from hub import dispatch, file_links, operations, retention
from hub.canonical.message import from_json
from hub.delivery import deliver
from hub.edge.console import shown
from hub.edge.http.server import serve_http
from hub.errors import NotAllowed, NotSent
from hub.fetching import BAD_SECONDS, Fetching
from hub.ledger import link_verbs, payloads
from hub.ledger.link_tables import fetched_files, file_tries
from hub.ledger.link_tables import file_links as rows_of
from hub.ledger.tables import attachments, deliveries, journal
from hub.operations import links
from hub.rules import file_links as rules
from hub.rules.retention import DAY_SECONDS
from tests.support.clock import Clock
from tests.support.engines import ENGINES, ledger_on
from tests.support.file_place import NUMBER, PDF, Place, digest_of, dossier, name_of, path_of, submitted
from tests.support.file_server import FileServer
from tests.support.world import Bag, Killed, MortalLedger


@pytest.fixture(params=ENGINES)
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Place]:
    """What is needed, on each engine; ``open`` it."""
    with ledger_on(request.param) as ledger, portal_of(fetch_files=True) as portal, FileServer() as elsewhere:
        made = Place(tmp_path / "config", portal, elsewhere, Clock(), ledger)
        yield made
        if made.server is not None:
            made.close()


# --- one address for each file


def test_a_file_that_was_given_is_fetched_by_the_portal_at_an_address_of_its_own(place: Place) -> None:
    place.open(file_links="serve")
    assert place.send(place.give()) == 202

    place.carry()

    (address,) = place.told()
    assert re.fullmatch(re.escape(f"{place.server.url}/files/") + "[A-Za-z0-9_-]{43}", address)
    assert place.fetched() == [digest_of(PDF)]
    place.wait_until_fetched()
    (link,) = place.links(endpoint="dvcqg")
    assert (link.state, link.whole, link.digest, link.subject) == ("good", 1, digest_of(PDF), f"national:{NUMBER}")
    assert place.events("delivery.fetched") == ["delivery.fetched"]


def test_the_name_stands_nowhere_but_in_the_bytes_and_at_the_portal(place: Place) -> None:
    place.open(file_links="serve")
    place.send(place.give())
    place.carry()
    name = name_of(place.told()[0])

    with place.hub.ledger.read() as conn:
        everything = [str(row) for table in (rows_of, journal, deliveries) for row in conn.execute(select(table))]
    assert not [row for row in everything if name in row]
    assert rules.hash_of(name) in "".join(everything)
    assert "Nguyen" not in "".join(str(row) for row in everything)


def test_whoever_may_not_see_persons_does_not_see_the_address_either(place: Place) -> None:
    """It is a key: whoever reads the bytes as they went could fetch the file, and nobody would know."""
    place.open(file_links="serve")
    place.send(place.give())
    place.carry()
    name = name_of(place.told()[0])
    with place.hub.ledger.read() as conn:
        body = payloads.get(conn, place.delivery().business_digest) or b""

    assert name.encode() in body
    for form in ("pretty", "raw", "hex"):
        assert name not in shown.show(body, form, see=False).text
    assert name in shown.show(body, "pretty", see=True).text


def test_files_that_were_joined_in_one_item_are_told_one_by_one(place: Place) -> None:
    place.open(file_links="relay")
    first, second = place.elsewhere.keep("/1", b"one"), place.elsewhere.keep("/2", b"two")
    place.send(f"{first}##{second}")

    place.carry()

    record = place.portal.account()["dossiers"][NUMBER]["record"]
    assert len({each["DuongDanTaiTepTin"] for each in record["TaiLieuNop"]}) == 2
    assert [each["TepDinhKemId"] for each in record["TaiLieuNop"]] == ["1", "1.2"]
    assert place.fetched() == [digest_of(b"one"), digest_of(b"two")]


def test_results_and_supplements_are_fetched_too(place: Place) -> None:
    place.open(file_links="relay")
    result, paper = place.elsewhere.keep("/ket-qua", b"result"), place.elsewhere.keep("/bo-sung", b"more")
    supplement = {"HoSoBoSungId": "1", "DanhSachGiayToBoSung": [submitted(0, paper)]}
    place.send(
        place.give(),
        DanhSachGiayToKetQua=[{"TenGiayTo": "Giấy phép", "DuongDanTepTinKetQua": result, "MaGiayToKetQua": "KQ.G99.000001"}],
        DanhSachHoSoBoSung=[supplement],
    )

    place.carry()

    assert sorted(place.fetched()) == sorted([digest_of(PDF), digest_of(b"result"), digest_of(b"more")])
    assert len(place.links(subject=f"national:{NUMBER}")) == 3


def test_two_dossiers_with_the_same_file_have_addresses_that_say_nothing_of_each_other(place: Place) -> None:
    place.open(file_links="serve")
    url = place.give()
    place.send(url, number="H99.07-260302-0001", key="k1")
    place.send(url, number="H99.07-260302-0002", key="k2")
    place.carry()

    one, other = place.told("H99.07-260302-0001"), place.told("H99.07-260302-0002")
    assert one != other
    (first,) = place.links(subject="national:H99.07-260302-0001")
    links.end(place.hub, first.id, actor="an", why="nhầm")
    assert place.call("GET", path_of(one[0])).status == 404
    assert place.call("GET", path_of(other[0])).body == PDF


def test_progress_names_no_file_and_waits_for_none(place: Place) -> None:
    place.open(file_links="relay")
    url = place.elsewhere.keep("/1", b"one")
    tree = {"HoSo": {**dossier(NUMBER), "TaiLieuNop": [submitted(0, url)]}, "TienDo": []}
    tree["TienDo"] = [
        {"MaHoSo": NUMBER, "NguoiXuLy": "A", "ThoiDiemXuLy": "20260302081600", "TrangThai": "2", "NoiDungXuLy": "nhận"}
    ]
    headers = {"Authorization": "Bearer token-of-mot_cua", "Idempotency-Key": "k1", "Content-Type": "application/json"}
    assert place.call("POST", "/doors/mot_cua", json.dumps(tree).encode(), headers).status == 202

    assert place.carry() == 2
    assert place.count(rows_of) == 1


# --- what lies elsewhere


def test_a_file_that_lies_elsewhere_is_fetched_before_and_not_when_the_portal_asks(place: Place) -> None:
    place.open(file_links="relay")
    place.send(place.elsewhere.keep("/tep/1?token=short", PDF))
    place.carry()
    place.elsewhere.files.clear()

    (address,) = place.told()
    assert place.call("GET", path_of(address)).body == PDF
    assert place.elsewhere.asked() == ["GET /tep/1?token=short"]


def test_the_same_address_of_a_dossier_is_fetched_once_a_day(place: Place) -> None:
    place.open(file_links="relay")
    url = place.elsewhere.keep("/1", PDF)
    place.send(url, key="k1")
    place.carry()
    place.send(url, key="k2", GhiChu="thêm")
    place.carry()
    assert place.elsewhere.asked() == ["GET /1"]

    place.clock.advance(DAY_SECONDS + 1)
    place.send(url, key="k3", GhiChu="thêm nữa")
    place.carry()

    assert place.elsewhere.asked() == ["GET /1", "GET /1"]
    assert len({link.id for link in place.links(endpoint="dvcqg")}) == 3


def test_what_is_served_alone_leaves_other_addresses_as_they_are(place: Place) -> None:
    place.open(file_links="serve")
    url = place.elsewhere.keep("/1", b"one")
    place.send(place.give(), url)
    place.carry()

    ours, theirs = place.told()
    assert theirs == url and ours.startswith(f"{place.server.url}/files/")
    assert place.elsewhere.calls == ["HEAD /1", "GET /1"], "looked at by us, fetched by the portal"


@pytest.mark.parametrize("file", [404, 500, 302, "http://127.0.0.1:9/elsewhere", b""])
def test_a_file_that_does_not_come_lets_the_dossier_wait_and_says_which(place: Place, file: int | str | bytes) -> None:
    place.open(file_links="relay")
    url = place.elsewhere.keep("/1", file)
    place.send(place.give(), url)
    place.carry()

    row = place.delivery()
    assert (row.state, row.error_code, row.error_where) == ("waiting", "not_sent", "/HoSo/TaiLieuNop/1/DuongDanTaiTepTin")
    assert "/HoSo/TaiLieuNop/1" in row.error_vi and url not in row.error_vi + row.error_en
    assert (row.attempts, place.portal.account()["dossiers"]) == (0, {})

    place.elsewhere.keep("/1", b"here now")
    place.clock.advance(60)
    place.carry()
    assert place.delivery().state == "delivered"
    assert place.fetched() == [digest_of(PDF), digest_of(b"here now")]


def test_a_file_that_never_comes_is_left_to_a_person(place: Place) -> None:
    place.open(file_links="relay")
    place.send(place.elsewhere.keep("/1", 404))
    for _ in range(60):
        place.carry()
        place.clock.advance(1000)
    assert (place.delivery().state, place.delivery().error_code) == ("parked", "not_sent")

    place.elsewhere.keep("/1", PDF)
    operations.release(place.hub, place.delivery().id, actor="an", why="tệp đã có")
    place.carry()
    assert place.delivery().state == "delivered"


def test_claims_that_ended_for_other_reasons_are_no_tries(place: Place) -> None:
    place.open(file_links="relay")
    place.send(place.elsewhere.keep("/1", 404))
    place.hub.ledger.change(lambda conn: conn.execute(update(deliveries).values(epoch=1000)))

    place.carry()
    assert (place.delivery().state, place.count(file_tries)) == ("waiting", 1)

    for _ in range(60):
        place.clock.advance(1000)
        place.carry()
    assert (place.delivery().state, place.count(file_tries)) == ("parked", 0)
    operations.release(place.hub, place.delivery().id, actor="an", why="bên gửi sắp mở lại")
    place.carry()
    assert (place.delivery().state, place.count(file_tries)) == ("waiting", 1), "who released it lets the tries begin anew"

    place.clock.advance(500 * DAY_SECONDS)
    retention.run(place.hub, days=100, proof_days=1000, actor="an", why="định kỳ")
    assert place.count(file_tries) == 0


@pytest.mark.parametrize("limit", [len(PDF) - 1, 1])
def test_a_file_that_is_too_large_is_not_kept(place: Place, limit: int) -> None:
    place.open(file_links="relay")
    place.hub = replace(place.hub, largest_file=limit)
    place.send(place.elsewhere.keep("/1", PDF))
    place.carry()

    assert place.delivery().state == "waiting"
    assert [path for path in (place.folder / "var").rglob("*") if path.is_file()] == []


@pytest.mark.parametrize(
    "url",
    [
        "D:\\ho so\\don.pdf",
        "/tep/don.pdf",
        "ftp://example.org/1",
        "javascript:alert(1)",
        "don.pdf",
        "http://a:b@h/1",
        "http://[::1/",
    ],
)
@pytest.mark.parametrize("mode", ["serve", "relay"])
def test_what_is_no_address_is_the_senders_fault(place: Place, url: str, mode: str) -> None:
    place.open(file_links=mode)
    place.send(url)
    place.carry()

    row = place.delivery()
    assert (row.state, row.error_code, row.error_where) == ("parked", "invalid_message", "/HoSo/TaiLieuNop/0/DuongDanTaiTepTin")


def test_an_address_with_letters_beyond_ascii_is_called_as_it_is_meant(place: Place) -> None:
    place.open(file_links="relay")
    place.elsewhere.keep("/tep/don%20de%20nghi%20%C4%91%E1%BA%A5t.pdf?a=1%2F2", PDF)
    place.send(f"{place.elsewhere.url}/tep/don de nghi đất.pdf?a=1%2F2")
    place.carry()

    assert place.fetched() == [digest_of(PDF)]


def test_a_host_that_hangs_costs_the_others_little(place: Place) -> None:
    """What it took is paid back: the host is left alone for five times as long."""
    place.open(file_links="relay")
    now = [0.0]

    class Hanging(Fetching):
        """Lets a minute pass at each call, as a server that says nothing does."""

        def fetch(self, url: str, take: Any, *, max_bytes: int, seconds: float) -> None:
            """Fetch nothing."""
            with self._patient_with(url):
                tried.append(url)
                now[0] += 60.0
                raise NotSent("", "", where="TimeoutError")

    tried: list[str] = []
    place.hub = replace(place.hub, fetching=Hanging(allowed=place.hub.fetching.allowed, clock=lambda: now[0]))
    for number in range(5):
        place.send(place.elsewhere.keep(f"/{number}", PDF), number=f"H99.07-260302-000{number}", key=f"k{number}")
    place.carry()
    assert len(tried) == 1

    now[0] += 290
    place.clock.advance(290)
    place.carry()
    assert len(tried) == 1

    now[0] += 11
    place.clock.advance(400)
    place.carry()
    assert len(tried) == 2


# --- the hub is not made to look into its own network


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "[::ffff:127.0.0.1]", "0177.0.0.1", "2130706433", "0x7f.1"])
@pytest.mark.parametrize("mode", ["relay", "serve"])
def test_an_address_in_our_own_network_is_not_called(place: Place, host: str, mode: str) -> None:
    place.networks = ()
    place.open(file_links=mode)
    port = urlsplit(place.elsewhere.url).port
    place.elsewhere.keep("/secret", b"keys")
    place.send(f"http://{host}:{port}/secret")
    place.carry()

    assert place.elsewhere.calls == []
    assert (place.delivery().state, place.count(rows_of), place.count(fetched_files)) == ("waiting", 0, 0)


def test_what_was_fetched_can_be_read_by_nobody_as_their_own(place: Place) -> None:
    place.open(file_links="relay")
    place.send(place.elsewhere.keep("/1", b"fetched"))
    place.carry()

    path = f"/attachments/{digest_of(b'fetched')}"
    for name in ("mot_cua", "mot_cua_2"):
        assert place.call("GET", path, headers={"Authorization": f"Bearer token-of-{name}"}).status == 404
    assert place.send(f"{place.server.url}{path}", key="k2", number="H99.07-260302-0077", by="mot_cua_2") == 400


# --- tried before it is sent


def test_nothing_is_sent_while_the_hubs_own_address_does_not_answer(place: Place) -> None:
    place.open(file_links="serve")
    place.send(place.give())
    place.server.stop()
    place.carry()

    row = place.delivery()
    assert (row.state, row.error_code, row.error_where) == ("waiting", "not_sent", "hub.toml [hub] public_url")
    assert f"{place.hub.public_url}/files/" in row.error_vi and f"{place.hub.public_url}/files/" in row.error_en
    assert (row.attempts, place.portal.account()["dossiers"]) == (0, {})

    place.server = serve_http(place.hub, "127.0.0.1", urlsplit(place.hub.public_url).port or 0).start()
    place.hub = replace(place.hub, fetching=Fetching(allowed=place.hub.fetching.allowed))
    place.clock.advance(60)
    place.carry()
    assert place.fetched() == [digest_of(PDF)]


def _canonical(place: Place) -> bytes:
    with place.hub.ledger.read() as conn:
        return payloads.get(conn, place.delivery().canonical_digest) or b""


def test_a_server_that_knows_no_head_is_asked_for_one_byte(place: Place) -> None:
    place.open(file_links="serve")
    place.elsewhere.knows_head = False
    place.send(place.elsewhere.keep("/1", PDF))
    place.carry()

    assert place.delivery().state == "delivered"
    assert place.elsewhere.calls == ["HEAD /1", "GET /1", "GET /1"]


def test_what_the_sender_named_is_tried_once_for_all_that_name_it(place: Place) -> None:
    place.open(file_check=True)
    url = place.elsewhere.keep("/1", PDF)
    for number in range(3):
        place.send(url, number=f"H99.07-260302-000{number}", key=f"k{number}")
    place.carry()

    assert place.elsewhere.asked(["HEAD"]) == ["HEAD /1"]


def test_a_file_that_is_not_there_is_asked_for_again_soon(place: Place) -> None:
    place.open(file_check=True)
    now = [0.0]
    place.hub = replace(place.hub, fetching=Fetching(allowed=place.hub.fetching.allowed, clock=lambda: now[0]))
    place.send(place.elsewhere.keep("/1", 404))
    place.carry()
    assert place.delivery().state == "waiting"
    place.elsewhere.keep("/1", PDF)

    now[0] += BAD_SECONDS + 1
    place.clock.advance(60)
    place.carry()

    assert place.delivery().state == "delivered"


def test_where_the_check_is_switched_off_nobody_is_asked(place: Place) -> None:
    place.open(file_links="serve", file_check=False)
    url = place.elsewhere.keep("/1", PDF)
    place.send(url)
    place.carry()

    assert place.elsewhere.asked(["HEAD"]) == []
    assert place.delivery().state == "delivered"


def test_without_the_setting_nothing_is_done(place: Place) -> None:
    place.open()
    url = place.elsewhere.keep("/1", PDF)
    place.send(url)
    place.carry()

    assert place.told() == [url]
    assert place.count(rows_of) == 0


# --- dying, and sending again


def killed_at(place: Place, verb: str, when: str) -> None:
    """Let a worker die before or after one of its verbs, and its lease run out."""
    bag = Bag()
    hub = replace(place.hub, bus=bag)
    dispatch.queue(hub)
    for due in bag.dues:
        try:
            deliver(replace(hub, ledger=MortalLedger(hub.ledger, verb, when)), due)
        except Killed:
            continue
    place.clock.advance(1000)


@pytest.mark.parametrize(("verb", "when"), [("change", "before"), ("change", "after"), ("record_all_sending", "before")])
def test_a_worker_that_dies_between_address_and_bytes_leaves_no_second_address(place: Place, verb: str, when: str) -> None:
    place.open(file_links="serve")
    place.send(place.give())
    for _ in range(3):
        killed_at(place, verb, when)

    place.carry()

    assert place.delivery().state == "delivered"
    (link,) = place.links(endpoint="dvcqg")
    assert link.id == rules.hash_of(name_of(place.told()[0]))


@pytest.mark.parametrize(("verb", "when"), [("change", "before"), ("change", "after")])
def test_a_worker_that_dies_while_it_fetches_leaves_nothing_that_stands_in_the_way(place: Place, verb: str, when: str) -> None:
    place.open(file_links="relay")
    place.send(place.elsewhere.keep("/1", PDF))
    killed_at(place, verb, when)

    place.carry()

    assert place.delivery().state == "delivered"
    assert (place.count(rows_of), place.count(fetched_files), place.fetched()) == (1, 1, [digest_of(PDF)])


def test_a_file_that_retention_deletes_before_it_is_recorded_is_fetched_again(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    place.open(file_links="relay")
    place.send(place.elsewhere.keep("/1", PDF))
    record = link_verbs.record_fetched

    def after_retention(*given: Any, digest: str, **words: Any) -> None:
        place.hub.payloads.delete(digest)
        record(*given, digest=digest, **words)

    with monkeypatch.context() as patched:
        patched.setattr(link_verbs, "record_fetched", after_retention)
        place.carry()
    before = place.delivery().state
    place.clock.advance(1000)
    place.carry()

    assert (before, place.delivery().state, place.fetched()) == ("waiting", "delivered", [digest_of(PDF)])


def test_bytes_that_are_sent_again_say_addresses_that_are_good_again(place: Place) -> None:
    place.open(file_links="serve", file_link_days=1, file_link_fetches=1)
    place.send(place.give())
    place.portal.faults.add(kind="busy", match="DongBoHoSoMC", value=100_000, times=1)
    place.carry()
    row = place.delivery()
    assert (row.state, row.attempts) == ("waiting", 1)
    (before,) = place.links(endpoint="dvcqg")

    place.clock.advance(2 * DAY_SECONDS)
    (expired,) = place.links(endpoint="dvcqg")
    assert expired.state == "expired"
    place.carry()

    (after,) = place.links(endpoint="dvcqg")
    assert (after.id, place.delivery().state, place.fetched()) == (before.id, "delivered", [digest_of(PDF)])
    assert after.expires_at == pytest.approx(place.hub.now() + DAY_SECONDS)


def test_bytes_whose_address_was_ended_are_not_sent_again_but_written_anew(place: Place) -> None:
    place.open(file_links="serve")
    place.send(place.give())
    place.portal.faults.add(kind="busy", match="DongBoHoSoMC", value=60, times=1)
    place.carry()
    (link,) = place.links(endpoint="dvcqg")
    links.end(place.hub, link.id, actor="an", why="gửi nhầm tệp")

    place.clock.advance(1000)
    place.carry()
    row = place.delivery()
    assert (row.state, row.error_code, row.error_where) == ("parked", "not_allowed", "/HoSo/TaiLieuNop/0/DuongDanTaiTepTin")

    operations.rebuild(place.hub, row.id, actor="an", why="cấp địa chỉ mới")
    place.carry()
    assert place.delivery().state == "delivered"
    assert {each.state for each in place.links(endpoint="dvcqg")} == {"ended", "good"}
    assert place.fetched() == [digest_of(PDF)]


def test_a_file_that_retention_deleted_is_not_promised(place: Place) -> None:
    place.open(file_links="serve")
    url = place.give()
    assert place.send(url, key="k1") == 202
    place.carry()
    with place.hub.ledger._engine.begin() as connection:
        connection.execute(attachments.update().values(deleted_at=1.0))
    place.send(url, key="k2", GhiChu="x")
    place.carry()

    with place.hub.ledger.read() as conn:
        last = conn.execute(select(deliveries).order_by(deliveries.c.place.desc())).first()
    assert last is not None
    assert (last.state, last.error_code, last.error_where) == ("parked", "not_allowed", "/HoSo/TaiLieuNop/0/DuongDanTaiTepTin")


def test_a_preview_makes_no_address_and_shows_the_one_that_would_be_sent(place: Place) -> None:
    place.open(file_links="serve")
    place.send(place.give())
    row = place.delivery()
    message = from_json(_canonical(place))

    foreseen = file_links.foreseen(place.hub, place.hub.endpoint("dvcqg"), row.id, message)
    assert place.count(rows_of) == 0
    place.carry()

    assert place.told() == list(foreseen.values())


# --- people and time


def test_ending_an_address_needs_who_and_why_and_stands_in_the_dossiers_journal(place: Place) -> None:
    place.open(file_links="serve")
    place.send(place.give())
    place.carry()
    (link,) = place.links(endpoint="dvcqg")
    with pytest.raises(NotAllowed):
        links.end(place.hub, link.id, actor="an", why=" ")

    done = links.end(place.hub, link.id[:8], actor="an", why="nhầm tệp")

    assert (done.state, done.ended_by, done.why) == ("ended", "an", "nhầm tệp")
    assert place.call("GET", path_of(place.told()[0])).status == 404
    assert place.events("operator.link_end") == ["operator.link_end"]
    with pytest.raises(NotAllowed, match="ended already"):
        links.end(place.hub, link.id, actor="an", why="nữa")


def test_retention_keeps_what_can_still_be_fetched_and_forgets_addresses_that_ended_long_ago(place: Place) -> None:
    place.open(file_links="relay", file_link_days=400)
    place.send(place.elsewhere.keep("/1", PDF))
    place.carry()
    place.clock.advance(200 * DAY_SECONDS)
    retention.run(place.hub, days=100, proof_days=1000, actor="an", why="định kỳ")
    assert place.call("GET", path_of(place.told()[0])).body == PDF

    place.clock.advance(250 * DAY_SECONDS)
    assert place.call("GET", path_of(place.told()[0])).status == 404
    ran = retention.run(place.hub, days=100, proof_days=1000, actor="an", why="định kỳ")
    assert {each.kind: each.count for each in ran.amounts}["attachments"] == 1
    assert place.count(rows_of) == 1, "it ended not long ago"

    place.clock.advance(200 * DAY_SECONDS)
    retention.run(place.hub, days=100, proof_days=1000, actor="an", why="định kỳ")
    assert (place.count(rows_of), place.count(fetched_files)) == (0, 0)


def test_what_was_not_fetched_is_listed_apart_and_page_by_page(place: Place) -> None:
    place.open(file_links="serve")
    url = place.give()
    for number in range(3):
        place.send(url, key=f"k{number}", number=f"H99.07-260302-000{number}")
    place.carry()
    place.wait_until_fetched(3)
    assert links.show(place.hub, endpoint="dvcqg", not_fetched=True).links == ()

    first = links.show(place.hub, endpoint="dvcqg", limit=2)
    second = links.show(place.hub, endpoint="dvcqg", limit=2, after=first.next)
    assert [len(first.links), len(second.links), second.next] == [2, 1, ""]
    assert len({each.id for each in (*first.links, *second.links)}) == 3
