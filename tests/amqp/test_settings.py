"""``[amqp]`` in an endpoint's file: what cannot work is told when it is read, and ``check`` tries the rest."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from hub import bootstrap
from hub.amqp.transport import AmqpTransport
from hub.edge.cli import app
from hub.errors import BadSettings
from tests.support import hub as support
from tests.support import rabbit
from tests.support.amqp_partner import Partner, table

URL = "amqp://u@127.0.0.1:1"


@pytest.fixture(autouse=True)
def password(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(rabbit.PASSWORD_VARIABLE, rabbit.PASSWORD)


def folder(path: Path, lines: str, *, services: str = "", sender: str = "") -> Path:
    """Write a configuration whose partner has these lines in its file."""
    return support.configure(path, {support.PARTNER: support.At(services=services + lines)}, sender=sender)


def test_references_are_resolved_and_the_password_does_not_show(tmp_path: Path) -> None:
    keys = tmp_path / "keys"
    keys.mkdir()
    for name in ("ca.pem", "own.pem", "own.key"):
        (keys / name).touch()
    given = {"ca": "file:keys/ca.pem", "certificate": "file:keys/own.pem", "key": "file:keys/own.key"}
    folder(tmp_path, table("amqps://u@h/v", publish_exchange="x", **given))

    amqp = bootstrap.load_settings(tmp_path).endpoints[support.PARTNER].amqp

    assert amqp is not None
    assert amqp.password.get_secret_value() == rabbit.PASSWORD
    assert (amqp.ca, amqp.certificate, amqp.key) == tuple(str(keys / name) for name in ("ca.pem", "own.pem", "own.key"))
    assert rabbit.PASSWORD not in repr(amqp)


@pytest.mark.parametrize(
    ("lines", "where", "words"),
    [
        (table("amqp://u:s3cr3t@h", publish_exchange="x"), "url", "mật khẩu"),
        (table("http://u@h", publish_exchange="x"), "url", "không có dạng"),
        (table("amqp://h", publish_exchange="x"), "url", "không có dạng"),
        (table("amqp://u@h:port", publish_exchange="x"), "url", "không có dạng"),
        (table("amqp://u@h?x=1", publish_exchange="x"), "url", "không có dạng"),
        (table("amqp://u@h", publish_exchange="x", ca="file:keys/seal.pem"), "url", "không mã hóa"),
        (table("amqps://u@h", publish_exchange="x", key="file:keys/seal.pem"), "key", "đi cùng nhau"),
        (table("amqps://u@h", publish_exchange="x", ca="file:keys/none"), "ca", "phải có dạng file:"),
        (table(URL), "[amqp]", "không có tác dụng"),
        ('[amqp]\nurl = "amqp://u@h"\npassword = "pl4in"\nconsume_queue = "q"\n', "password", "không hiện"),
        (table(URL, publish_exchange="x", prefetch=0), "amqp.prefetch", "phải từ 1"),
        (table(URL, publish_exchange="x", identity="body"), "amqp.identity", "không có dạng"),
        (table(URL, publish_exchange="x", reply="later"), "amqp.reply", "phải là một trong"),
    ],
)
def test_what_cannot_be_right_is_told_in_both_languages(tmp_path: Path, lines: str, where: str, words: str) -> None:
    with pytest.raises(BadSettings) as told:
        bootstrap.load_settings(folder(tmp_path, lines))

    assert where in told.value.where
    assert words in told.value.vi
    assert not any(secret in told.value.vi + told.value.en for secret in ("s3cr3t", "pl4in"))


def test_a_service_that_must_be_asked_about_cannot_go_to_a_broker(tmp_path: Path) -> None:
    with pytest.raises(BadSettings) as told:
        bootstrap.load_settings(folder(tmp_path, table(URL, publish_exchange="x"), services=support.ASKS))

    assert "GuiHoSo" in told.value.vi


def test_a_place_to_publish_to_needs_an_outbound_table(tmp_path: Path) -> None:
    with pytest.raises(BadSettings) as told:
        bootstrap.load_settings(support.configure(tmp_path, sender=table(URL, publish_exchange="x")))

    assert "[outbound]" in told.value.vi


@pytest.mark.parametrize(("keys", "published"), [({"publish_exchange": "x"}, True), ({"consume_queue": "q"}, False)])
def test_each_direction_is_chosen_by_itself(tmp_path: Path, keys: dict[str, str], published: bool) -> None:
    """What is only received from the broker is still sent as the adapter sends it."""
    settings = bootstrap.load_settings(folder(tmp_path, table(URL, **keys)))
    hub = bootstrap.open_hub(settings)

    transport = hub.transports(hub.endpoints[support.PARTNER])

    assert isinstance(transport, AmqpTransport) is published
    hub.ledger.close()


# --- check -----------------------------------------------------------------------------------------------------------


@pytest.fixture
def partner() -> Iterator[Partner]:
    made = Partner(rabbit.shared())
    yield made
    made.close()


def checked(path: Path) -> dict[str, dict[str, str]]:
    """Run ``check``; give what was found, by place."""
    told: dict[str, Any] = json.loads(CliRunner().invoke(app, ["--config", str(path), "check", "--json"]).stdout)
    return {each["where"]: each for each in told["findings"]}


def test_check_reaches_both_sides_of_a_broker(tmp_path: Path, partner: Partner) -> None:
    inwards, outwards = partner.queue("in"), partner.queue("out")
    lines = table(partner.node.url, publish_routing_key=inwards, consume_queue=outwards)

    found = checked(folder(tmp_path, lines))

    assert found["endpoint bo"]["level"] == "ok" and inwards in found["endpoint bo"]["en"]
    assert found["endpoint bo [amqp] consume_queue"]["level"] == "ok"


@pytest.mark.parametrize(
    ("keys", "where", "vi", "en"),
    [
        ({"publish_routing_key": "none"}, "endpoint bo", "không có exchange hoặc hàng đợi", "no such exchange or queue"),
        ({"publish_exchange": "none"}, "endpoint bo", "không có exchange hoặc hàng đợi", "no such exchange or queue"),
        ({"consume_queue": "none"}, "endpoint bo [amqp] consume_queue", "không có exchange hoặc hàng đợi", "no such"),
    ],
)
def test_check_names_what_is_missing(
    tmp_path: Path, partner: Partner, keys: dict[str, str], where: str, vi: str, en: str
) -> None:
    given = {**keys, "consume_queue": keys.get("consume_queue", partner.queue("q"))}

    found = checked(folder(tmp_path, table(partner.node.url, **given)))

    assert found[where]["level"] == "error"
    assert vi in found[where]["vi"] and en in found[where]["en"]


def test_check_names_a_wrong_password(tmp_path: Path, partner: Partner, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(rabbit.PASSWORD_VARIABLE, "wr0ng")

    found = checked(folder(tmp_path, table(partner.node.url, publish_routing_key="q")))

    assert "mật khẩu" in found["endpoint bo"]["vi"]
    assert "wr0ng" not in json.dumps(found)


def test_check_warns_of_a_connection_that_others_can_read(tmp_path: Path) -> None:
    lines = table("amqp://u@broker.invalid", publish_routing_key="q")

    found = checked(folder(tmp_path, lines))

    assert found["endpoints/bo.toml [amqp] url"]["level"] == "warning"


def test_an_endpoint_that_is_consumed_needs_no_door(tmp_path: Path, partner: Partner) -> None:
    lines = table(partner.node.url, consume_queue=partner.queue("q"))

    found = checked(support.configure(tmp_path, sender=lines))

    assert f"endpoints/{support.SENDER}.toml [inbound]" not in found
