"""The wire side: one token for many workers, secrets masked, files streamed, and what surely was not sent."""

from __future__ import annotations

import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from adapters.national_portal_v2 import ADAPTER
from adapters.national_portal_v2.calls import NUMBER, STATUS, UPLOAD
from adapters.national_portal_v2.options import Options, check
from adapters.national_portal_v2.simulator import simulator
from adapters.national_portal_v2.tokens import Tokens
from adapters.national_portal_v2.transport import PortalTransport
from hub.contract import Answering, Outgoing, SendsFiles
from hub.endpoint import Endpoint
from hub.errors import BadSettings, Busy, InDoubt, InvalidMessage, NotSent, Unavailable
from hub.simulation import SimulatorServer
from hub.wire import Wire
from tests.support.memory_files import Store

Connect = Callable[..., PortalTransport]
ASK_NUMBER = Outgoing(service=NUMBER, body=b'{"code":"G99"}', head={"code": "G99", "numbering": "national_portal"})
CONTENT = bytes(range(256)) * 4_000 + b"\r\n--x--\r\n"


def free() -> None:
    """Let the call go."""


def upload(store: Store, name: str = 'tờ "khai".pdf') -> Outgoing:
    digest = next(iter(store.contents))
    return Outgoing(service=UPLOAD, body=json.dumps({"digest": digest, "name": name}).encode(), head={"file": digest})


# --- the token ---------------------------------------------------------------------------------------------------


def test_one_token_serves_many_workers(portal: SimulatorServer, connect: Connect) -> None:
    transport = connect(portal)
    with ThreadPoolExecutor(8) as workers:
        replies = list(workers.map(lambda _: transport.send(ASK_NUMBER, free), range(24)))

    assert [reply.status for reply in replies] == [200] * 24
    assert len({json.loads(reply.body)["value"] for reply in replies}) == 24
    assert portal.account()["tokens"] == 1


def test_many_workers_whose_token_ended_draw_few_new_ones(connect: Connect) -> None:
    with simulator(token_uses=5) as portal:
        transport = connect(portal)
        with ThreadPoolExecutor(4) as workers:
            replies = list(workers.map(lambda _: _sent_at_last(transport), range(20)))

        assert [reply.status for reply in replies] == [200] * 20
        assert portal.account()["tokens"] <= 12


def _sent_at_last(transport: Any) -> Any:
    """Send as the hub does: a token that others used up meanwhile is "not sent", and it comes again."""
    while True:
        try:
            return transport.send(ASK_NUMBER, free)
        except NotSent:
            continue


def test_a_token_that_the_portal_refuses_is_made_anew_once_and_the_call_sent_again(
    portal: SimulatorServer, connect: Connect
) -> None:
    transport = connect(portal)
    transport.send(ASK_NUMBER, free)
    portal.faults.add("expire_token")

    assert transport.send(ASK_NUMBER, free).status == 200
    assert portal.account()["tokens"] == 2
    assert len(portal.account()["drawn"]) == 2


def test_a_token_that_is_refused_again_is_not_sent(portal: SimulatorServer, connect: Connect) -> None:
    portal.faults.add("expire_token", times=2)

    with pytest.raises(NotSent) as told:
        connect(portal).send(ASK_NUMBER, free)

    assert told.value.reply_status == 401 and told.value.sent
    assert portal.account()["drawn"] == []


def test_a_token_is_renewed_before_its_end() -> None:
    drawn: list[float] = []
    now = [0.0]

    def draw(deadline: float) -> tuple[str, float]:
        drawn.append(now[0])
        return f"T{len(drawn)}", 60.0

    tokens = Tokens(draw=draw, clock=lambda: now[0])
    assert [tokens.get(100.0), tokens.get(100.0)] == ["T1", "T1"]
    now[0] = 59.9
    assert tokens.get(100.0) == "T1"
    now[0] = 60.0
    assert tokens.get(100.0) == "T2"
    assert tokens.get(100.0, refused="T1") == "T2"
    assert tokens.get(100.0, refused="T2") == "T3"


@pytest.mark.parametrize(
    ("said", "seconds"),
    [(3600, 3570.0), ("3600", 3570.0), (40, 20.0), (10**9 - 1, 86_370.0), (None, 570.0), (True, 570.0), ("x", 570.0)],
)
def test_expires_in_is_read_leniently_and_a_margin_is_left(
    wire: Wire, endpoint: Callable[..., Endpoint], said: object, seconds: float
) -> None:
    transport = PortalTransport(endpoint("http://127.0.0.1:9"), wire)

    assert transport._good_seconds(said) == seconds


def test_the_token_may_be_asked_for_as_a_form(portal: SimulatorServer, connect: Connect) -> None:
    assert connect(portal, grant_format="form").send(ASK_NUMBER, free).status == 200


@pytest.mark.parametrize("secret", ["wrong", "invented"])
def test_what_goes_wrong_with_the_token_is_not_sent(portal: SimulatorServer, connect: Connect, secret: str) -> None:
    if secret == "invented":
        portal.faults.add("hang_before", match="/token", value=0.0)

    with pytest.raises(NotSent) as told:
        connect(portal, client_secret=secret).send(ASK_NUMBER, free)

    assert not isinstance(told.value, InDoubt)
    assert portal.account()["drawn"] == []


# --- what is kept ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("place", ["header", "query"])
def test_no_token_and_no_secret_stands_in_what_is_kept(connect: Connect, place: str) -> None:
    with simulator(bearer_in=place) as portal:
        reply = connect(portal, bearer_in=place).send(ASK_NUMBER, free)

    assert reply.status == 200
    assert b"T-TEST" not in reply.sent and b"invented" not in reply.sent
    assert b"***" in reply.sent
    assert b"/api/SoTiepTheo?code=G99" in reply.sent


def test_a_lost_answer_is_in_doubt_and_says_what_went(portal: SimulatorServer, connect: Connect) -> None:
    portal.faults.add("hang_after", match="/SoTiepTheo", value=0.0)

    with pytest.raises(InDoubt) as told:
        connect(portal).send(ASK_NUMBER, free)

    assert b"code=G99" in told.value.sent and b"T-TEST" not in told.value.sent
    assert "T-TEST" not in told.value.en + told.value.vi


def test_the_fence_stops_a_call_before_its_first_byte(portal: SimulatorServer, connect: Connect) -> None:
    def closed() -> None:
        raise NotSent("lapsed", "hết hạn")

    with pytest.raises(NotSent):
        connect(portal).send(ASK_NUMBER, closed)

    assert portal.account()["drawn"] == []


# --- files -------------------------------------------------------------------------------------------------------


def test_a_file_goes_as_one_part_named_files_piece_by_piece(portal: SimulatorServer, connect: Connect) -> None:
    transport, store = connect(portal), Store(CONTENT)
    assert isinstance(transport, SendsFiles)
    transport.use_files(store)

    reply = transport.send(upload(store), free)
    receipt = ADAPTER.read_receipt(reply, upload(store))

    digest = next(iter(store.contents))
    assert receipt.held[f"hash:{digest}"] == digest.removeprefix("sha256:")
    assert all(file.closed for file in store.opened)
    assert len(reply.sent) < 1_000 and digest.encode() in reply.sent


def test_a_file_is_opened_again_when_the_token_was_refused(portal: SimulatorServer, connect: Connect) -> None:
    transport, store = connect(portal), Store(CONTENT)
    transport.use_files(store)
    portal.faults.add("expire_token", match="/TaiTepTin")

    assert transport.send(upload(store), free).status == 200
    assert portal.account()["files"] == 1


def test_a_file_that_nobody_has_is_the_senders_to_give(portal: SimulatorServer, connect: Connect) -> None:
    transport = connect(portal)
    transport.use_files(Store())

    with pytest.raises(InvalidMessage):
        transport.send(upload(Store(CONTENT)), free)

    assert portal.account()["calls"] == {}


@pytest.mark.parametrize("after", [0, 3])
def test_a_store_that_does_not_answer_is_not_sent(portal: SimulatorServer, connect: Connect, after: int) -> None:
    transport, store = connect(portal), Store(CONTENT)
    transport.use_files(store)
    opened = store.open

    def failing(digest: str) -> object:
        file = opened(digest)
        assert file is not None
        read, count = file.read, [0]

        def broken() -> bytes:
            count[0] += 1
            if count[0] > after:
                raise Unavailable("no store", "kho tệp hỏng")
            return read()

        file.read = broken  # type: ignore[method-assign]
        return file

    store.open = failing  # type: ignore[method-assign,assignment]
    with pytest.raises(NotSent):
        transport.send(upload(store), free)

    assert portal.account()["files"] == 0


@pytest.mark.parametrize("name", ["a.pdf", "tờ khai.pdf", 'a"b.pdf', "a\r\nb: c.pdf", "../../etc/passwd", "x" * 3_000])
def test_a_name_never_breaks_out_of_its_header(portal: SimulatorServer, connect: Connect, name: str) -> None:
    transport, store = connect(portal), Store(CONTENT)
    transport.use_files(store)

    assert transport.send(upload(store, name), free).status == 200


# --- what an operator sees ---------------------------------------------------------------------------------------


def test_a_test_message_draws_no_number(portal: SimulatorServer, connect: Connect) -> None:
    transport = connect(portal)
    assert isinstance(transport, Answering)

    assert [name for name, _, _ in transport.ping()] == ["authenticated", "answered"]
    assert transport.address.endswith("/api/")
    assert "token" in transport.probe()
    assert portal.account()["drawn"] == []


def test_nobody_can_be_asked(portal: SimulatorServer, connect: Connect, message: Callable[..., object]) -> None:
    with pytest.raises(NotSent):
        connect(portal).ask(Outgoing(service=STATUS, body=b"[]"), message())  # type: ignore[arg-type]


def test_a_busy_portal_says_how_long(portal: SimulatorServer, connect: Connect) -> None:
    portal.faults.add("status", match="/SoTiepTheo", value=503)

    with pytest.raises(Busy):
        connect(portal).send(ASK_NUMBER, free)


@pytest.mark.parametrize("name", ["base_url", "client_id", "client_secret", "agency_code"])
def test_an_endpoint_that_cannot_speak_is_refused_with_what_is_missing(
    wire: Wire, endpoint: Callable[..., Endpoint], name: str
) -> None:
    with pytest.raises(BadSettings) as told:
        PortalTransport(endpoint("http://127.0.0.1:9", **{name: ""}), wire)

    assert f"options.{name}" in told.value.en


@pytest.mark.parametrize("name", [name for name in Options.model_fields if name.endswith("_path")])
def test_every_path_is_said_to_be_assumed(name: str) -> None:
    assert "assumed" in str(Options.model_fields[name].description).lower()


def test_check_tells_what_is_assumed_and_what_is_not_right() -> None:
    assert all("assumed" in line for line in check(Options(agency_code="000.00.00.G99")))
    assert [line for line in check(Options()) if "assumed" not in line] == [check(Options())[-1]]
    assert any("options.numbering" in line for line in check(Options()))
    assert not any("options.numbering" in line for line in check(Options(numbering="dvcqg_v2")))
