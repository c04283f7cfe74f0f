"""What an endpoint's ``[gateway]`` must be; what would silently have no effect is refused. And ``lienthong check``."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from hub import bootstrap
from hub.edge.cli.checks import endpoints
from hub.endpoint import gateway_of
from hub.errors import BadSettings
from hub.gateway.domibus import Domibus
from hub.gateway.ebms_core import EbmsCore
from hub.gateway.file_drop import FileDrop
from hub.gateway.hermes import Hermes
from hub.gateway.opening import open_driver
from hub.settings import Settings
from hub.wire import Wire
from tests.support import hub as support
from tests.support.hub import PARTNER

OWN = 'party_id = "VN"\n'
ID = '[gateway.partners.ID]\nparty_id = "ID"\n'
DOMIBUS = 'driver = "domibus"\nurl = "https://ap.example.org/domibus/services/wsplugin"\n'
HERMES = 'driver = "hermes"\nurl = "http://127.0.0.1:8080/corvus/api"\n'
EBMS = 'driver = "ebms_core"\nurl = "http://127.0.0.1:8080/service/rest/v19/ebms"\n'
HOLODECK = 'driver = "holodeck"\nurl = "file:///srv/holodeck/data"\n'
SHIPS = 'partnerships = { "*" = "vn-id" }\n'
CPA = 'agreement = "urn:example:cpa"\n'


def settings(folder: Path, table: str, *, head: str = "[inbound]\n[outbound]\n") -> Settings:
    """Read a folder with one endpoint that has this table."""
    support.configure(folder, {})
    file = folder / "endpoints" / f"{PARTNER}.toml"
    options = '[options]\nurl = "http://127.0.0.1:9"\ntoken = "secret"\n'
    file.write_text(f'adapter = "template"\ntitle = "ASW"\n{options}{head}[gateway]\n{table}', encoding="utf-8")
    return bootstrap.load_settings(folder)


@pytest.mark.parametrize(
    ("table", "says"),
    [
        (f'driver = "as4"\nurl = "http://x/"\n{OWN}{ID}', "gateway.driver"),
        (f'{DOMIBUS}{OWN}', "gateway.partners"),
        (f"{DOMIBUS}{OWN}[gateway.partners]\n", "gateway.partners"),
        (f'driver = "domibus"\nurl = "https://hub:secret@x/"\n{OWN}{ID}', "without user and password"),
        (f'driver = "domibus"\nurl = "file:///srv/x"\n{OWN}{ID}', "must be an http address"),
        (f'driver = "holodeck"\nurl = "http://x/"\n{OWN}{ID}', "url must be file://"),
        (f'driver = "holodeck"\nurl = "sftp://hub@x/data"\n{OWN}{ID}', "known_hosts"),
        (f'{HOLODECK}put = "a"\ntake = "a"\n{OWN}{ID}', "each another one"),
        (f'{HOLODECK}take = "../up"\n{OWN}{ID}', "gateway.take"),
        (f'{DOMIBUS}{OWN}{ID}[gateway.partners.XX]\nparty_id = "ID"\n', "could not be told apart"),
        (f"{HERMES}{OWN}{ID}", "name partners.ID.partnerships"),
        (f"{EBMS}{OWN}{ID}", "name the CPA in partners.ID.agreement"),
        (f'{EBMS}version = "4"\n{OWN}{ID}{CPA}', "version has no effect"),
        (f'{HERMES}{OWN}{ID}{SHIPS}pmode = "p"\n', "partners.pmode has no effect"),
        (f'{DOMIBUS}put = "x"\n{OWN}{ID}', "put has no effect"),
        (f'{EBMS}{OWN}properties = {{ originalSender = "x" }}\n{ID}{CPA}', "properties has no effect"),
        (f'{DOMIBUS}id_domain = "a b"\n{OWN}{ID}', "gateway.id_domain"),
        (f'{DOMIBUS}password = "env:TESTS_NO_SUCH"\n{OWN}{ID}', "env:TESTS_NO_SUCH"),
        (f"{DOMIBUS}{OWN}{ID}[folder]\nurl = 'file:///srv/x'\ntake = 'in'\n", "in one way"),
        (f"{DOMIBUS}{OWN}{ID}[outbox]\n", "in one way"),
    ],
)
def test_what_cannot_be_right_is_refused_before_anything_is_opened(tmp_path: Path, table: str, says: str) -> None:
    with pytest.raises(BadSettings, match=re.escape(says)) as told:
        settings(tmp_path, table)

    assert "hub:secret" not in told.value.en + told.value.vi


def test_fetching_and_marking_are_calls_with_a_deadline(tmp_path: Path) -> None:
    with pytest.raises(BadSettings, match=re.escape("needs [outbound]")):
        settings(tmp_path, f"{DOMIBUS}{OWN}{ID}", head="[inbound]\n")


@pytest.mark.parametrize(
    ("table", "driver"),
    [
        (f"{DOMIBUS}{OWN}{ID}", Domibus),
        (f"{EBMS}{OWN}{ID}{CPA}", EbmsCore),
        (f"{HERMES}{OWN}{ID}{SHIPS}", Hermes),
        (f"{HOLODECK}{OWN}{ID}", FileDrop),
    ],
)
def test_each_product_has_its_driver(tmp_path: Path, table: str, driver: type[Any]) -> None:
    endpoint = settings(tmp_path, table).endpoints[PARTNER]

    assert isinstance(open_driver(endpoint, Wire()), driver)


def test_passwords_are_references_and_are_not_shown(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TESTS_GATEWAY", "p-a-s-s")
    table = f'{DOMIBUS}user = "hub"\npassword = "env:TESTS_GATEWAY"\n{OWN}{ID}'
    policy = gateway_of(settings(tmp_path, table).endpoints[PARTNER])

    assert policy.password.get_secret_value() == "p-a-s-s"
    assert "p-a-s-s" not in repr(policy)


def test_names_are_translated_both_ways(tmp_path: Path) -> None:
    table = f'{DOMIBUS}{OWN}services = {{ form = "urn:x:eFormD" }}\nactions = {{ submit = "urn:x:Submit" }}\n{ID}'
    policy = gateway_of(settings(tmp_path, table).endpoints[PARTNER])

    assert (policy.services["form"], policy.service_of("urn:x:eFormD")) == ("urn:x:eFormD", "form")
    assert policy.service_of("urn:y") == "urn:y"
    assert (policy.action_of("urn:x:Submit"), policy.action_of("Other")) == ("submit", "Other")


def test_a_partner_is_known_by_its_identifier_and_its_kind(tmp_path: Path) -> None:
    table = f"{DOMIBUS}{OWN}"
    for name, kind in (("ID", "a"), ("TH", "b")):
        table += f'[gateway.partners.{name}]\nparty_id = "1"\nparty_type = "{kind}"\n'
    policy = gateway_of(settings(tmp_path, table).endpoints[PARTNER])

    assert (policy.partner_of("1", "a"), policy.partner_of("1", "b")) == ("ID", "TH")
    assert (policy.partner_of("1", ""), policy.partner_of("1", "c"), policy.partner_of("2", "a")) == ("", "", "")


@pytest.mark.parametrize(
    ("table", "level", "says"),
    [
        (f'driver = "domibus"\nurl = "http://ap.example.org/x"\n{OWN}{ID}', "warning", "use https"),
        (f'{DOMIBUS}version = "4"\n{OWN}{ID}', "warning", "retention_downloaded"),
        (f'{HERMES}conversation = "business"\n{OWN}{ID}{SHIPS}', "error", "cannot be asked"),
    ],
)
def test_check_says_what_an_operator_must_know(tmp_path: Path, table: str, level: str, says: str) -> None:
    head = '[inbound]\n[outbound]\n[outbound.services.x]\non_doubt = "ask"\n'
    found = settings(tmp_path, table, head=head)
    told = list(endpoints.look(found, found.endpoints[PARTNER], bootstrap.find_adapters()["template"]))

    assert [each.level for each in told if says in each.en] == [level]
    assert not [each for each in told if "nobody can open this door" in each.en]
