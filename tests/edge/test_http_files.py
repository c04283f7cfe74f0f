"""The door at which partners fetch files: who has an address reads that one file, and nobody learns anything else there."""

from __future__ import annotations

import secrets
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import update

from adapters.national_portal.simulator import SIMULATOR as portal_of
from hub.edge.http import files
from hub.edge.http.bodies import LARGEST_AT_ONCE
from hub.ledger.link_tables import file_links
from hub.ledger.tables import attachments
from hub.operations import links
from hub.rules.file_links import hash_of
from hub.telemetry import FILE_FETCHES
from tests.support.clock import Clock
from tests.support.engines import ENGINES, ledger_on
from tests.support.file_place import PDF, Answer, Place, digest_of, name_of, path_of
from tests.support.file_server import FileServer

#: More than fits into the buffers between two sockets of one machine.
LARGE = bytes(range(256)) * 80_000


@pytest.fixture(params=ENGINES)
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Place]:
    """A place on each engine, whose portal fetches nothing by itself."""
    with ledger_on(request.param) as ledger, portal_of() as portal, FileServer() as elsewhere:
        made = Place(tmp_path / "config", portal, elsewhere, Clock(), ledger)
        yield made
        if made.server is not None:
            made.close()


def sent(place: Place, file: bytes = PDF, **outbound: Any) -> str:
    """Let the portal be told of a file; give the path at which it is fetched."""
    place.open(**{"file_links": "serve", **outbound})
    assert place.send(place.give(file)) == 202
    place.carry()
    return path_of(place.told()[0])


def get(place: Place, path: str, **headers: str) -> Answer:
    return place.call("GET", path, headers={name.replace("_", "-"): value for name, value in headers.items()})


def fate(place: Place) -> tuple[int, int]:
    (link,) = place.links(endpoint="dvcqg")
    return link.fetches, link.whole


# --- what is given


def test_who_has_the_address_needs_nothing_else(place: Place) -> None:
    path = sent(place)

    answer = get(place, path)

    assert (answer.status, answer.body) == (200, PDF)
    assert answer.headers["content-length"] == str(len(PDF))
    assert answer.headers["content-type"] == "application/pdf"
    place.wait_until_fetched()
    assert fate(place) == (1, 1)


def test_nothing_runs_in_a_browser_is_kept_on_the_way_or_names_a_person(place: Place) -> None:
    path = sent(place, b"<script>alert(1)</script>")

    for method in ("GET", "HEAD"):
        answer = place.call(method, path)
        assert answer.headers["content-disposition"] == f'attachment; filename="tep-{digest_of(_script())[7:19]}.pdf"'
        assert answer.headers["content-security-policy"] == "default-src 'none'; sandbox"
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert (answer.headers["cache-control"], answer.headers["referrer-policy"]) == ("no-store", "no-referrer")
        assert "Nguyen" not in str(answer.headers)


def _script() -> bytes:
    return b"<script>alert(1)</script>"


@pytest.mark.parametrize(
    ("name", "kind"),
    [("a.html", ""), ("a.svg", ""), ("a.PDF", "pdf"), ("a.pdf.exe", ""), ('a".pdf', "pdf"), ("pdf", "pdf"), ("", "")],
)
def test_only_harmless_kinds_are_told(place: Place, name: str, kind: str) -> None:
    place.open(file_links="serve")
    row = {"TepDinhKemId": "1", "TenTepDinhKem": name or "x", "IsDeleted": "False", "DuongDanTaiTepTin": place.give()}
    place.send(TaiLieuNop=[row])
    place.carry()

    answer = get(place, path_of(place.told()[0]))
    assert answer.headers["content-type"] == ("application/pdf" if kind else "application/octet-stream")
    assert answer.headers["content-disposition"].endswith(f'{"." + kind if kind else digest_of(PDF)[7:19]}"')


def test_a_head_is_no_fetch(place: Place) -> None:
    path = sent(place, file_link_fetches=1)

    for _ in range(3):
        answer = place.call("HEAD", path)
        assert (answer.status, answer.body, answer.headers["content-length"]) == (200, b"", str(len(PDF)))
    assert fate(place) == (0, 0)
    assert get(place, path).status == 200


@pytest.mark.parametrize(
    ("given", "first", "last"),
    [
        ("bytes=0-9", 0, 9),
        ("bytes=10-", 10, len(LARGE) - 1),
        ("bytes=-7", len(LARGE) - 7, len(LARGE) - 1),
        (f"bytes=300000-{10**17}", 300_000, len(LARGE) - 1),
        (f"bytes=-{10**17}", 0, len(LARGE) - 1),
        ("bytes=262143-262144", 262_143, 262_144),
    ],
)
def test_a_part_is_given_where_one_is_asked_for(place: Place, given: str, first: int, last: int) -> None:
    path = sent(place, LARGE)

    answer = get(place, path, Range=given)

    assert answer.status == 206
    assert answer.headers["content-range"] == f"bytes {first}-{last}/{len(LARGE)}"
    assert answer.body == LARGE[first : last + 1]


@pytest.mark.parametrize(
    "given",
    ["bytes=a-b", "bytes=5-2", "bytes=", "bytes=-", "bytes=0-1,5-6", "items=0-1", "bytes=0-1;x", f"bytes={'9' * 40}-", "\u00b9"],
)
def test_what_cannot_be_read_asks_for_all(place: Place, given: str) -> None:
    path = sent(place)
    answer = get(place, path, Range=given)
    assert (answer.status, answer.body) == (200, PDF)


@pytest.mark.parametrize("given", [f"bytes={len(PDF)}-", "bytes=-0", "bytes=999999999-"])
def test_a_part_that_is_not_there_is_refused(place: Place, given: str) -> None:
    path = sent(place)
    answer = get(place, path, Range=given)
    assert (answer.status, answer.headers["content-range"], answer.body) == (416, f"bytes */{len(PDF)}", b"")


def test_a_part_is_only_given_of_the_file_that_was_begun(place: Place) -> None:
    path = sent(place)
    tag = get(place, path).headers["etag"]

    assert get(place, path, Range="bytes=0-9", If_Range=tag).status == 206
    assert get(place, path, Range="bytes=0-9", If_Range='"other"').status == 200


def test_parts_count_as_fetches_and_not_as_whole_ones(place: Place) -> None:
    path = sent(place, file_link_fetches=2)
    get(place, path, Range="bytes=1-")
    get(place, path, Range="bytes=1-")

    assert get(place, path, Range="bytes=1-").status == 404
    assert fate(place) == (2, 0)


# --- what is not


def hostile() -> list[str]:
    return [
        "A" * 43, "A" * 42, "A" * 44, "A" * 5000, secrets.token_urlsafe(32), "..%2f..%2fhub.toml", "%00" * 43, "'" * 43,
        "%C3%A9" * 43, "A" * 42 + "%0a", digest_of(PDF), digest_of(PDF)[7:], "*", "%25" * 43, "\\..\\..\\hub.toml",
    ]  # fmt: skip


def test_every_address_that_is_not_good_gets_the_same_answer(place: Place) -> None:
    path = sent(place, file_link_days=1)
    nothing = get(place, "/files/" + secrets.token_urlsafe(32))
    assert nothing.status == 404

    def same(answer: Answer) -> bool:
        without = {name: value for name, value in answer.headers.items() if name != "date"}
        return (answer.status, answer.body) == (404, nothing.body) and without == {
            name: value for name, value in nothing.headers.items() if name != "date"
        }

    for each in hostile():
        assert same(get(place, f"/files/{each}")), each
    # The hash of a name stands in the ledger and in lists: it is no name.
    assert same(get(place, f"/files/{hash_of(name_of(path))}"))
    assert same(get(place, f"/files/{hash_of(name_of(path))[:43]}"))
    place.clock.advance(86_400)
    assert same(get(place, path)), "expired"
    assert place.call("HEAD", path).headers["content-length"] == nothing.headers["content-length"]


def test_what_was_ended_used_up_or_deleted_gets_the_same_answer(place: Place) -> None:
    path = sent(place, file_link_fetches=1)
    assert get(place, path).status == 200
    used_up = get(place, path)
    (link,) = place.links(endpoint="dvcqg")
    assert (used_up.status, link.state) == (404, "used_up")

    _set(place, file_links, fetches=0)
    _set(place, attachments, deleted_at=1.0)
    assert (get(place, path).body, place.links(endpoint="dvcqg")[0].state) == (used_up.body, "deleted")

    _set(place, attachments, deleted_at=None)
    assert get(place, path).status == 200
    _set(place, file_links, fetches=0)
    links.end(place.hub, link.id, actor="an", why="x")
    assert (get(place, path).body, place.links(endpoint="dvcqg")[0].state) == (used_up.body, "ended")


def _set(place: Place, table: Any, **values: Any) -> None:
    place.hub.ledger.change(lambda conn: conn.execute(update(table).values(**values)) and None)


def test_other_methods_do_nothing(place: Place) -> None:
    path = sent(place)
    for method in ("POST", "PUT", "DELETE", "PATCH", "OPTIONS"):
        assert place.call(method, path).status == 405
    assert get(place, path + "/").status == get(place, path + "/x").status == get(place, "/files").status == 404
    assert fate(place) == (0, 0)


def test_of_two_at_once_only_so_many_are_served_as_were_promised(place: Place) -> None:
    path = sent(place, file_link_fetches=3)
    with ThreadPoolExecutor(8) as pool:
        answers = [answer.status for answer in pool.map(lambda _: get(place, path), range(8))]

    assert sorted(set(answers) - {503}) == [200, 404]
    assert answers.count(200) == 3
    place.wait_until_fetched(3)
    assert fate(place) == (3, 3)


def test_only_so_many_fetch_one_file_at_the_same_time(place: Place) -> None:
    path = sent(place, LARGE * 2)
    held = [_begun(place, path) for _ in range(LARGEST_AT_ONCE)]
    try:
        answer = get(place, path)
        assert (answer.status, answer.headers["retry-after"]) == (503, "5")
    finally:
        for connection in held:
            connection.close()


def _begun(place: Place, path: str) -> Any:
    """Begin to fetch, and read the head alone."""
    import socket
    from urllib.parse import urlsplit

    parts = urlsplit(place.server.url)
    connection = socket.create_connection((str(parts.hostname), int(parts.port or 0)), timeout=20)
    connection.sendall(f"GET {path} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
    assert connection.recv(200).startswith(b"HTTP/1.1 200 ")
    return connection


def test_who_hangs_up_has_not_fetched_the_file(place: Place) -> None:
    path = sent(place, LARGE * 2)
    _begun(place, path).close()

    assert get(place, path).status == 200
    place.wait_until_fetched()
    assert fate(place) == (2, 1)


def test_guessing_is_slowed_down_for_whoever_guesses(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(files, "STRANGE_PER_MINUTE", 3)
    place.open(file_links="serve")
    answers = [get(place, "/files/" + secrets.token_urlsafe(32)).status for _ in range(5)]

    assert answers == [404, 404, 404, 429, 429]


def test_one_address_is_called_so_often_and_the_others_are_served(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(files, "CALLS_PER_MINUTE", 3)
    path = sent(place, file_check=False)
    place.send(place.give(b"other"), key="k2", number="H99.07-260302-0099")
    place.carry()

    assert [get(place, path).status for _ in range(5)] == [200, 200, 200, 429, 429]
    assert get(place, path_of(place.told("H99.07-260302-0099")[0])).body == b"other"


def test_an_address_that_has_expired_is_no_guess(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    """A portal that comes late for many files must still get those that are good."""
    monkeypatch.setattr(files, "STRANGE_PER_MINUTE", 3)
    path = sent(place, file_link_days=1)
    place.clock.advance(2 * 86_400)
    assert [get(place, path).status for _ in range(6)] == [404] * 6

    place.send(place.give(b"new"), key="k2", number="H99.07-260302-0099")
    place.carry()
    assert get(place, path_of(place.told("H99.07-260302-0099")[0])).body == b"new"


# --- what is not as it was


@pytest.mark.parametrize("file", [PDF, LARGE])
def test_a_file_that_was_changed_on_the_disk_never_comes_out_whole(place: Place, file: bytes) -> None:
    path = sent(place, file)
    (stored,) = [each for each in (place.folder / "var" / "payloads").rglob("*") if each.is_file()]
    stored.write_bytes(file[:-1] + b"x")

    try:
        answer = get(place, path)
    except Exception as cut:
        assert "IncompleteRead" in type(cut).__name__
    else:
        assert answer.status == 503
    assert fate(place)[1] == 0
    stored.unlink()
    assert get(place, path).status == 503


def test_the_log_has_no_name_in_it(place: Place, capsys: pytest.CaptureFixture[str]) -> None:
    path = sent(place)
    get(place, path)
    get(place, "/files/" + "B" * 43)
    place.wait_until_fetched()
    place.server.stop()

    lines = "".join(capsys.readouterr())
    assert "file.fetched_by_partner" in lines
    assert name_of(path) not in lines and "B" * 43 not in lines


def test_the_counters_say_why(place: Place) -> None:
    def count(outcome: str, endpoint: str = "dvcqg") -> float:
        return float(FILE_FETCHES.labels(endpoint, outcome)._value.get())

    before = {each: count(each) for each in ("begun", "whole", "expired")}
    strange = count("unknown", "unknown")
    path = sent(place, file_link_days=1)
    get(place, path)
    place.wait_until_fetched()
    place.clock.advance(2 * 86_400)
    get(place, path)
    get(place, "/files/x")
    place.server.stop()

    assert {each: count(each) - before[each] for each in before} == {"begun": 1, "whole": 1, "expired": 1}
    assert count("unknown", "unknown") == strange + 1


# --- memory

MANY = 200_000_000
#: What a process may grow by while 200 MB are fetched from elsewhere, kept, and fetched here: buffers, not the file.
MOST_GROWTH_BYTES = 60_000_000
_CHILD = """
import http.client, resource, sys
from dataclasses import replace
from pathlib import Path
from urllib.parse import urlsplit
from adapters.national_portal.simulator import SIMULATOR
from hub.telemetry import configure_logging
from tests.support.clock import Clock
from tests.support.file_place import Place, path_of

configure_logging(json=True, level="ERROR")
url = sys.argv[2]

def peak():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024

def fetch(place, path):
    connection = http.client.HTTPConnection(urlsplit(place.server.url).netloc)
    connection.request("GET", path)
    reply, got = connection.getresponse(), 0
    while some := reply.read(65536):
        got += len(some)
    return got

with SIMULATOR() as portal:
    place = Place(Path(sys.argv[1]), portal, None, Clock())
    place.open(file_links="relay")
    place.send(url + "/small", key="k1", number="H99.07-260302-0001")
    place.carry()
    assert fetch(place, path_of(place.told("H99.07-260302-0001")[0])) == 1
    before = peak()
    place.send(url + "/large", key="k2", number="H99.07-260302-0002")
    place.carry()
    assert fetch(place, path_of(place.told("H99.07-260302-0002")[0])) == int(sys.argv[3])
    print(peak() - before)
    place.close()
"""


@pytest.mark.slow
def test_a_file_of_200_mb_is_relayed_and_fetched_without_being_held(tmp_path: Path) -> None:
    with FileServer() as elsewhere:
        elsewhere.keep("/small", b"x")
        elsewhere.keep("/large", bytes(MANY))
        given = [sys.executable, "-c", _CHILD, str(tmp_path / "config"), elsewhere.url, str(MANY)]
        done = subprocess.run(given, capture_output=True, text=True, check=False)

    assert done.returncode == 0, done.stderr[-3000:]
    assert int(done.stdout) < MOST_GROWTH_BYTES
