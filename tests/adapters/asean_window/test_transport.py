"""There is no transport of its own: an endpoint without a gateway or folders says so, and its example has one."""

import shutil
from pathlib import Path

import pytest

import adapters.asean_window
from adapters.asean_window import ADAPTER
from hub.contract import Outgoing
from hub.errors import BadSettings, NotSent
from hub.settings import load
from hub.wire import Wire

FOLDER = Path(adapters.asean_window.__file__).parent


def test_without_a_gateway_nothing_is_sent_and_the_check_says_what_is_lacking(tmp_path: Path) -> None:
    """Waiting, not lost: whoever names the gateway lets it go on."""
    (tmp_path / "endpoints").mkdir()
    (tmp_path / "hub.toml").touch()
    (tmp_path / "endpoints/asw.toml").write_text('adapter = "asean_window"\ntitle = "ASW"\n[outbound]\n')
    transport = ADAPTER.open_transport(load(tmp_path, {"asean_window": ADAPTER}).endpoints["asw"], Wire())
    fenced: list[int] = []

    with pytest.raises(BadSettings, match=r"endpoints/asw\.toml.*\[gateway\].*\[folder\]"):
        transport.probe()
    for call in (
        lambda: transport.send(Outgoing(service="origin.issued", body=b"<a/>"), lambda: fenced.append(1)),
        lambda: transport.ask(Outgoing(service="origin.issued", body=b"<a/>"), None),  # type: ignore[arg-type]
    ):
        with pytest.raises(NotSent, match=r"endpoints/asw\.toml.*\[gateway\].*\[folder\]"):
            call()
    assert fenced == []


def test_the_example_is_read_with_its_gateway(tmp_path: Path) -> None:
    """Copied as it stands, it gives the endpoint that the README describes."""
    (tmp_path / "endpoints").mkdir()
    (tmp_path / "hub.toml").touch()
    shutil.copy(FOLDER / "endpoint.toml", tmp_path / "endpoints/asw.toml")

    endpoint = load(tmp_path, {"asean_window": ADAPTER}).endpoints["asw"]

    assert endpoint.options.book.name == "assumed1"
    assert endpoint.outbound is not None
    assert endpoint.outbound.service("origin.issued").on_doubt == "ask"
    assert endpoint.purposes == ("origin", "declaration")
