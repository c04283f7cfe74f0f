"""The example of an endpoint's file is one that the hub reads, and every service in it is one that the adapter calls."""

import shutil
from pathlib import Path

import pytest

import adapters.ministry
from adapters.ministry import ADAPTER
from adapters.ministry.options import PATHS
from hub.settings import load

FOLDER = Path(adapters.ministry.__file__).parent


def test_the_example_is_read_with_its_secret_and_its_policies(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Copied as it stands, a call without a readable answer is sent again, for every service."""
    (tmp_path / "endpoints").mkdir()
    (tmp_path / "hub.toml").touch()
    shutil.copy(FOLDER / "endpoint.toml", tmp_path / "endpoints/one.toml")
    for name in ("THAI_NGUYEN_TOKEN", "BO_TOKEN"):
        monkeypatch.setenv(name, "secret")

    endpoint = load(tmp_path, {"ministry": ADAPTER}).endpoints["one"]

    assert endpoint.options.token.get_secret_value() == "secret"
    assert "secret" not in repr(endpoint)
    assert endpoint.outbound is not None
    called = set(PATHS) - {"traCuuThongDiep", "layDanhMucTTHC", "layTTHC"}
    assert set(endpoint.outbound.services) == called
    assert {endpoint.outbound.service(name).on_doubt for name in called} == {"resend"}
