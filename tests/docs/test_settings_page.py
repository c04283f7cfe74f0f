"""docs/settings.md has a heading for every key with its default, and its examples are a folder that a hub opens."""

from __future__ import annotations

import tomllib
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path

import pytest

from hub import bootstrap
from hub import settings as settings_module
from hub.code_files import code_rows
from hub.edge.http.identity import Gate
from hub.endpoint import Redelivery
from hub.errors import BadSettings, NotSent
from hub.rules.redelivery import decide
from hub.settings import Settings
from hub.trust import keys
from hub.trust.register import COLUMNS, Wrong, read_register
from hub.trust.store import TrustFile
from tests.docs import pages, settings_keys
from tests.docs.settings_keys import Key

PAGE = "docs/settings.md"


def key_sections(title: str) -> dict[str, str]:
    """Give the keys told below a heading, with the first words of their sections."""
    found: dict[str, str] = {}
    for section in pages.below(PAGE, title):
        for name in section.names:
            assert name not in found, f"{name} has two headings below {title}"
            found[name] = " ".join(section.text.split())
    return found


def assert_told(title: str, wanted: Iterable[Key]) -> None:
    """Assert that exactly these keys are told, each with its default."""
    told = key_sections(title)
    keys_wanted = {key.path: key.sentence for key in wanted}

    assert sorted(told) == sorted(keys_wanted)
    assert {name: sentence for name, sentence in keys_wanted.items() if not told[name].startswith(sentence)} == {}


def test_every_key_of_hub_toml_is_told() -> None:
    assert_told("hub.toml", settings_keys.hub_keys())


def test_every_key_of_an_endpoint_is_told() -> None:
    assert_told("endpoints/NAME.toml", settings_keys.endpoint_keys())


def test_every_key_of_routes_toml_is_told() -> None:
    assert_told("routes.toml", settings_keys.route_keys())


def test_every_key_of_the_trust_store_is_told() -> None:
    assert_told("trust/trust.toml", settings_keys.trust_keys())


def test_every_column_of_the_register_is_told() -> None:
    assert list(key_sections("trust/register.csv")) == list(COLUMNS)


def test_the_examples_of_the_trust_store_are_read(tmp_path: Path) -> None:
    """The table as it stands; the register's line against its anchors' purposes."""
    (block,) = (block for block in pages.blocks(PAGE, "toml") if block.text.startswith("[[anchor]]"))
    table = TrustFile.model_validate(tomllib.loads(block.text))
    (line,) = (block for block in pages.blocks(PAGE, "csv") if block.text.startswith(",".join(COLUMNS)))
    (tmp_path / "register.csv").write_text(line.text, encoding="utf-8")
    wrong = Wrong()

    assert len(read_register(tmp_path / "register.csv", {anchor.purpose for anchor in table.anchor}, wrong)) == 1
    wrong.raise_if_any()


def test_every_column_of_a_code_list_is_told() -> None:
    assert list(key_sections("codes/NAME.csv")) == settings_keys.code_columns()


@pytest.mark.parametrize("adapter", sorted(settings_keys.option_keys()))
def test_every_option_of_every_adapter_is_told(adapter: str) -> None:
    assert_told(f"Options of {adapter}", settings_keys.option_keys()[adapter])


def test_no_options_are_told_of_an_adapter_that_is_not_there() -> None:
    titles = [section.title for section in pages.sections(PAGE) if section.title.startswith("Options of ")]

    assert sorted(titles) == sorted(f"Options of {name}" for name in settings_keys.option_keys())


def test_every_told_key_says_more_than_its_default() -> None:
    """A heading whose text is only a default explains nothing."""
    sentences = {key.path: key.sentence for keys_of in settings_keys.option_keys().values() for key in keys_of}
    sentences |= {key.path: key.sentence for key in (*settings_keys.hub_keys(), *settings_keys.endpoint_keys())}
    empty = [
        section.title
        for section in pages.sections(PAGE)
        for name in section.names
        if name in sentences and len(" ".join(section.text.split())) < len(sentences[name]) + 5
    ]

    assert empty == []


# --- the examples -------------------------------------------------------------------------------------------------


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Write the page's examples, and the keys and secrets that they refer to."""
    for block in pages.blocks(PAGE):
        if " file=" in block.head:
            path = tmp_path / block.head.partition(" file=")[2]
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(block.text, encoding="utf-8")
    now = datetime.now(UTC)
    authority = keys.make_development_authority(now)
    own = keys.make_development_key(authority, "hub", now)
    for name in ("keys", "trust"):
        (tmp_path / name).mkdir()
    (tmp_path / "keys/seal.pem").write_bytes(keys.make_seal_key())
    (tmp_path / "keys/signing.crt").write_bytes(own.certificate_pem)
    (tmp_path / "keys/dvcqg.password").write_text("secret")
    (tmp_path / "trust/authority.crt").write_bytes(authority.certificate_pem)
    monkeypatch.setenv("HUB_SIGNING_KEY", own.key_pem.decode())
    monkeypatch.setenv("THAI_NGUYEN_TOKEN", "the-token")
    monkeypatch.setenv("BCT_PASSWORD", "the-password")
    monkeypatch.setenv("ASW_GATEWAY_PASSWORD", "the-password")
    return tmp_path


@pytest.fixture
def loaded(folder: Path) -> Settings:
    return bootstrap.load_settings(folder)


def test_the_examples_are_a_folder_that_a_hub_opens(loaded: Settings) -> None:
    """Files, keys, certificates, doors: nothing in the examples is refused."""
    Gate(loaded.endpoints, loaded.file.doors)
    hub = bootstrap.open_hub(loaded)
    hub.ledger.close()

    assert sorted(hub.endpoints) == ["asw", "bo_cong_thuong", "bo_moi_truong", "bo_nong_nghiep", "dvcqg", "thai_nguyen", "vnsw"]
    assert hub.endpoints["thai_nguyen"].outbound.redelivery.max_attempts == 100
    assert [route.name[:5] for route in hub.routes] == ["Hồ sơ", "Kết q", "Phản ", "Hồ sơ"]


def test_a_secret_by_reference_is_replaced_before_the_adapter_sees_it(loaded: Settings) -> None:
    """``env:`` and ``file:`` both, and neither shows in the options' text."""
    one_stop, portal = loaded.endpoints["thai_nguyen"].options, loaded.endpoints["dvcqg"].options

    assert one_stop.token.get_secret_value() == "the-token"
    assert portal.password.get_secret_value() == "secret"
    assert "the-token" not in repr(one_stop)


def test_wrong_keys_and_values_are_told_in_both_languages_with_their_table(folder: Path) -> None:
    """All of a file at once, as an official reads it."""
    file = folder / "hub.toml"
    file.write_text(file.read_text().replace("[doors]", '[doors]\nprot = 1\nbody_seconds = 0').replace('"INFO"', '"LOUD"'))

    with pytest.raises(BadSettings) as told:
        bootstrap.load_settings(folder)

    assert "[doors.prot] không có khóa cấu hình này" in told.value.vi
    assert "[doors.body_seconds] phải lớn hơn 0" in told.value.vi
    assert "[logging.level] phải là một trong: DEBUG, INFO, WARNING, ERROR" in told.value.vi
    assert "[doors.prot] there is no such key" in told.value.en


def test_a_secret_that_stands_where_its_reference_should_is_not_repeated(folder: Path) -> None:
    """The error goes to logs and screens."""
    with pytest.raises(BadSettings) as told:
        settings_module.secret(folder, "bí-mật-thật", "hub.toml [seal]")

    assert "bí-mật-thật" not in told.value.vi + told.value.en + told.value.where


def test_the_example_list_says_what_the_text_says(folder: Path) -> None:
    """A code that changed its meaning on a day has one row valid on each day."""
    rows = code_rows(folder / "codes/areas.csv")
    of_it = [row for row in rows if row.code == "00123"]

    assert [(row.type, row.corroborated) for row in of_it] == [("xã", True), ("phường", False)]
    assert of_it[0].valid_to == of_it[1].valid_from


@pytest.mark.parametrize(
    ("name", "old", "new", "place"),
    [
        ("hub.toml", "port = 8080", "prot = 8080", "doors.prot"),
        ("endpoints/thai_nguyen.toml", "concurrency = 4", "concurrency = 0", "outbound.concurrency"),
        ("endpoints/dvcqg.toml", 'on_doubt = "ask"', 'on_doubt = "guess"', "outbound.services.DongBoHoSoMC.create.on_doubt"),
        ("endpoints/vnsw.toml", 'soap = ["1.2"]', 'soap = ["2.0"]', "inbound.soap"),
        ("routes.toml", "numbering", "number", "route.0.number"),
    ],
)
def test_an_error_names_file_table_and_key(folder: Path, name: str, old: str, new: str, place: str) -> None:
    """The page promises it, and that an unknown key is an error."""
    path = folder / name
    path.write_text(path.read_text(encoding="utf-8").replace(old, new, 1), encoding="utf-8")

    with pytest.raises(BadSettings) as caught:
        bootstrap.load_settings(folder)

    assert name in caught.value.en
    assert place in caught.value.en


def test_fifty_attempts_last_seven_to_nine_hours() -> None:
    """The text beside ``max_attempts`` says so."""
    error = NotSent("", "")
    def delay(number: int, draw: float) -> float:
        return decide(error, number, Redelivery(), on_doubt="park", settle_after=0, draw=draw).delay

    hours = [sum(delay(number, draw) for number in range(1, 50)) / 3600 for draw in (0.0, 1.0)]

    assert 7 < hours[0] < hours[1] < 9
    assert "seven to nine hours" in pages.page(PAGE)
