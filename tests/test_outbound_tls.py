"""``[outbound.tls]``: a partner that knows us by a client certificate, and that we know by its own authority."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from adapters.ephyto.operations import HEADERS
from adapters.ephyto.simulator import PATH, simulator
from adapters.ministry.simulator import simulator as ministry_simulator
from hub import bootstrap, inventory, keyring, partner_tests
from hub.app import Hub
from hub.contract import Pulling
from hub.errors import BadSettings, NotSent
from hub.operations import partners
from hub.simulation import SimulatorServer
from hub.trusted import open_book
from tests.support import hub as support
from tests.support.clock import Clock
from tests.support.ephyto_world import EPHYTO, configure
from tests.support.tls import Authority

TLS = '[outbound.tls]\nca = "file:trust/ca.pem"\ncertificate = "file:trust/VN.pem"\nkey = "file:trust/VN.key"\n'


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    (tmp_path / "hub" / "trust").mkdir(parents=True)
    return Authority(tmp_path / "hub" / "trust")


@pytest.fixture
def post(authority: Authority) -> Iterator[SimulatorServer]:
    """The simulated Hub behind TLS; callers are known by their certificates."""
    certificate, key = authority.issue("server")
    authority.issue("VN")
    with simulator(server_certificate=str(certificate), key=str(key), client_authorities=str(authority.ca)) as server:
        yield server


def opened(folder: Path, url: str, tls: str) -> Hub:
    return support.open_hub(configure(folder, url, "http://127.0.0.1:9", tls=tls), Clock())


def test_the_hub_is_known_by_its_certificate(tmp_path: Path, post: SimulatorServer) -> None:
    hub = opened(tmp_path / "hub", post.url, TLS)
    try:
        transport = hub.transports(hub.endpoint(EPHYTO))
        assert isinstance(transport, Pulling)

        assert post.url.startswith("https://")
        assert transport.probe() == f"{post.url}{PATH}: uat, VN"
        assert transport.pull(HEADERS, "", hub.clock()).items == ()
    finally:
        support.close(hub)


def test_without_a_certificate_the_front_says_no_in_html(tmp_path: Path, post: SimulatorServer) -> None:
    hub = opened(tmp_path / "hub", post.url, '[outbound.tls]\nca = "file:trust/ca.pem"\n')
    try:
        with pytest.raises(NotSent, match="client certificate") as caught:
            hub.transports(hub.endpoint(EPHYTO)).probe()
        assert caught.value.partner_code == "403"
    finally:
        support.close(hub)


def test_a_server_of_another_authority_is_not_spoken_to(tmp_path: Path, post: SimulatorServer) -> None:
    (tmp_path / "other").mkdir()
    other = Authority(tmp_path / "other")
    (tmp_path / "hub" / "trust" / "other.pem").write_bytes(other.ca.read_bytes())
    hub = opened(tmp_path / "hub", post.url, TLS.replace("ca.pem", "other.pem"))
    try:
        with pytest.raises(NotSent, match="CERTIFICATE_VERIFY_FAILED"):
            hub.transports(hub.endpoint(EPHYTO)).probe()
        assert post.account()["envelopes"] == []
    finally:
        support.close(hub)


def test_each_endpoint_calls_with_its_own_certificate(tmp_path: Path, post: SimulatorServer, authority: Authority) -> None:
    """A kept connection of one endpoint never carries the call of another, though both lead to the same host."""
    authority.issue("ID")
    folder = configure(tmp_path / "hub", post.url, "http://127.0.0.1:9", tls=TLS)
    file = folder / "endpoints" / f"{EPHYTO}.toml"
    (folder / "endpoints" / "other.toml").write_text(file.read_text().replace("VN.", "ID."), encoding="utf-8")
    hub = support.open_hub(folder, Clock())
    try:
        told = [hub.transports(hub.endpoint(name)).probe().rsplit(" ", 1)[1] for name in (EPHYTO, "other", EPHYTO)]
        assert told == ["VN", "ID", "VN"]
    finally:
        support.close(hub)


def test_a_test_message_goes_down_the_same_wire(tmp_path: Path, post: SimulatorServer) -> None:
    hub = opened(tmp_path / "hub", post.url, TLS)
    try:
        asked = partners.ask_for_test(hub, EPHYTO, actor="an", why="thử kết nối")
        assert partner_tests.carry_out(hub)
        done = partners.test_of(hub, asked.id)
    finally:
        support.close(hub)

    assert [step.name for step in done.steps] == ["named", "connected", "secured", "authenticated", "answered"]
    assert done.certificate_days is not None


def test_the_inventory_has_both_certificates(tmp_path: Path, post: SimulatorServer) -> None:
    settings = bootstrap.load_settings(configure(tmp_path / "hub", post.url, "http://127.0.0.1:9", tls=TLS))
    found = {each.place: each for each in inventory.look(settings, keyring.rings(settings), open_book(settings).store)}

    ours, theirs = (found[f"endpoints/{EPHYTO} outbound.tls.{name}"] for name in ("certificate", "ca"))
    assert (ours.use.kind, ours.use.side, ours.endpoints) == ("tls_client", "ours", (EPHYTO,))
    assert (theirs.use.kind, theirs.use.side) == ("tls_authority", "partners")


@pytest.mark.parametrize(
    ("tls", "said"),
    [
        ('[outbound.tls]\ncertificate = "file:trust/VN.pem"\n', "together with its key"),
        ('[outbound.tls]\nkey = "file:trust/VN.key"\n', "together with its key"),
        ("[outbound.tls]\n", "name certificate"),
        (TLS.replace("VN.key", "nobody.key"), "nobody.key"),
        (TLS.replace("file:trust/VN.pem", "-----BEGIN"), "is not the reference"),
        (TLS + 'password = "secret"\n', "there is no such key"),
    ],
)
def test_a_table_that_cannot_be_used_stops_the_start(tls: str, said: str, tmp_path: Path, post: SimulatorServer) -> None:
    with pytest.raises(BadSettings, match=said):
        bootstrap.load_settings(configure(tmp_path / "hub", post.url, "http://127.0.0.1:9", tls=tls))


def test_a_key_of_another_certificate_is_said(tmp_path: Path, post: SimulatorServer, authority: Authority) -> None:
    authority.issue("ID")
    hub = opened(tmp_path / "hub", post.url, TLS.replace("VN.key", "ID.key"))
    try:
        with pytest.raises(BadSettings, match="cannot be used"):
            hub.transports(hub.endpoint(EPHYTO))
    finally:
        support.close(hub)


def test_an_endpoint_without_the_table_shares_the_connections_of_all(tmp_path: Path) -> None:
    with simulator() as post, ministry_simulator() as ministry:
        hub = support.open_hub(configure(tmp_path / "hub", post.url, ministry.url), Clock())
        try:
            assert hub.transports(hub.endpoint(EPHYTO)).probe().endswith("VN")
        finally:
            support.close(hub)
