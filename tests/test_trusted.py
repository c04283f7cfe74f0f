"""The trust store in a whole hub: settings, doors, the keeper of lists, the verbs of the command line."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.serialization import Encoding
from prometheus_client import REGISTRY
from structlog.testing import capture_logs
from typer.testing import CliRunner

from hub import bootstrap, intake
from hub.app import Hub
from hub.contract import JWS_HEADER
from hub.edge.cli import app
from hub.edge.cli.checking import look
from hub.edge.trust_keeper import TrustKeeper
from hub.errors import BadSettings
from hub.ledger import payloads
from hub.registers import evidence
from hub.registers.leaning import Leans
from hub.rules.certificates import fingerprint
from hub.rules.signing import sign_jws
from hub.trust.book import TrustBook
from hub.wire import Wire
from tests.support import hub as support
from tests.support import pki
from tests.support.clock import Clock
from tests.support.looking import all_messages
from tests.support.pki import NOW, Party, RevocationServer
from tests.test_intake import sample, verdict

PKI = pki.standard()
HEAD = "issuer,serial,purpose,owner,endpoints,may_sign\n"
ANCHOR = '[[anchor]]\nname = "root"\npurpose = "government"\nfile = "root.crt"\n'
BETWEEN = '[[intermediate]]\nname = "authority"\nfile = "authority.crt"\n'


class Store:
    """A configuration folder with a trust store, and its hub."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.lists = folder, folder / "var" / "revocation"
        folder.mkdir()
        (folder / "trust").mkdir()
        self.lists.mkdir(parents=True)
        self.write(PKI.root, PKI.authority)
        self.sender()
        self._hub: Hub | None = None

    def write(self, root: Party, authority: Party, more: str = "") -> None:
        (self.folder / "trust" / "root.crt").write_bytes(root.der)
        (self.folder / "trust" / "authority.crt").write_bytes(authority.pem)
        (self.folder / "trust" / "trust.toml").write_text(ANCHOR + BETWEEN + more, encoding="utf-8")

    def sender(self, more: str = "") -> None:
        lines = f'signature = "required"\npurposes = ["government"]\n{more}'
        support.configure(self.folder, sender=lines, sender_adapter="one_stop")

    def register(self, *parties: Party, may_sign: str = "dossier") -> None:
        lines = [
            f'"{each.certificate.issuer.rfc4514_string()}",{each.serial:x},government,H55,{support.SENDER},{may_sign}\n'
            for each in parties
        ]
        (self.folder / "trust" / "register.csv").write_text(HEAD + "".join(lines), encoding="utf-8")

    def put(self, name: str, octets: bytes) -> None:
        (self.lists / name).write_bytes(octets)

    def open(self) -> Hub:
        self.close()
        self._hub = support.open_hub(self.folder, Clock(NOW))
        return self._hub

    def close(self) -> None:
        if self._hub is not None:
            support.close(self._hub)
            self._hub = None


@pytest.fixture
def given(tmp_path: Path) -> Iterator[Store]:
    made = Store(tmp_path / "config")
    yield made
    made.close()


def send(hub: Hub, party: Party) -> dict[str, Any]:
    """Send a dossier, signed beside its body; give the verdict, and whether it was accepted."""
    request = sample("one_stop")
    before = len(all_messages(hub.ledger))
    headers = {**request.headers, JWS_HEADER.lower(): sign_jws(request.body, party.signer)}
    intake.receive(hub, replace(request, headers=headers, idempotency_key=f"key-{before}"))
    row = all_messages(hub.ledger)[-1]
    return {**verdict(row), "accepted": bool(row.accepted), "error": row.error_code}


# --- doors --------------------------------------------------------------------------------------------------------


def test_a_signer_of_the_register_is_taken_and_the_verdict_says_what_was_leaned_on(given: Store) -> None:
    upper, lower = PKI.crls()
    given.put("upper.crl", upper)
    given.put("lower.crl", lower)
    given.register(PKI.good)

    told = send(given.open(), PKI.good)
    assert (told["indication"], told["accepted"], told["revocation"]) == ("TOTAL-PASSED", True, "good")
    assert (told["owner"], told["purpose"], told["may_sign"]) == ("H55", "government", ["dossier"])
    assert told["revocation_digests"] == [sha256(lower).hexdigest(), sha256(upper).hexdigest()]


def test_what_was_leaned_on_is_kept_and_is_in_the_evidence_when_newer_lists_are_in_use(given: Store) -> None:
    lists = PKI.crls()
    for number, octets in enumerate(lists):
        given.put(f"{number}.crl", octets)
    given.register(PKI.good)
    hub = given.open()
    told = send(hub, PKI.good)

    with hub.ledger.read() as conn:
        kept = [payloads.get(conn, f"sha256:{each}") for each in (*told["path_digests"], *told["revocation_digests"])]
        (message,) = all_messages(hub.ledger)
        asked_again: list[str] = []

        def trust(endpoint: str, certificate: bytes, at: float) -> Leans:
            asked_again.append(endpoint)
            return Leans()

        collected = evidence.collect(conn, message.id, trust, hub.payloads)
    assert set(kept[len(told["path_digests"]) :]) == set(lists)
    assert PKI.authority.certificate.public_bytes(Encoding.DER) in kept
    assert not asked_again
    files = {item.path.rpartition("/")[2] for item in collected.items}
    assert {"revocation-1.der", "revocation-2.der"} <= files


def test_who_is_not_registered_revoked_or_unknown_is_refused(given: Store) -> None:
    given.register(PKI.good, PKI.revoked)
    hub = given.open()

    assert send(hub, PKI.good)["sub_indication"] == "TRY_LATER"
    for number, octets in enumerate(PKI.crls()):
        given.put(f"{number}.crl", octets)
    assert send(hub, PKI.revoked)["sub_indication"] == "REVOKED_NO_POE"
    assert send(hub, pki.leaf(PKI.authority, "Good"))["sub_indication"] == "CHAIN_CONSTRAINTS_FAILURE"
    assert send(hub, PKI.good)["accepted"] is True


def test_an_endpoint_may_accept_what_is_not_known_and_need_no_register(given: Store) -> None:
    given.sender('registered = false\nrevocation_unknown = "accept_and_say"\n')
    told = send(given.open(), PKI.good)

    assert (told["accepted"], told["revocation"], told["owner"]) == (True, "unknown", "")
    assert told["reason"] == "revocation is not known, which this endpoint accepts"


def test_a_signer_that_may_sign_something_else_is_refused(given: Store) -> None:
    for number, octets in enumerate(PKI.crls()):
        given.put(f"{number}.crl", octets)
    given.register(PKI.good, may_sign="catalogue dossier.result")
    told = send(given.open(), PKI.good)

    assert (told["accepted"], told["error"], told["indication"]) == (False, "untrusted", "TOTAL-PASSED")


def test_an_endpoint_without_purposes_is_as_before(given: Store) -> None:
    support.configure(given.folder, sender='signature = "required"\nanchors = ["authority.crt"]\n', sender_adapter="one_stop")
    told = send(given.open(), PKI.revoked)

    assert (told["accepted"], told["revocation"], told["reason"]) == (True, "not_checked", "revocation was not checked")


# --- settings -----------------------------------------------------------------------------------------------------


def settings_error(given: Store) -> str:
    with pytest.raises(BadSettings) as caught:
        given.open()
    assert caught.value.vi
    return caught.value.en


def test_a_purpose_without_anchor_is_said(given: Store) -> None:
    support.configure(given.folder, sender='purposes = ["government", "public"]\n')

    assert "no anchor for 'public'; there are: government" in settings_error(given)


@pytest.mark.parametrize(
    ("more", "words"),
    [
        ("[revocation]\nfetch = 'always'\n", "[revocation.fetch]"),
        ("[revocation]\nmax_bytes = 0\n", "[revocation.max_bytes]"),
        ("[revokation]\n", "[revokation]"),
        ('[[anchor]]\nname = "Tên"\npurpose = "x"\nfile = "root.crt"\n', "[anchor.1.name]"),
        ("nonsense", "trust.toml"),
    ],
)
def test_what_is_wrong_in_trust_toml_is_said(given: Store, more: str, words: str) -> None:
    given.write(PKI.root, PKI.authority, more)

    assert words in settings_error(given)


def test_a_register_that_names_no_anchor_is_said(given: Store) -> None:
    given.register(PKI.good)
    path = given.folder / "trust" / "register.csv"
    path.write_text(path.read_text(encoding="utf-8").replace("government,H55", "private,H55"), encoding="utf-8")

    assert "register.csv:2 [purpose]: no [[anchor]] has this purpose" in settings_error(given)


# --- the keeper ---------------------------------------------------------------------------------------------------


@pytest.fixture
def server() -> Iterator[RevocationServer]:
    with RevocationServer().running() as running:
        yield running


def keeper_of(hub: Hub, wire: Wire) -> TrustKeeper:
    assert isinstance(hub.trust, TrustBook)
    return TrustKeeper(hub.trust, hub.trust.files.folder, wire.call, hub.clock)


def test_a_new_signer_is_refused_once_and_taken_as_soon_as_its_list_is_there(given: Store, server: RevocationServer) -> None:
    """The message path fetches nothing: the keeper does, as it was told of the path."""
    signer = pki.leaf(PKI.authority, "New", crl_url=f"{server.url}/lower.crl")
    server.files["/lower.crl"] = PKI.crls()[1]
    given.put("upper.crl", PKI.crls()[0])
    given.register(signer)
    hub, wire = given.open(), Wire()

    assert send(hub, signer)["sub_indication"] == "TRY_LATER"
    assert server.asked == []
    keeper_of(hub, wire).round(everything=False)
    wire.close()
    assert server.asked == ["/lower.crl"]
    assert send(hub, signer)["accepted"] is True


def test_the_thread_fetches_and_stops(given: Store, server: RevocationServer) -> None:
    asked, octets = threading.Event(), PKI.crls()[0]

    def listed() -> bytes:
        asked.set()
        return octets

    server.files["/listed.crl"] = listed
    given.write(PKI.root, PKI.authority, f'[revocation]\nlists = ["{server.url}/listed.crl"]\n')
    hub, wire = given.open(), Wire()
    keeper = keeper_of(hub, wire)
    keeper.start()
    assert asked.wait(30)
    assert keeper.alive()
    keeper.stop()
    wire.close()

    assert not keeper.alive()
    assert len(list(given.lists.glob("list-*.crl"))) == 1


def test_the_keeper_says_what_ends_soon_and_what_gave_nothing(given: Store, server: RevocationServer) -> None:
    given.write(PKI.root, PKI.authority, f'[revocation]\nlists = ["{server.url}/none.crl"]\nalarm_hours = 25\n')
    given.put("upper.crl", pki.crl(PKI.root, hours=(-1, 200)))
    given.put("lower.crl", pki.crl(PKI.authority))
    hub, wire = given.open(), Wire()
    with capture_logs() as lines:
        wait = keeper_of(hub, wire).round()
    wire.close()

    told = {line["event"]: line for line in lines}
    assert told["trust.list_ends"]["authority"] == "authority"
    assert told["trust.not_fetched"]["outcome"] == "status"
    assert [line["event"] for line in lines].count("trust.list_ends") == 1
    assert wait == 300.0
    ends = REGISTRY.get_sample_value("lienthong_trust_list_ends_timestamp_seconds", {"authority": "root"})
    assert ends == (NOW.timestamp() // 1) + 200 * 3600


def test_a_folder_that_cannot_be_written_is_said_and_tried_again(given: Store) -> None:
    given.lists.rmdir()
    given.lists.write_text("a file where the folder should be")
    hub, wire = given.open(), Wire()
    with capture_logs() as lines:
        wait = keeper_of(hub, wire).round()
    wire.close()

    assert [line["event"] for line in lines] == ["trust.folder"]
    assert wait == 300.0


# --- the command line ---------------------------------------------------------------------------------------------


def run(given: Store, *words: str) -> tuple[int, Any]:
    done = CliRunner().invoke(app, ["--config", str(given.folder), *words, "--json"])
    return done.exit_code, json.loads(done.stdout)


@pytest.fixture
def today(given: Store) -> tuple[Party, Party]:
    """The same store with a PKI of now: the command line looks at the machine's clock."""
    at = datetime.now(UTC)
    root = pki.root("Root", at=at)
    authority = pki.intermediate(root, "Authority", at=at)
    given.write(root, authority)
    return root, authority


def test_trust_show_says_who_is_trusted_and_what_is_held(given: Store, today: tuple[Party, Party]) -> None:
    root, authority = today
    given.register(PKI.good, PKI.revoked)
    given.put("upper.crl", pki.crl(root, [1, 2], at=datetime.now(UTC)))
    given.put("page.html", b"<html>")
    code, told = run(given, "trust", "show")

    assert code == 0
    assert [(each["name"], each["purpose"], each["list_entries"]) for each in told["authorities"]] == [
        ("root", "government", 2),
        ("authority", "", 0),
    ]
    assert told["authorities"][0]["sha256"] == fingerprint(root.certificate)
    assert told["authorities"][1]["list_ends"] is None
    assert (told["registered"], list(told["unusable"])) == (2, ["page.html"])
    people = CliRunner().invoke(app, ["--config", str(given.folder), "trust", "show"]).stdout
    assert authority.certificate.subject.rfc4514_string() in people
    assert "page.html" in people


def test_trust_refresh_fetches_now_and_fails_where_something_gave_nothing(
    given: Store, today: tuple[Party, Party], server: RevocationServer
) -> None:
    root, authority = today
    server.files["/root.crl"] = pki.crl(root, at=datetime.now(UTC))
    addresses = json.dumps([f"{server.url}/root.crl"])
    given.write(root, authority, f"[revocation]\nlists = {addresses}\n")
    assert run(given, "trust", "refresh")[0] == 0

    server.files["/root.crl"] = b"nothing"
    code, told = run(given, "trust", "refresh")
    assert (code, [each["outcome"] for each in told["fetched"]]) == (1, ["unreadable"])
    assert CliRunner().invoke(app, ["--config", str(given.folder), "trust", "refresh"]).exit_code == 1


def findings(given: Store) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for each in look(given.folder, reach=False):
        if each.where.startswith(("trust/trust.toml", "var/revocation")):
            found.setdefault(each.where, []).append(each.level)
    return found


def test_check_says_how_the_trust_store_stands(given: Store, today: tuple[Party, Party]) -> None:
    root, authority = today
    assert findings(given) == {
        "trust/trust.toml": ["ok"],
        "trust/trust.toml root": ["ok", "warning"],
        "trust/trust.toml authority": ["ok", "warning"],
    }
    at = datetime.now(UTC)
    given.put("upper.crl", pki.crl(root, at=at, hours=(-48, -1)))
    given.put("lower.crl", pki.crl(authority, at=at, hours=(-1, 2)))
    given.put("page.html", b"<html>")
    assert findings(given) == {
        "trust/trust.toml": ["ok"],
        "trust/trust.toml root": ["ok", "error"],
        "trust/trust.toml authority": ["ok", "warning"],
        "var/revocation/page.html": ["warning"],
    }
    given.put("upper.crl", pki.crl(root, at=at))
    given.put("lower.crl", pki.crl(authority, at=at))
    assert findings(given)["trust/trust.toml root"] == findings(given)["trust/trust.toml authority"] == ["ok", "ok"]


def test_check_says_which_anchor_ends(given: Store) -> None:
    at = datetime.now(UTC)
    root = pki.root("Root", at=at, days=(-900, 40))
    given.write(root, pki.intermediate(root, "Authority", at=at, days=(-900, -1)))

    levels = findings(given)
    assert (levels["trust/trust.toml root"][0], levels["trust/trust.toml authority"][0]) == ("warning", "error")


def test_check_needs_no_other_authority_where_purposes_are_named(given: Store, today: tuple[Party, Party]) -> None:
    where = f"endpoints/{support.SENDER}.toml [inbound]"

    assert not [each for each in look(given.folder, reach=False) if each.where == where and "no certificate" in each.en]


def test_without_a_store_nothing_of_it_is_loaded(given: Store) -> None:
    (given.folder / "trust" / "trust.toml").unlink()
    support.configure(given.folder, sender='signature = "none"\n')
    hub = given.open()

    assert isinstance(hub.trust, TrustBook)
    assert hub.trust.asks is False
    assert hub.trust(hub.endpoint(support.SENDER)).judge is None
    assert bootstrap.load_settings(given.folder).trust.anchor == ()
    assert findings(given) == {}
