"""The example of an endpoint's file is one that the hub reads."""

import shutil
from pathlib import Path

import pytest

import adapters.template
from adapters.template import ADAPTER
from hub.settings import load

FOLDER = Path(adapters.template.__file__).parent


def test_the_example_is_read_with_its_secret_and_its_policies(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Copied as it stands, it gives the endpoint that the guide describes."""
    (tmp_path / "endpoints").mkdir()
    (tmp_path / "hub.toml").touch()
    shutil.copy(FOLDER / "endpoint.toml", tmp_path / "endpoints/mau.toml")
    monkeypatch.setenv("MAU_TOKEN", "secret")

    endpoint = load(tmp_path, {"template": ADAPTER}).endpoints["mau"]

    assert endpoint.options.token.get_secret_value() == "secret"
    assert "secret" not in repr(endpoint)
    assert endpoint.outbound is not None
    policies = [endpoint.outbound.service("GuiHoSo", variant) for variant in ("create", "update")]
    assert [(policy.on_doubt, policy.absence_proves) for policy in policies] == [("ask", True)] * 2
    assert endpoint.outbound.service("GuiTienTrinh").on_doubt == "resend"
