"""The list of certificates in use: each once, with who stands still when it ends, and a warning in time."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.hashes import SHA256
from typer.testing import CliRunner

from hub import bootstrap, intake, inventory, keyring, trusted
from hub.contract import JWS_HEADER
from hub.edge.cli import app
from hub.edge.cli.checking import look
from hub.rules.expiry import InUse
from hub.rules.signing import sign_jws
from tests.support import hub as support
from tests.support import pki
from tests.support.pki import Party

NOW = datetime.now(UTC)
ROOT = pki.root("Authority", at=NOW)


def ending(days: float, name: str = "Signer", issuer: Party = ROOT) -> Party:
    """Make a signer whose certificate ends in so many days from today."""
    return pki.leaf(issuer, name, at=NOW, days=(-30, days))


def write(folder: Path, name: str, party: Party) -> None:
    (folder / name).parent.mkdir(parents=True, exist_ok=True)
    (folder / name).with_suffix(".key").write_bytes(party.key_pem)
    (folder / name).with_suffix(".crt").write_bytes(party.pem)


def signer(*names: str) -> str:
    return "".join(f'[[signers.default]]\nkey = "file:keys/{name}.key"\ncertificate = "file:keys/{name}.crt"\n' for name in names)


def configured(folder: Path, signers: str, sender: str = "", more: str = 'sign = "jws"\n') -> Path:
    return support.configure(folder, {support.PARTNER: support.At(more=more)}, bus=signers, sender=sender)


def found(folder: Path) -> dict[str, InUse]:
    settings = bootstrap.load_settings(folder)
    listed = inventory.look(settings, keyring.rings(settings), trusted.open_book(settings).store)
    assert len({each.place for each in listed}) == len(listed)
    return {each.place: each for each in listed}


@pytest.mark.parametrize(
    ("days", "warning"),
    [(90, None), (60, None), (59.9, 60), (31, 60), (29.9, 30), (8, 30), (6.9, 7), (0.1, 7), (-0.1, 0), (-40, 0)],
)
def test_a_certificate_warns_sixty_thirty_and_seven_days_before(tmp_path: Path, days: float, warning: int | None):
    write(tmp_path, "keys/a", ending(400))
    (mine,) = found(configured(tmp_path, signer("a"))).values()

    assert mine.warning(mine.ends - timedelta(days=days)) == warning
    assert mine.endpoints == (support.PARTNER,)
    assert (mine.use.kind, mine.use.direction) == ("signing", "out")


def test_a_key_that_another_one_follows_needs_nobody(tmp_path: Path):
    write(tmp_path, "keys/old", ending(5))
    write(tmp_path, "keys/new", ending(300))
    listed = found(configured(tmp_path, signer("old", "new")))

    assert {place: (each.followed, each.warning(NOW)) for place, each in listed.items()} == {
        "signers.default": (True, None),
        "signers.default#2": (False, None),
    }


def test_a_gap_before_the_next_key_is_warned_of(tmp_path: Path):
    write(tmp_path, "keys/old", ending(5))
    write(tmp_path, "keys/new", ending(300))
    later = f"valid_from = {(NOW + timedelta(days=6)).isoformat()}\n"

    assert found(configured(tmp_path, signer("old", "new") + later))["signers.default"].warning(NOW) == 7


def test_what_endpoints_trust_is_listed_with_those_endpoints(tmp_path: Path):
    write(tmp_path, "trust/pinned", ending(100, "Pinned"))
    write(tmp_path, "trust/root", ROOT)
    write(tmp_path, "trust/tsa", pki.root("TSA root", at=NOW))
    stamps = '[timestamps]\ncertificates = ["tsa.crt"]\n'
    listed = found(configured(tmp_path, stamps, 'pinned = ["pinned.crt"]\nanchors = ["root.crt"]\n', ""))

    assert {place: (each.use.kind, each.endpoints) for place, each in listed.items()} == {
        "trust/pinned.crt": ("trusted_signer", (support.SENDER,)),
        "trust/root.crt": ("trusted_authority", (support.SENDER,)),
        "trust/tsa.crt": ("timestamps", ()),
    }
    assert all(each.use.vi != each.use.en for each in listed.values())


def test_the_trust_store_and_tls_are_listed(tmp_path: Path):
    for name in ("trust/root", "keys/door", "keys/clients"):
        write(tmp_path, name, ROOT)
    last = (NOW + timedelta(days=100)).date()
    anchor = f'[[anchor]]\nname = "g1"\npurpose = "government"\nfile = "root.crt"\nvalid_until = {last}\n'
    (tmp_path / "trust/trust.toml").write_text(anchor)
    clients = 'client_authorities = "file:keys/clients.crt"\n'
    doors = f'[doors]\ncertificate = "file:keys/door.crt"\nkey = "file:keys/door.key"\n{clients}'
    listed = found(configured(tmp_path, doors, 'signature = "required"\npurposes = ["government"]\n', ""))

    assert {place: each.use.kind for place, each in listed.items()} == {
        "trust.toml anchor g1": "trusted_authority",
        "doors.certificate": "tls_server",
        "doors.client_authorities": "tls_authority",
    }
    assert listed["trust.toml anchor g1"].endpoints == (support.SENDER,)
    assert listed["trust.toml anchor g1"].ends < ROOT.certificate.not_valid_after_utc
    assert listed["doors.certificate"].endpoints == (support.SENDER,)


def run(folder: Path, *words: str, language: str = "en"):
    done = CliRunner().invoke(app, ["--config", str(folder), "certificates", *words], env={"LIENTHONG_LANG": language})
    assert done.exit_code == 0, done.output
    return done.stdout


def test_the_verb_lists_what_ends_first_and_what_the_ledger_saw(tmp_path: Path):
    write(tmp_path, "keys/ours", ending(20))
    write(tmp_path, "trust/root", ROOT)
    partner = ending(3, "Partner")
    folder = configured(tmp_path, signer("ours"), 'signature = "required"\nanchors = ["root.crt"]\n')
    hub = support.open_hub(folder)
    try:
        request = support.request(support.document(1))
        headers = {JWS_HEADER.lower(): sign_jws(request.body, partner.signer)}
        assert intake.receive(hub, replace(request, headers=headers)).status == 200
    finally:
        support.close(hub)
    rows = json.loads(run(folder, "--json"))["certificates"]

    assert [(each["kind"], each["days_left"], each["warning"]) for each in rows][:2] == [("seen", 2, 7), ("signing", 19, 30)]
    assert rows[0]["endpoints"] == [support.SENDER]
    assert rows[0]["fingerprint"] == partner.certificate.fingerprint(SHA256()).hex()
    rows = json.loads(run(folder, "--json", "--seen-days", "0"))["certificates"]
    assert [each["kind"] for each in rows] == ["signing", "trusted_authority"]
    shown, in_vietnamese = run(folder), run(folder, language="vi")
    assert "2 certificates need somebody" in shown and "nothing can be signed" in shown
    assert "2 chứng thư số cần xử lý" in in_vietnamese and "không ký được" in in_vietnamese


def test_check_warns_of_what_ends_within_sixty_days(tmp_path: Path):
    write(tmp_path, "keys/ours", ending(59))
    write(tmp_path, "trust/tsa", pki.root("TSA root", at=NOW, days=(-30, 10)))
    folder = configured(tmp_path, '[timestamps]\ncertificates = ["tsa.crt"]\n' + signer("ours"))
    said = {each.where: each.en for each in look(folder, reach=False) if each.level == "warning" and "days left" in each.en}

    assert sorted(said) == ["hub.toml [signers.default]", "trust/tsa.crt"]
    assert "(58 days left)" in said["hub.toml [signers.default]"]
