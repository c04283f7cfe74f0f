"""Publishing to a partner's broker: a confirm is a receipt; what is surely not there is told from what may be."""

from __future__ import annotations

import os
import signal
import socket
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from hub.contract import Outgoing
from hub.errors import BadSettings, Busy, InDoubt, NotAllowed, NotSent, Refused
from tests.amqp.conftest import Make, lines_at
from tests.support import rabbit
from tests.support.amqp_partner import Cuttable, Partner
from tests.support.rabbit import PASSWORD, USER, Node
from tests.support.tls import Authority

OUTGOING = Outgoing(service="GuiHoSo", body=b'{"soHoSo":"H01-1"}', head={"jws": "a..b"}, message_id="7d0f5b1e-2c3a")


def no_fence() -> None:
    """Let the message go."""


def fenced() -> None:
    raise NotSent("the claim has lapsed", "quyền xử lý đã hết hạn", where="lease")


# --- taken -----------------------------------------------------------------------------------------------------------


def test_a_confirm_is_the_receipt_and_the_message_is_there_as_it_was_written(partner: Partner, connect: Make) -> None:
    queue = partner.queue("in")

    reply = connect(publish_routing_key=queue).send(OUTGOING, no_fence)

    (message,) = partner.take(queue)
    assert (reply.handed_over, reply.status, reply.body) == (True, 200, b"basic.ack")
    assert bytes(message.body) == OUTGOING.body
    assert message.properties["message_id"] == OUTGOING.message_id
    assert message.properties["type"] == "GuiHoSo"
    assert message.properties["content_type"] == "application/json"
    assert message.properties["delivery_mode"] == 2
    assert message.properties["application_headers"] == {"X-JWS-Signature": "a..b"}


def test_the_record_shows_what_went_without_the_password(partner: Partner, connect: Make) -> None:
    queue = partner.queue("in")

    reply = connect(publish_routing_key=queue).send(OUTGOING, no_fence)

    head, _, body = reply.sent.partition(b"\r\n\r\n")
    assert body == OUTGOING.body
    assert queue.encode() in head and OUTGOING.message_id.encode() in head and b"X-JWS-Signature: a..b" in head
    assert PASSWORD.encode() not in reply.sent


def test_a_line_is_used_again(partner: Partner, connect: Make) -> None:
    queue = partner.queue("in")
    transport = connect(publish_routing_key=queue)

    for _ in range(5):
        transport.send(OUTGOING, no_fence)

    assert len(partner.take(queue)) == 5
    assert lines_at(partner, transport) == 1


def test_a_large_message_arrives_whole(partner: Partner, connect: Make) -> None:
    queue = partner.queue("in")
    body = os.urandom(5_000_000)

    connect(publish_routing_key=queue).send(Outgoing(service="x", body=body, message_id="m"), no_fence)

    (message,) = partner.take(queue)
    assert bytes(message.body) == body


def test_an_exchange_of_the_partners_leads_to_its_queues(partner: Partner, connect: Make) -> None:
    first, second = partner.queue("a"), partner.queue("b")

    connect(publish_exchange=partner.exchange("x", first, second)).send(OUTGOING, no_fence)

    assert (len(partner.take(first)), len(partner.take(second))) == (1, 1)


# --- surely not taken ------------------------------------------------------------------------------------------------


def test_what_no_queue_takes_is_not_sent(partner: Partner, connect: Make) -> None:
    with pytest.raises(NotSent) as told:
        connect(publish_routing_key="nowhere").send(OUTGOING, no_fence)

    assert told.value.partner_code == "312"
    assert told.value.sent.endswith(OUTGOING.body)
    assert told.value.reply == b"basic.return 312 NO_ROUTE"


def test_a_full_queue_is_busy_and_takes_again_when_there_is_room(partner: Partner, connect: Make) -> None:
    queue = partner.queue("in", **{"x-max-length": 1, "x-overflow": "reject-publish"})
    transport = connect(publish_routing_key=queue)
    transport.send(OUTGOING, no_fence)

    with pytest.raises(Busy) as told:
        transport.send(OUTGOING, no_fence)
    assert (told.value.partner_code, told.value.reply) == ("nack", b"basic.nack")
    assert len(partner.take(queue)) == 1

    assert transport.send(OUTGOING, no_fence).handed_over
    assert len(partner.take(queue)) == 1


def test_a_nack_is_a_doubt_where_other_queues_may_have_it(partner: Partner, connect: Make) -> None:
    full, free = partner.queue("full", **{"x-max-length": 0, "x-overflow": "reject-publish"}), partner.queue("free")
    exchange = partner.exchange("x", full, free)

    with pytest.raises(InDoubt):
        connect(publish_exchange=exchange, nack_proves=False).send(OUTGOING, no_fence)

    # The reason for the setting: one of two queues did take it.
    assert len(partner.take(free)) == 1


def test_an_exchange_that_is_not_there_is_not_sent(connect: Make) -> None:
    with pytest.raises(NotSent) as told:
        connect(publish_exchange="nobody").send(OUTGOING, no_fence)

    assert told.value.partner_code == "404"
    assert "không có exchange" in told.value.vi and "no such exchange" in told.value.en


def test_a_missing_permission_is_not_sent(partner: Partner, connect: Make) -> None:
    """RabbitMQ answers 403 and ends the conversation; it looked at permissions before it looked at the message."""
    node, queue = partner.node, partner.queue("in")
    node.erlang('rabbit_auth_backend_internal:add_user(<<"guest2">>, <<"pw">>, <<"tests">>).')
    node.erlang('rabbit_auth_backend_internal:set_permissions(<<"guest2">>, <<"/">>, <<"^$">>, <<"^$">>, <<".*">>, <<"tests">>).')
    try:
        with pytest.raises(NotSent) as told:
            connect(node.url.replace(USER, "guest2"), password="pw", publish_routing_key=queue).send(OUTGOING, no_fence)
    finally:
        node.erlang('rabbit_auth_backend_internal:delete_user(<<"guest2">>, <<"tests">>).')

    assert told.value.partner_code == "403"
    assert partner.take(queue) == []


def test_a_wrong_password_is_not_sent_and_is_named(partner: Partner, connect: Make) -> None:
    with pytest.raises(NotSent) as told:
        connect(password="wrong", publish_routing_key=partner.queue("in")).send(OUTGOING, no_fence)

    assert told.value.partner_code == "403"
    assert "password" in told.value.en and "mật khẩu" in told.value.vi
    assert "wrong" not in told.value.en.replace("is wrong", "") + told.value.vi


def test_a_vhost_that_is_not_there_is_not_sent(partner: Partner, connect: Make) -> None:
    with pytest.raises(NotSent) as told:
        connect(f"{partner.node.url}/none", publish_routing_key="q").send(OUTGOING, no_fence)

    assert told.value.partner_code == "530"


def test_nobody_listening_is_not_sent(connect: Make) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]

    with pytest.raises(NotSent):
        connect(f"amqp://x@127.0.0.1:{port}", publish_routing_key="q").send(OUTGOING, no_fence)


def test_a_listener_that_says_nothing_is_not_sent_when_the_deadline_has_passed(connect: Make) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"amqp://x@127.0.0.1:{silent.getsockname()[1]}"

        with pytest.raises(NotSent):
            connect(url, publish_routing_key="q", deadline_seconds=0.2).send(OUTGOING, no_fence)


def test_the_fence_holds_the_message_back(partner: Partner, connect: Make) -> None:
    queue = partner.queue("in")
    transport = connect(publish_routing_key=queue)

    with pytest.raises(NotSent) as told:
        transport.send(OUTGOING, fenced)

    assert told.value.where == "lease"
    assert not told.value.sent
    assert transport.send(OUTGOING, no_fence).handed_over
    assert len(partner.take(queue)) == 1


def test_a_line_that_was_cut_while_it_idled_is_made_anew(partner: Partner, wire: Cuttable, connect: Make) -> None:
    queue = partner.queue("in")
    transport = connect(wire.url, publish_routing_key=queue)
    transport.send(OUTGOING, no_fence)

    wire.cut()

    assert transport.send(OUTGOING, no_fence).handed_over
    assert len(partner.take(queue)) == 2


def test_a_message_that_the_broker_finds_too_large_is_refused(mortal: Node, connect: Make) -> None:
    partner = Partner(mortal)

    with pytest.raises(Refused) as told:
        connect(mortal.url, publish_routing_key=partner.queue("in")).send(Outgoing(service="x", body=bytes(70_000)), no_fence)

    assert told.value.partner_code == "406"


# --- may be there ----------------------------------------------------------------------------------------------------


def test_a_line_cut_after_the_message_left_is_a_doubt(partner: Partner, wire: Cuttable, connect: Make) -> None:
    queue = partner.queue("in")
    wire.at(OUTGOING.message_id.encode(), wire.cut)

    with pytest.raises(InDoubt) as told:
        connect(wire.url, publish_routing_key=queue).send(OUTGOING, no_fence)

    assert told.value.sent.endswith(OUTGOING.body)
    assert told.value.reply == b""


def test_a_broker_killed_after_the_message_left_is_a_doubt_and_before_it_is_not_sent(mortal: Node, connect: Make) -> None:
    """The same kill, a moment earlier or later."""
    partner = Partner(mortal)
    queue = partner.queue("in")
    wire = Cuttable(mortal.port)
    transport = connect(wire.url, publish_routing_key=queue)
    transport.send(OUTGOING, no_fence)
    wire.at(OUTGOING.message_id.encode(), mortal.kill)
    try:
        with pytest.raises(InDoubt):
            transport.send(OUTGOING, no_fence)
        with pytest.raises(NotSent):
            transport.send(OUTGOING, no_fence)
        mortal.start()
        assert transport.send(OUTGOING, no_fence).handed_over
    finally:
        wire.close()
    assert len(partner.take(queue)) in (2, 3)


def test_a_broker_that_stands_still_is_a_doubt_when_the_deadline_has_passed(mortal: Node, connect: Make) -> None:
    partner = Partner(mortal)
    transport = connect(mortal.url, publish_routing_key=partner.queue("in"), deadline_seconds=2.0)
    assert mortal._server is not None
    pid = mortal._server.pid

    try:
        with pytest.raises(InDoubt):
            transport.send(OUTGOING, lambda: os.kill(pid, signal.SIGSTOP))
    finally:
        os.kill(pid, signal.SIGCONT)


def test_a_broker_without_memory_leaves_one_doubt_and_is_busy_until_it_has_some(mortal: Node, connect: Make) -> None:
    """It says so only to who has published; what that one published is taken later, also from a line that has ended."""
    partner = Partner(mortal)
    queue = partner.queue("in")
    transport = connect(mortal.url, publish_routing_key=queue, deadline_seconds=1.0)

    with mortal.out_of_memory():
        with pytest.raises(InDoubt):
            transport.send(OUTGOING, no_fence)
        for _ in range(3):
            with pytest.raises(Busy) as told:
                transport.send(OUTGOING, no_fence)
            assert told.value.partner_code == "blocked"

    rabbit.wait_until(lambda: not transport._lines.blocked())
    assert transport.send(OUTGOING, no_fence).handed_over
    rabbit.wait_until(lambda: partner.stands(queue) == (2, 0))


# --- asking, probing, settings ---------------------------------------------------------------------------------------


def test_a_broker_cannot_be_asked(connect: Make) -> None:
    with pytest.raises(NotAllowed):
        connect(publish_routing_key="q").ask(OUTGOING, None)  # type: ignore[arg-type]


def test_a_probe_sees_the_queue_or_exchange_and_publishes_nothing(partner: Partner, connect: Make) -> None:
    queue = partner.queue("in")

    assert queue in connect(publish_routing_key=queue).probe()
    assert "x-" in connect(publish_exchange=partner.exchange("x", queue)).probe()
    assert partner.take(queue) == []


@pytest.mark.parametrize("keys", [{"publish_routing_key": "none"}, {"publish_exchange": "none"}])
def test_a_probe_names_what_is_missing(connect: Make, keys: dict[str, str]) -> None:
    with pytest.raises(NotSent) as told:
        connect(**keys).probe()

    assert told.value.partner_code == "404"


# --- TLS -------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Tls:
    """Files of the mortal broker's TLS side, which asks for our certificate."""

    port: int
    ca: Path
    certificate: Path
    key: Path

    @property
    def url(self) -> str:
        return f"amqps://{USER}@127.0.0.1:{self.port}"

    @property
    def keys(self) -> dict[str, str]:
        return {"ca": str(self.ca), "certificate": str(self.certificate), "key": str(self.key)}


def test_a_broker_that_asks_for_our_certificate_gets_it(mortal: Node, tls: Tls, connect: Make) -> None:
    partner = Partner(mortal)
    queue = partner.queue("in")

    assert connect(tls.url, publish_routing_key=queue, **tls.keys).send(OUTGOING, no_fence).handed_over

    assert len(partner.take(queue)) == 1


def test_without_our_certificate_nothing_is_sent(mortal: Node, tls: Tls, connect: Make) -> None:
    with pytest.raises(NotSent):
        connect(tls.url, publish_routing_key="q", ca=str(tls.ca)).send(OUTGOING, no_fence)


def test_a_broker_whose_certificate_nobody_vouches_for_is_sent_nothing(mortal: Node, tls: Tls, connect: Make) -> None:
    """Not even the password."""
    with pytest.raises(NotSent) as told:
        connect(tls.url, publish_routing_key="q").send(OUTGOING, no_fence)

    assert "certificate verify failed" in told.value.en


def test_a_broker_under_another_name_is_sent_nothing(mortal: Node, tls: Tls, connect: Make) -> None:
    with pytest.raises(NotSent) as told:
        connect(tls.url.replace("127.0.0.1", "localhost"), publish_routing_key="q", **tls.keys).send(OUTGOING, no_fence)

    assert "Hostname mismatch" in told.value.en


def test_files_that_are_no_certificates_are_told_at_once(tmp_path: Path, connect: Make) -> None:
    rubbish = tmp_path / "ca.pem"
    rubbish.write_text("rubbish")

    with pytest.raises(BadSettings) as told:
        connect("amqps://u@127.0.0.1", publish_routing_key="q", ca=str(rubbish))

    assert "không đọc được" in told.value.vi


@pytest.fixture(scope="module")
def tls(tmp_path_factory: pytest.TempPathFactory) -> Tls:
    authority = Authority(tmp_path_factory.mktemp("tls"))
    authority.issue("broker")
    certificate, key = authority.issue("hub")
    with socket.create_server(("127.0.0.1", 0)) as free:
        return Tls(free.getsockname()[1], authority.ca, certificate, key)


@pytest.fixture(scope="module")
def mortal(tls: Tls) -> Iterator[Node]:
    """A broker of this module's own, which may be killed; it takes no message above 64 KiB, and speaks TLS as well."""
    rabbit.shared()  # skips where there is no RabbitMQ
    folder = tls.ca.parent
    node = Node(
        f"max_message_size = 65536\nlisteners.ssl.local = 127.0.0.1:{tls.port}\n"
        f"ssl_options.cacertfile = {tls.ca}\nssl_options.certfile = {folder / 'broker.pem'}\n"
        f"ssl_options.keyfile = {folder / 'broker.key'}\nssl_options.verify = verify_peer\n"
        "ssl_options.fail_if_no_peer_cert = true\n"
    )
    node.start()
    yield node
    node.close()
