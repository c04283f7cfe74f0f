"""The example of an endpoint's file is one that the hub reads, and every service in it is one that the adapter calls."""

import shutil
from pathlib import Path

import adapters.ephyto
from adapters.ephyto import ADAPTER
from adapters.ephyto.operations import BRINGS
from hub.settings import load
from tests.support.tls import Authority

FOLDER = Path(adapters.ephyto.__file__).parent


def test_the_example_is_read_with_its_certificate_and_its_policies(tmp_path: Path) -> None:
    """Copied as it stands, a call without a readable answer is asked about, and the Hub of tests is meant."""
    for name in ("endpoints", "trust"):
        (tmp_path / name).mkdir()
    (tmp_path / "hub.toml").touch()
    certificate, key = Authority(tmp_path / "trust").issue("ephyto")
    shutil.copy(FOLDER / "endpoint.toml", tmp_path / "endpoints/one.toml")

    endpoint = load(tmp_path, {"ephyto": ADAPTER}).endpoints["one"]

    assert endpoint.purposes == ("phyto",)
    assert endpoint.options.environment == "uat"
    assert endpoint.outbound is not None
    assert endpoint.outbound.tls is not None
    assert (endpoint.outbound.tls.certificate, endpoint.outbound.tls.key) == (str(certificate), str(key))
    assert set(endpoint.outbound.services) <= set(BRINGS)
    assert {each.on_doubt for each in endpoint.outbound.services.values()} == {"ask"}
