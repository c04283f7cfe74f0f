"""Calls to the simulated portal: session, headers, faults, look-ups, catalogue."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from adapters.national_portal import ADAPTER
from adapters.national_portal.options import Options
from adapters.national_portal.outbound import plan, write_message
from adapters.national_portal.receipts import read_finding, read_receipt
from adapters.national_portal.samples.generator import procedure_code, procedure_record
from adapters.national_portal.simulator import simulator
from hub.canonical.procedure import Procedure, ProcedureMessage
from hub.contract import Call, Outgoing, ProcedureHolder
from hub.endpoint import Endpoint
from hub.errors import BadSettings, Busy, InDoubt, InvalidMessage, NotSent, Refused
from hub.simulation import Call as HttpCall
from hub.simulation import Said, SimulatorServer
from hub.wire import Wire
from tests.support.raw_partner import HALF, RawPartner, answering, closing, request_of

NUMBER = "H99.07-260105-0012"
RECORD = Call(service="DongBoHoSoMC")


def no_fence() -> None:
    """Let every call go."""


# --- sending -----------------------------------------------------------------------------------------------------


def test_a_record_and_its_rows_arrive(portal: SimulatorServer, connect: Any, message: Any, writing: Any) -> None:
    transport = connect(portal)
    told, options = message(statuses="1 2 4 5 4"), Options(madonvi="H99", rows_per_call=3)

    for call in plan(told, options):
        outgoing = write_message(told, call, writing())
        assert read_receipt(transport.send(outgoing, no_fence), outgoing).code == "0"

    kept = portal.account()["dossiers"][NUMBER]
    assert kept["versions"] == [{"TrangThaiHoSo": "4", "isUpdating": "False"}]
    assert [row["TrangThai"] for row in kept["rows"]] == ["2", "4", "5", "4"]
    assert portal.account()["calls"] == {"mapi/login": 1, "DongBoHoSoMC": 1, "CapNhatTienDoHoSoMC": 2}


def test_the_bytes_kept_are_those_that_went_without_the_session(portal: SimulatorServer, connect: Any, record: Any) -> None:
    outgoing = record()

    sent = connect(portal).send(outgoing, no_fence).sent

    assert b'{"session":"***",' + outgoing.body[1:] == sent


def test_a_second_write_says_it_exists_and_an_update_is_taken(portal: SimulatorServer, connect: Any, record: Any) -> None:
    transport = connect(portal)
    transport.send(record(), no_fence)

    again = read_receipt(transport.send(record(), no_fence), record())
    update = record(held=again.held)

    assert again.already
    assert update.variant == "update"
    assert not read_receipt(transport.send(update, no_fence), update).already
    assert [version["isUpdating"] for version in portal.account()["dossiers"][NUMBER]["versions"]] == ["False", "True"]


def test_a_refusal_stores_nothing(connect: Any, record: Any) -> None:
    with simulator(refuse_procedures=["1.009999"]) as portal:
        reply = connect(portal).send(record(), no_fence)

        with pytest.raises(Refused, match=r"1\.009999"):
            read_receipt(reply, record())
        assert portal.account()["dossiers"] == {}


def test_a_status_of_a_dossier_born_there_goes_back(portal: SimulatorServer, connect: Any, message: Any, writing: Any) -> None:
    portal.verbs["born"]({"number": "G99.01-260302-0001"})
    told = message(statuses="2 4", other_codes={"national_portal": "G99.01-260302-0001"})
    for shape in ("list", "object"):
        outgoing = write_message(told, Call(service="DongBoTrangThaiHoSo"), writing(status_data=shape))
        read_receipt(connect(portal).send(outgoing, no_fence), outgoing)

    assert [row["TrangThai"] for row in portal.account()["born"]["G99.01-260302-0001"]] == ["4", "4"]


# --- the fence ---------------------------------------------------------------------------------------------------


class ClaimLost(Exception):
    """What the ledger's fence raises."""


def test_nothing_leaves_when_the_claim_is_lost(portal: SimulatorServer, connect: Any, record: Any) -> None:
    def lost() -> None:
        raise ClaimLost

    with pytest.raises(ClaimLost):
        connect(portal).send(record(), lost)

    assert portal.account()["calls"] == {"mapi/login": 1}


def test_the_fence_stands_before_the_business_call_and_not_before_the_log_in(
    portal: SimulatorServer, connect: Any, record: Any
) -> None:
    seen: list[dict[str, int]] = []

    connect(portal).send(record(), lambda: seen.append(portal.account()["calls"]))

    assert seen == [{"mapi/login": 1}]


# --- failures ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["hang_before", "hang_after"])
def test_no_answer_after_the_call_left_is_in_doubt(portal: SimulatorServer, connect: Any, record: Any, kind: str) -> None:
    portal.faults.add(kind, value=0, match="DongBoHoSoMC")

    with pytest.raises(InDoubt):
        connect(portal).send(record(), no_fence)

    assert (kind == "hang_after") == (NUMBER in portal.account()["dossiers"])


def test_the_deadline_passing_after_storing_is_in_doubt_and_the_look_up_settles_it(
    portal: SimulatorServer, connect: Any, record: Any, message: Any
) -> None:
    portal.faults.add("hang_after", value=10, match="DongBoHoSoMC")

    with pytest.raises(InDoubt):
        connect(portal, deadline=2).send(record(), no_fence)
    found = read_finding(connect(portal).ask(record(), message()), record())

    assert (found.outcome, found.held) == ("found", {"record": "yes"})


def test_the_look_up_says_that_a_dossier_is_absent(portal: SimulatorServer, connect: Any, record: Any, message: Any) -> None:
    assert read_finding(connect(portal).ask(record(), message()), record()).outcome == "absent"


@pytest.mark.parametrize("kind", ["hang_before", "hang_after"])
def test_a_log_in_without_answer_is_surely_not_sent(portal: SimulatorServer, connect: Any, record: Any, kind: str) -> None:
    portal.faults.add(kind, value=0, match="mapi/login")

    with pytest.raises(NotSent):
        connect(portal).send(record(), no_fence)

    assert portal.account()["dossiers"] == {}


@pytest.mark.parametrize("where", ["mapi/login", "DongBoHoSoMC"])
def test_a_busy_portal_says_how_long_to_wait(portal: SimulatorServer, connect: Any, record: Any, where: str) -> None:
    portal.faults.add("busy", value=120, match=where)

    with pytest.raises(Busy) as caught:
        connect(portal).send(record(), no_fence)

    assert caught.value.retry_after == 120.0
    assert portal.account()["dossiers"] == {}


LOGGED_IN = b'{"error_code":"0","session":"S-1"}'
LOG_IN_REPLY = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(LOGGED_IN), LOGGED_IN)


def test_a_doubt_keeps_what_went_without_the_session_and_what_came(connect: Any, record: Any) -> None:
    def script(connection: Any) -> None:
        request_of(connection)
        connection.sendall(LOG_IN_REPLY)
        closing(HALF)(connection)

    outgoing = record()
    with RawPartner(script) as portal, pytest.raises(InDoubt) as caught:
        connect(portal).send(outgoing, no_fence)

    assert caught.value.sent == b'{"session":"***",' + outgoing.body[1:]
    assert (caught.value.reply, caught.value.reply_status) == (HALF, 0)


def test_a_log_in_that_failed_leaves_nothing_of_itself(connect: Any, record: Any) -> None:
    """Its bytes hold the password, and its reply may hold a session; no byte of the business call left."""
    with RawPartner(closing(LOG_IN_REPLY[:-1])) as portal, pytest.raises(NotSent) as caught:
        connect(portal).send(record(), no_fence)

    assert (caught.value.sent, caught.value.reply) == (b"", b"")


def test_a_session_refused_twice_keeps_what_went_and_what_came(connect: Any, record: Any) -> None:
    refusal = b"HTTP/1.1 401 Unauthorized\r\nContent-Length: 2\r\n\r\nno"
    outgoing = record()
    with RawPartner(answering(LOG_IN_REPLY, refusal, LOG_IN_REPLY, refusal)) as portal, pytest.raises(NotSent) as caught:
        connect(portal).send(outgoing, no_fence)

    assert caught.value.sent == b'{"session":"***",' + outgoing.body[1:]
    assert (caught.value.reply, caught.value.reply_status) == (b"no", 401)


def test_an_unreadable_answer_is_in_doubt(portal: SimulatorServer, connect: Any, record: Any) -> None:
    portal.faults.add("malformed", match="DongBoHoSoMC")

    reply = connect(portal).send(record(), no_fence)

    with pytest.raises(InDoubt):
        read_receipt(reply, record())


def test_a_portal_that_is_not_there_is_not_sent(connect: Any, record: Any) -> None:
    gone = simulator()
    gone.start().stop()

    with pytest.raises(NotSent):
        connect(gone).send(record(), no_fence)


# --- what goes over the wire -------------------------------------------------------------------------------------


@pytest.fixture
def recorder() -> Iterator[tuple[SimulatorServer, list[HttpCall]]]:
    """A server that keeps every call, and answers that all is well."""
    calls: list[HttpCall] = []

    def handle(call: HttpCall) -> Said:
        calls.append(call)
        return Said(b'{"error_code":"0","session":"S-1","result":[]}')

    with SimulatorServer("recorder", handle) as server:
        yield server, calls


def test_headers_and_bodies(connect: Any, recorder: Any, record: Any) -> None:
    server, calls = recorder
    outgoing = record()

    connect(server).send(outgoing, no_fence)

    log_in, business = calls
    assert json.loads(log_in.body) == {"username": "H99", "password": "invented"}
    assert b'{"session":"S-1",' + outgoing.body[1:] == business.body
    for call in calls:
        names = ("accept", "content-type", "charset", "dstcode")
        expected = ("application/json", "application/json", "utf-8", "VN:GOV:000.00.00.G22:vpcpdvcprovider")
        assert expected == tuple(call.headers.get(name) for name in names)
        assert call.query == {}
    assert "x-jws-signature" not in business.headers


def test_destination_and_back_end_in_the_query(connect: Any, recorder: Any, record: Any) -> None:
    server, calls = recorder

    connect(server, dstcode="VN:X", dstcode_in="query", providerurl="http://a/b?c").send(record(), no_fence)

    assert [call.query for call in calls] == [{"dstcode": "VN:X", "providerurl": "http://a/b?c"}] * 2
    assert all("dstcode" not in call.headers for call in calls)


def test_no_destination_where_there_is_none(connect: Any, recorder: Any, record: Any) -> None:
    server, calls = recorder

    connect(server, dstcode="").send(record(), no_fence)

    assert all("dstcode" not in call.headers and not call.query for call in calls)


def test_paths_are_the_endpoints(connect: Any, recorder: Any, record: Any) -> None:
    server, calls = recorder
    transport = connect(server, base_url=f"{server.url}/VXPAdapter/", login_path="/a/login", service_path="b/g", share_path="c/g")

    transport.send(record(), no_fence)
    transport.list_procedures()

    assert [call.path for call in calls] == ["/VXPAdapter/a/login", "/VXPAdapter/b/g", "/VXPAdapter/c/g"]


def test_a_detached_signature_goes_in_its_header(connect: Any, recorder: Any) -> None:
    server, calls = recorder

    connect(server).send(Outgoing(service="DongBoHoSoMC", body=b'{"a":1}', head={"jws": "x..y"}), no_fence)

    assert [call.headers.get("x-jws-signature") for call in calls] == [None, "x..y"]


def test_an_unknown_destination_is_not_sent(connect: Any, record: Any) -> None:
    with simulator(dstcode="VN:OTHER") as portal, pytest.raises(NotSent):
        connect(portal).send(record(), no_fence)


# --- catalogue ---------------------------------------------------------------------------------------------------


def test_the_catalogue_is_listed_and_read_one_by_one(portal: SimulatorServer, connect: Any) -> None:
    holder = connect(portal)

    assert isinstance(holder, ProcedureHolder)
    assert [procedure_code(number) for number in range(1, 21)] == holder.list_procedures()
    found = holder.procedure(procedure_code(3))
    assert (procedure_code(3), "Thủ tục thử nghiệm 3") == (found.code, found.name)
    assert procedure_record(1, 3)["THANHPHANHOSO"] == found.details["THANHPHANHOSO"]
    assert holder.procedure("9.999999") is None


def test_a_procedure_that_was_written_is_found(portal: SimulatorServer, connect: Any, writing: Any) -> None:
    transport = connect(portal)
    told = ProcedureMessage(owner="G99", procedure=Procedure(code="1.000001", name="Mới"))
    outgoing = write_message(told, Call(service="DongBoTTHC"), writing())
    before = read_finding(transport.ask(outgoing, told), outgoing)

    read_receipt(transport.send(outgoing, no_fence), outgoing)

    assert (before.outcome, read_finding(transport.ask(outgoing, told), outgoing).outcome) == ("absent", "found")
    assert transport.procedure("1.000001").name == "Mới"


def test_whether_procedures_can_be_written_is_an_option(portal: SimulatorServer, connect: Any) -> None:
    assert connect(portal).writes_procedures
    assert not connect(portal, write_procedure_service="").writes_procedures


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (b'{"error_code":"-1","message":"x"}', Refused),
        (b'{"error_code":"0"}', InDoubt),
        (b"<html>", InDoubt),
        (b'{"error_code":"0","result":[{"MATTHC":7}]}', InvalidMessage),
        (b'{"error_code":"0","result":["x"]}', InvalidMessage),
    ],
)
def test_a_catalogue_that_cannot_be_read_is_an_error(connect: Any, answer: bytes, error: type[Exception]) -> None:
    def handle(call: HttpCall) -> Said:
        return Said(b'{"error_code":0,"session":"S"}' if call.path.endswith("login") else answer)

    with SimulatorServer("portal", handle) as server, pytest.raises(error):
        connect(server).procedure("1.000001")


def test_codes_are_listed_in_both_spellings_and_garbage_is_left_out(connect: Any) -> None:
    rows = [{"MATTHC": "1.000001"}, {"MaTTHC": "1.000002"}, {"MATTHC": 5}, "x", {}]

    def handle(call: HttpCall) -> Said:
        return Said(json.dumps({"error_code": 0, "session": "S", "result": rows}).encode())

    with SimulatorServer("portal", handle) as server:
        assert connect(server).list_procedures() == ["1.000001", "1.000002"]


# --- opening -----------------------------------------------------------------------------------------------------


def test_the_probe_logs_in(portal: SimulatorServer, connect: Any) -> None:
    assert "H99" in connect(portal).probe()
    assert portal.account()["logins"] == 1
    with pytest.raises(NotSent):
        connect(portal, password="wrong").probe()


@pytest.mark.parametrize("name", ["base_url", "username", "madonvi"])
def test_an_endpoint_without_address_or_name_is_a_wrong_setting(wire: Wire, endpoint: Any, name: str) -> None:
    with pytest.raises(BadSettings, match=f"options.{name}"):
        ADAPTER.open_transport(endpoint("http://x", **{name: ""}), wire)


def test_an_endpoint_that_only_receives_has_no_transport(wire: Wire) -> None:
    inbound_only = Endpoint(name="dvcqg", adapter="national_portal", title="Cổng", options=Options())

    with pytest.raises(BadSettings, match="outbound"):
        ADAPTER.open_transport(inbound_only, wire)


def test_the_password_does_not_show(endpoint: Any) -> None:
    assert "invented" not in repr(endpoint("http://x").options)
