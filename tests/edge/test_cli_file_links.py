"""The command line on addresses of files: what ``check`` says of their settings, what is shown, what is ended."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from typer.testing import CliRunner

from adapters.national_portal.simulator import SIMULATOR as portal_of
from hub.edge.cli import app
from tests.support.file_place import NUMBER, Place, name_of, path_of
from tests.support.file_server import FileServer


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    with portal_of() as portal, FileServer() as elsewhere:
        # The command line has no other clock than the machine's.
        made = Place(tmp_path / "config", portal, elsewhere, lambda: datetime.now(UTC))
        yield made
        if made.server is not None:
            made.close()


def run(place: Place, *words: str) -> str:
    done = CliRunner().invoke(app, ["--config", str(place.folder), *words])
    return done.output + (done.stderr if done.stderr_bytes else "")


def found(place: Place, public_url: str, where: str) -> list[tuple[str, str]]:
    """Let ``check`` look with this address of the hub; give level and text of what it says there."""
    toml = place.folder / "hub.toml"
    toml.write_text(f'[hub]\npublic_url = "{public_url}"\n' + toml.read_text(encoding="utf-8"), encoding="utf-8")
    tree = json.loads(run(place, "check", "--no-reach", "--json"))
    return [(each["level"], each["en"]) for each in tree["findings"] if each["where"].endswith(where)]


@pytest.mark.parametrize(
    ("url", "level", "said"),
    [
        ("http://127.0.0.1:8080", "error", "this machine itself"),
        ("http://truc.example.org", "warning", "in clear"),
        ("https://truc.example.org", "ok", "fetches files below https://truc.example.org/files/"),
    ],
)
def test_check_says_whether_anybody_could_fetch(place: Place, url: str, level: str, said: str) -> None:
    place.open(file_links="serve")
    ((told, text),) = found(place, url, "public_url")
    assert (told, said in text) == (level, True)


def test_check_says_what_is_assumed_and_where_the_setting_does_nothing(place: Place) -> None:
    place.open(file_links="serve", file_link_days=7, file_link_fetches=3)
    path = place.folder / "endpoints" / "mot_cua.toml"
    path.write_text(path.read_text(encoding="utf-8") + '[outbound]\nfile_links = "serve"\n', encoding="utf-8")

    told = dict(found(place, "https://truc.example.org", "file_links"))
    assert "within 7 days, 3 times at most" in told["assumed"]
    assert "adapter one_stop writes no addresses" in told["error"]


def test_without_the_setting_check_says_nothing_of_it(place: Place) -> None:
    place.open()
    assert found(place, "http://127.0.0.1:8080", "public_url") == []


def test_a_network_that_is_none_is_named_by_file_and_key(place: Place) -> None:
    place.open()
    toml = place.folder / "hub.toml"
    toml.write_text(toml.read_text(encoding="utf-8").replace("127.0.0.0/8", "10.0.0.1/8"), encoding="utf-8")
    assert "hub.toml [links] private_networks" in run(place, "check", "--no-reach")


def test_addresses_are_shown_without_the_address_and_ended_with_a_reason(place: Place) -> None:
    place.open(file_links="serve")
    place.send(place.give())
    place.carry()
    name = name_of(place.told()[0])

    (shown,) = json.loads(run(place, "link", "show", "--dossier", NUMBER, "--json"))["links"]
    assert (shown["state"], shown["whole"], shown["item"]) == ("good", 0, "/HoSo/TaiLieuNop/0/DuongDanTaiTepTin")
    told = run(place, "link", "show", "--endpoint", "dvcqg", "--not-fetched")
    assert shown["id"][:8] in told and name not in told + json.dumps(shown)

    assert "why" in run(place, "link", "end", shown["id"][:8])
    assert json.loads(run(place, "link", "end", shown["id"][:8], "--why", "nhầm", "--json"))["state"] == "ended"
    assert place.call("GET", path_of(place.told()[0])).status == 404


@pytest.mark.parametrize(
    "words", [["link", "show"], ["link", "show", "--endpoint", "nobody"], ["link", "end", "ffffffff", "--why", "x"]]
)
def test_what_is_not_there_is_said(place: Place, words: list[str]) -> None:
    place.open()
    done = CliRunner().invoke(app, ["--config", str(place.folder), *words])
    assert done.exit_code == 1
