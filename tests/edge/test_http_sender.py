"""The sender's own view: what became of its messages, and its notices."""

from __future__ import annotations

import json
from typing import Any

import pytest

from hub import delivery
from hub.app import UNROUTED
from hub.ledger.tables import deliveries
from hub.simulation import SimulatorServer

from .conftest import HubFolder, Said, Serve, Served, dossier


def accepted(served: Served, name: str, code: str) -> str:
    said = served.send(name, dossier(code), f"key of {code}".replace(" ", "-"))
    assert said.status == 202, said.json
    return str(said.json["MaThongDiep"])


def deliver_all(served: Served) -> None:
    """Do what dispatch and the workers do, in this thread."""
    hub = served.hub
    for due in hub.ledger.queue(hub.now(), hub.budgets()):
        delivery.deliver(hub, due)


def ack(served: Served, name: str, body: bytes) -> Said:
    return served.call("POST", "/notices/ack", body, served.folder.authorized(name))


def fate(served: Served, name: str, message_id: str) -> Any:
    said = served.read(name, f"/messages/{message_id}")
    assert said.status == 200
    return said.json


# --- messages ----------------------------------------------------------------------------------------------------


def test_a_sender_sees_where_its_message_stands(served: Served) -> None:
    shown = fate(served, "province_a", accepted(served, "province_a", "A-1"))

    [one] = shown["deliveries"]
    assert (shown["accepted"], shown["subject"], shown["faults"]) == (True, "national:A-1", [])
    assert one["recipient"] == {"name": "commune", "title": "Một cửa xã Thử Nghiệm"}
    assert (one["service"], one["attempts"], one["error"]) == ("nhanHoSo", 0, None)
    assert one["state"] == {"code": "pending", "vi": "chờ gửi", "en": "waits to be sent"}


def test_a_delivered_message_says_so(served: Served) -> None:
    message = accepted(served, "province_a", "A-1")
    deliver_all(served)

    [one] = fate(served, "province_a", message)["deliveries"]
    assert (one["state"]["code"], one["state"]["vi"], one["attempts"]) == ("delivered", "nơi nhận đã nhận", 1)


def test_a_refused_message_shows_every_fault(served: Served) -> None:
    said = served.send("province_a", {"HoSo": {"MaHoSo": "A-1"}}, "k1")
    shown = fate(served, "province_a", said.json["MaThongDiep"])

    told = [(row["DuongDan"], row["Ma"], row["MoTa"], row["MoTaEn"]) for row in said.json["DanhSachLoi"]]
    assert (shown["accepted"], shown["error_code"], len(told) > 1) == (False, "invalid_message", True)
    assert [(fault["path"], fault["code"], fault["vi"], fault["en"]) for fault in shown["faults"]] == told


def test_what_a_recipient_refused_is_told_with_its_words(served: Served, software: SimulatorServer) -> None:
    message = accepted(served, "province_a", "A-1")
    software.faults.add("status", value=422)
    deliver_all(served)

    [one] = fate(served, "province_a", message)["deliveries"]
    assert one["state"]["code"] == "parked"
    assert (one["error"]["code"], one["error"]["partner_code"]) == ("refused", "422")
    assert one["error"]["vi"].startswith("đối tác từ chối")


def test_what_the_operator_must_mend_is_not_the_senders_affair(served: Served, software: SimulatorServer) -> None:
    message = accepted(served, "province_a", "A-1")
    software.stop()
    deliver_all(served)

    [one] = fate(served, "province_a", message)["deliveries"]
    assert (one["state"]["code"], one["error"]) == ("waiting", None)
    assert software.url not in json.dumps(one)


def test_a_message_without_a_route_waits_at_the_hub(hub_folder: HubFolder, serve: Serve) -> None:
    (hub_folder.path / "routes.toml").unlink()
    served = serve()

    [one] = fate(served, "province_a", accepted(served, "province_a", "A-1"))["deliveries"]
    assert one["recipient"] == {"name": UNROUTED, "title": "Trục liên thông (chờ xác định nơi nhận)"}
    assert (one["state"]["code"], one["error"]) == ("parked", None)


def test_calls_that_tell_the_sender_are_not_among_its_deliveries(
    hub_folder: HubFolder, serve: Serve, software: SimulatorServer
) -> None:
    hub_folder.endpoint("province_a", outbound={"notify": True}, options={"base_url": software.url})
    served = serve()
    message = accepted(served, "province_a", "A-1")
    deliver_all(served)

    with served.hub.ledger.read() as conn:
        assert {row.kind for row in conn.execute(deliveries.select())} == {"dossier", "notice"}
    assert [each["recipient"]["name"] for each in fate(served, "province_a", message)["deliveries"]] == ["commune"]


def test_what_is_not_done_is_counted_in_the_metrics_and_no_longer_once_it_is(served: Served) -> None:
    def counted() -> list[str]:
        lines = served.call("GET", "/metrics").body.decode().splitlines()
        return [line for line in lines if line.startswith("lienthong_deliveries{")]

    accepted(served, "province_a", "A-1")
    accepted(served, "province_b", "B-1")
    before = counted()
    deliver_all(served)

    assert (before, counted()) == (['lienthong_deliveries{endpoint="commune",state="pending"} 2.0'], [])


def test_a_repeated_message_is_counted(served: Served) -> None:
    message = accepted(served, "province_a", "A-1")
    accepted(served, "province_a", "A-1")

    assert fate(served, "province_a", message)["repeats"] == 1


@pytest.mark.parametrize("name", ["/messages/{}", "/messages/{}%00", "/messages/{}x"])
def test_another_senders_message_is_not_there(served: Served, name: str) -> None:
    """The same bytes as for a message that does not exist."""
    message = accepted(served, "province_a", "A-1")
    others = served.read("province_b", name.format(message))
    nobodys = served.read("province_b", name.format("0b7c9a52-9d0f-4a35-8b7e-3f2f8f1f6d10"))

    assert (others.status, others.body) == (404, nobodys.body)


@pytest.mark.parametrize("path", ["/messages/1", "/notices", "/notices?limit=x", "/notices?since=-1"])
def test_a_stranger_sees_nothing_not_even_what_is_wrong(served: Served, path: str) -> None:
    assert served.call("GET", path).status == 401
    assert served.call("GET", path, headers={"Authorization": "Bearer x"}).status == 401


def test_what_is_wrong_with_a_call_is_said_in_vietnamese(served: Served) -> None:
    said = served.read("province_a", "/notices?since=abc&limit=-1")

    assert said.status == 400
    found = {each["DuongDan"]: each["MoTa"] for each in said.json["DanhSachLoi"]}
    assert found["query/since"] == "phải là số nguyên"
    assert found["query/limit"].startswith("phải từ ")
    assert b"_parsing" not in said.body


def test_a_stranger_acknowledges_nothing_and_sends_no_body(served: Served) -> None:
    with served.connect() as connection:
        connection.sendall(b"POST /notices/ack HTTP/1.1\r\nHost: x\r\nContent-Length: 10000\r\n\r\n")
        assert connection.recv(1000).startswith(b"HTTP/1.1 401 ")


# --- notices -----------------------------------------------------------------------------------------------------


@pytest.fixture
def told(served: Served) -> list[int]:
    """Five notices to province A and one to province B; gives A's cursors."""
    for code in ("A-1", "A-2", "A-3", "A-4"):
        accepted(served, "province_a", code)
    accepted(served, "province_b", "B-1")
    accepted(served, "province_a", "A-5")
    deliver_all(served)
    return [notice["cursor"] for notice in served.read("province_a", "/notices").json["notices"]]


def test_a_sender_reads_its_own_notices_in_order(served: Served, told: list[int]) -> None:
    shown = served.read("province_a", "/notices").json
    others = served.read("province_b", "/notices").json

    assert told == sorted(told) and len(told) == 5
    assert {notice["subject"] for notice in shown["notices"]} == {f"national:A-{number}" for number in range(1, 6)}
    assert [notice["subject"] for notice in others["notices"]] == ["national:B-1"]
    first = shown["notices"][0]
    assert first["outcome"] == {"code": "delivered", "vi": "nơi nhận đã nhận", "en": "the recipient has it"}
    assert (first["recipient"]["title"], first["error"], first["acknowledged"]) == ("Một cửa xã Thử Nghiệm", None, False)


def test_the_cursor_leads_through_all_notices_once(served: Served, told: list[int]) -> None:
    seen: list[int] = []
    since, more = 0, True
    while more:
        page = served.read("province_a", f"/notices?since={since}&limit=2").json
        seen += [notice["cursor"] for notice in page["notices"]]
        since, more = page["next"], page["more"]

    assert seen == told
    assert served.read("province_a", f"/notices?since={since}").json == {"notices": [], "next": since, "more": False}


def test_only_what_is_acknowledged_is_not_given_again(served: Served, told: list[int]) -> None:
    first = ack(served, "province_a", json.dumps({"up_to": told[1]}).encode())
    again = ack(served, "province_a", json.dumps({"up_to": told[1]}).encode())

    assert (first.json, again.json) == ({"up_to": told[1], "acknowledged": 2}, {"up_to": told[1], "acknowledged": 0})
    left = served.read("province_a", "/notices").json["notices"]
    assert [notice["cursor"] for notice in left] == told[2:]
    whole = served.read("province_a", "/notices?since=0").json["notices"]
    assert [notice["acknowledged"] for notice in whole] == [True, True, False, False, False]


def test_an_acknowledgement_touches_nobody_else(served: Served, told: list[int]) -> None:
    ack(served, "province_a", json.dumps({"up_to": told[-1]}).encode())

    assert served.read("province_a", "/notices").json["notices"] == []
    assert len(served.read("province_b", "/notices").json["notices"]) == 1


def test_a_question_whether_the_hub_is_ready_acknowledges_nothing(served: Served, told: list[int]) -> None:
    assert served.call("GET", "/health/ready").status == 200

    assert len(served.read("province_a", "/notices").json["notices"]) == len(told)


def test_what_was_never_given_out_cannot_be_acknowledged(served: Served, told: list[int]) -> None:
    said = ack(served, "province_a", json.dumps({"up_to": told[-1] + 1}).encode())

    assert (said.status, said.json["DanhSachLoi"][0]["DuongDan"]) == (400, "/up_to")
    assert len(served.read("province_a", "/notices").json["notices"]) == 5


@pytest.mark.parametrize(
    "body",
    [
        b"", b"{}", b"[]", b"1", b"null", b"\xff", b'{"up_to": "1"}', b'{"up_to": true}', b'{"up_to": 1.0}', b'{"up_to": -1}',
        b'{"up_to": null}', b'{"up_to": 99999999999999999999}', b'{"up_to": 1, "up_to": 2}', b'{"up_to": 1, "x": 1}', b"[" * 5000,
    ],
)  # fmt: skip
def test_an_acknowledgement_that_is_none_changes_nothing(served: Served, told: list[int], body: bytes) -> None:
    said = ack(served, "province_a", body)

    assert said.status == 400 and said.json["DanhSachLoi"]
    assert len(served.read("province_a", "/notices").json["notices"]) == 5


def test_a_large_acknowledgement_is_refused(served: Served) -> None:
    assert ack(served, "province_a", b" " * 10_001).status == 413


@pytest.mark.parametrize("query", ["since=x", "since=-1", f"since={2**63}", "limit=0", "limit=1001", "limit=", "since=%00"])
def test_a_cursor_or_limit_that_cannot_be_is_refused(served: Served, query: str) -> None:
    said = served.read("province_a", f"/notices?{query}")

    assert (said.status, said.json["DanhSachLoi"][0]["DuongDan"]) == (400, f"query/{query.partition('=')[0]}")


def test_one_token_of_two_doors_sees_both(hub_folder: HubFolder, serve: Serve) -> None:
    text = (hub_folder.path / "endpoints" / "province_a.toml").read_text(encoding="utf-8")
    (hub_folder.path / "endpoints" / "province_b.toml").write_text(text, encoding="utf-8")
    hub_folder.tokens["province_b"] = hub_folder.tokens["province_a"]
    served = serve()
    message = accepted(served, "province_b", "B-1")
    deliver_all(served)

    assert fate(served, "province_a", message)["door"] == "province_b"
    [notice] = served.read("province_a", "/notices").json["notices"]
    assert ack(served, "province_a", json.dumps({"up_to": notice["cursor"]}).encode()).json["acknowledged"] == 1
