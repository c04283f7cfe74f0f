"""``[member]`` and the keys of seals: what cannot work, or would let one pass for another, is refused when it is read."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat
from typer.testing import CliRunner

from hub import bootstrap
from hub.app import Hub
from hub.bus.sealing import HEADER, opened, sealed
from hub.edge.cli import app
from hub.errors import BadSettings, Untrusted
from hub.rules import member_seal
from hub.rules.member_seal import MemberHead
from hub.rules.queued import Due
from hub.trust import keys
from tests.support import hub as support

PARTNER, OTHER = support.PARTNER, "cong"
BUS = '[bus]\nurl = "amqp://hub@127.0.0.1:1/vhost"\npassword = "env:TESTS_BUS_PASSWORD"\n'
OWN_BROKER = '[amqp]\nurl = "amqp://a@b/c"\npassword = "env:TESTS_BUS_PASSWORD"\nconsume_queue = "q"\n'
OWN, NEXT, FOREIGN = (ec.generate_private_key(ec.SECP256R1()) for _ in range(3))


def public(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)


def member(user: str = "bo-user", *files: str, more: str = "") -> str:
    return f'\n[member]\nuser = "{user}"\nseal_keys = [{", ".join(repr(each) for each in files or ("own.pem",))}]\n{more}'


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("TESTS_BUS_PASSWORD", "a password")
    (tmp_path / "trust").mkdir()
    for name, key in {"own": OWN, "next": NEXT, "foreign": FOREIGN}.items():
        (tmp_path / "trust" / f"{name}.pem").write_bytes(public(key))
    return tmp_path


def opened_hub(folder: Path, partners: dict[str, str], *, bus: str = BUS, seal: str = "") -> Hub:
    at = {name: support.At(services=lines) for name, lines in partners.items()}
    hub = bootstrap.open_hub(bootstrap.load_settings(support.configure(folder, at, bus=bus + seal)))
    hub.ledger.close()
    return hub


def told(folder: Path, partners: dict[str, str], **given: str) -> BadSettings:
    with pytest.raises(BadSettings) as caught:
        opened_hub(folder, partners, **given)
    return caught.value


@pytest.mark.parametrize(
    ("partners", "bus", "why"),
    [
        ({PARTNER: member()}, "", "members need a broker"),
        ({PARTNER: member() + OWN_BROKER}, BUS, "[amqp]"),
        ({PARTNER: support.SERVICES + member()}, BUS, "cannot be asked"),
        ({PARTNER: member(), OTHER: member("bo-user", "next.pem")}, BUS, "same user"),
        ({PARTNER: member("hub")}, BUS, "same user"),
        ({PARTNER: member(), OTHER: member("other-user")}, BUS, "keys of its own"),
        ({PARTNER: member("bo-user", "absent.pem")}, BUS, "absent.pem"),
    ],
)
def test_what_cannot_be_is_told(folder: Path, partners: dict[str, str], bus: str, why: str) -> None:
    error = told(folder, partners, bus=bus)

    assert why in error.en
    assert "[member]" in error.vi


@pytest.mark.parametrize(("user", "files"), [("bo", "[]"), ("b o", '["own.pem"]')])
def test_an_empty_list_of_keys_and_a_strange_user_are_refused(folder: Path, user: str, files: str) -> None:
    assert "member." in told(folder, {PARTNER: f'[member]\nuser = "{user}"\nseal_keys = {files}\n'}).en


def test_a_key_that_is_not_on_the_curve_is_refused(folder: Path) -> None:
    (folder / "trust" / "own.pem").write_bytes(public(ec.generate_private_key(ec.SECP384R1())))

    assert "P-256" in told(folder, {PARTNER: member()}).en


def test_the_hubs_own_key_is_no_members_key(folder: Path) -> None:
    support.configure(folder)
    (folder / "trust" / "own.pem").write_bytes(public(keys.load_seal_key((folder / "keys" / "seal.pem").read_bytes()).key))

    assert "hub.toml [seal]" in told(folder, {PARTNER: member()}).en


def says(key: ec.EllipticCurvePrivateKey) -> str:
    head = MemberHead(
        issuer=PARTNER, audience="lienthong", key_id=keys.key_id(key.public_key()), purpose="message", id="m-1"
    )
    return member_seal.seal(b"", head, key)


def test_a_member_moves_from_one_key_to_the_next_without_a_gap(folder: Path) -> None:
    before = opened_hub(folder, {PARTNER: member()}).members[PARTNER]
    between = opened_hub(folder, {PARTNER: member("bo-user", "own.pem", "next.pem")}).members[PARTNER]
    after = opened_hub(folder, {PARTNER: member("bo-user", "next.pem")}).members[PARTNER]

    assert before.open(b"", says(OWN)).id == between.open(b"", says(OWN)).id == between.open(b"", says(NEXT)).id == "m-1"
    assert after.open(b"", says(NEXT)).id == "m-1"
    for member_then, key in ((before, NEXT), (after, OWN), (between, FOREIGN)):
        with pytest.raises(Untrusted):
            member_then.open(b"", says(key))


def test_the_hub_moves_from_one_seal_key_to_the_next_without_a_gap(folder: Path) -> None:
    """What was sealed with the old key is opened by processes that have the new one, and the other way round."""
    due = Due(id="d-1", endpoint=PARTNER, epoch=1, purpose="deliver", canonical=b"{}")
    partners = {PARTNER: member()}
    old_key = keys.load_seal_key((support.configure(folder) / "keys" / "seal.pem").read_bytes())
    (folder / "trust" / "old.pem").write_bytes(public(old_key.key))
    old = opened_hub(folder, partners, seal='[seal]\naccepted = ["next.pem"]\n').members[PARTNER].keys
    (folder / "keys" / "next.pem").write_bytes(NEXT.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    moved = '[seal]\nkey = "file:keys/next.pem"\n'
    new = opened_hub(folder, partners, seal=f'{moved}accepted = ["old.pem"]\n').members[PARTNER].keys
    alone = opened_hub(folder, partners, seal=moved).members[PARTNER].keys

    assert opened(due.canonical, {HEADER: sealed(due, old)}, new) == due
    assert opened(due.canonical, {HEADER: sealed(due, new)}, old) == due
    with pytest.raises(Untrusted):
        opened(due.canonical, {HEADER: sealed(due, old)}, alone)


def test_check_names_the_key_of_a_member_and_asks_for_no_token_at_its_door(folder: Path) -> None:
    opened_hub(folder, {PARTNER: member(more="[inbound]\n")})

    result = CliRunner().invoke(app, ["--config", str(folder), "check", "--no-reach", "--json"])

    assert keys.key_id(OWN.public_key()) in result.stdout
    assert f"endpoints/{PARTNER}.toml [inbound]" not in result.stdout


def test_the_rights_of_members_are_printed_with_those_of_the_hub(folder: Path) -> None:
    opened_hub(folder, {PARTNER: member()})

    result = CliRunner().invoke(app, ["--config", str(folder), "bus", "permissions"])

    lines = result.stdout.replace("\\", "").split(f"# {PARTNER}\n")[1].splitlines()
    assert [re.sub(r"['^$]", "", line) for line in lines] == [
        "rabbitmqctl add_user bo-user",
        "rabbitmqctl set_permissions -p vhost bo-user  lienthong lienthong.member.bo",
        "rabbitmqctl set_topic_permissions -p vhost bo-user lienthong intake.bo ",
    ]
