"""Intake: what is recorded of a signature, wherever it is; what nobody is routed to waits; who may speak of a dossier."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, replace
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.serialization import Encoding
from sqlalchemy import select
from sqlalchemy.engine import Row
from typer.testing import CliRunner

from adapters.one_stop.simulator import SIMULATOR as one_stop_software
from hub import intake, operations
from hub.app import UNROUTED, Hub
from hub.canonical.codes import Status
from hub.conformance.samples import Sample
from hub.contract import JWS_HEADER, Answer, Request
from hub.edge.cli import app
from hub.errors import Untrusted
from hub.ledger.tables import dossiers, holdings, journal, payloads
from hub.registers import history
from hub.rules.lifecycle import State, recorded
from hub.rules.signing import sign_jws
from hub.simulation import SimulatorServer
from tests.support import hub as support
from tests.support import signers
from tests.support.clock import Clock
from tests.support.looking import all_deliveries, all_messages, broken_rows
from tests.support.partner import Partner, served

TO_COMMUNE = '[[route]]\nname = "catalogue"\nkind = "catalogue"\nto = ["commune", "mot_cua"]\n'
#: A rule for dossiers only.
NO_RULE = '[[route]]\nname = "dossiers"\nto = ["commune"]\n'


@dataclass
class House:
    """A configuration folder, and the hub that was opened on it last."""

    folder: Path
    clock: Clock
    _hub: Hub | None = None

    def open(self, *partners: Any, **given: Any) -> Hub:
        """Write the folder anew and open its hub, as after a restart."""
        if self._hub is not None:
            support.close(self._hub)
        support.configure(self.folder, *partners, **given)
        trust = self.folder / "trust"
        trust.mkdir(exist_ok=True)
        (trust / "authority.crt").write_bytes(signers.AUTHORITY.certificate.public_bytes(Encoding.PEM))
        self._hub = support.open_hub(self.folder, self.clock)
        return self._hub

    def close(self) -> None:
        if self._hub is not None:
            support.close(self._hub)


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    made = House(tmp_path / "config", Clock())
    made.folder.mkdir()
    yield made
    made.close()


# --- signatures ------------------------------------------------------------------------------------------------------

#: Adapter -> a sample that its door takes.
JSON_DOORS = {"one_stop": "submitted_without_steps", "ministry": "own_dossier_received", "template": "submitted"}
#: What comes beside the document -> what becomes of it, by the endpoint's ``signature``: accepted, and the verdict.
SIGNED, UNSIGNED, FORGED, BROKEN = "signed", "unsigned", "forged", "broken"
CASES = [
    ("required", SIGNED, True, ("TOTAL-PASSED", "")),
    ("required", UNSIGNED, False, ("NOT-SIGNED", "")),
    ("required", FORGED, False, ("INDETERMINATE", "NO_CERTIFICATE_CHAIN_FOUND")),
    ("required", BROKEN, False, ("TOTAL-FAILED", "SIG_CRYPTO_FAILURE")),
    ("optional", SIGNED, True, ("TOTAL-PASSED", "")),
    ("optional", UNSIGNED, True, ("NOT-SIGNED", "")),
    ("optional", FORGED, False, ("INDETERMINATE", "NO_CERTIFICATE_CHAIN_FOUND")),
    ("optional", BROKEN, False, ("TOTAL-FAILED", "SIG_CRYPTO_FAILURE")),
    ("none", UNSIGNED, True, ("NOT-SIGNED", "")),
    ("none", SIGNED, True, ("NOT-CHECKED", "")),
    ("none", BROKEN, True, ("NOT-CHECKED", "")),
]


def sample(adapter: str) -> Request:
    """Give the call of a sample, at the sender's door."""
    folder = Path(str(import_module(f"adapters.{adapter}").__file__)).parent / "samples" / "in"
    return replace(Sample(folder / f"{JSON_DOORS[adapter]}.json").request(), endpoint=support.SENDER)


def token(kind: str, body: bytes) -> str:
    if kind == UNSIGNED:
        return ""
    if kind == BROKEN:
        return sign_jws(body + b" ", signers.SIGNER.signer)
    return sign_jws(body, (signers.ATTACKER if kind == FORGED else signers.SIGNER).signer)


def beside(request: Request, jws: str) -> Request:
    """Let a signature come with a call."""
    return replace(request, headers={**request.headers, JWS_HEADER.lower(): jws}) if jws else request


def signed_door(house: House, adapter: str, signature: str) -> Hub:
    inbound = f'signature = "{signature}"\nanchors = ["authority.crt"]\n'
    return house.open(sender=inbound, sender_adapter=adapter)


def bytes_of(hub: Hub, digest: str) -> bytes:
    with hub.ledger.read() as conn:
        return bytes(conn.execute(select(payloads.c.body).where(payloads.c.digest == digest)).scalar_one())


def verdict(row: Row[Any]) -> dict[str, Any]:
    return dict(json.loads(row.verdict))


@pytest.mark.parametrize("adapter", JSON_DOORS)
@pytest.mark.parametrize(("signature", "came", "accepted", "told"), CASES)
def test_a_json_door_verifies_the_signature_that_comes_in_the_header(
    house: House, adapter: str, signature: str, came: str, accepted: bool, told: tuple[str, str]
) -> None:
    hub = signed_door(house, adapter, signature)
    request = sample(adapter)
    jws = token(came, request.body)

    answer = intake.receive(hub, beside(request, jws))

    (row,) = all_messages(hub.ledger)
    assert bool(row.accepted) is accepted
    assert (verdict(row)["indication"], verdict(row)["sub_indication"]) == told
    assert bytes_of(hub, row.raw_digest) == request.body
    assert (bytes_of(hub, row.signature_digest).decode() if jws else row.signature_digest) == jws
    passed = told == ("TOTAL-PASSED", "")
    certificate = bytes_of(hub, row.certificate_digest) if passed else b""
    assert certificate == (signers.SIGNER.certificate.public_bytes(Encoding.DER) if passed else b"")
    assert bool(all_deliveries(hub.ledger)) is accepted
    if not accepted:
        check_refusal(answer, row)


def check_refusal(answer: Answer, row: Row[Any]) -> None:
    """It is told in the partner's own protocol, and nothing of which check failed."""
    assert (answer.status, row.error_code) == (403, "untrusted")
    said = json.loads(answer.body)
    assert "error_code" in said or "ma" in said
    reason = verdict(row)["reason"]
    assert reason
    assert "signature not accepted" not in reason
    for detail in (reason, *verdict(row)["indication"].split("-"), verdict(row)["sub_indication"]):
        assert not detail or detail not in answer.body.decode()


def test_the_journal_names_the_signature_that_came(house: House) -> None:
    """Whoever takes it out of the ledger later is seen."""
    hub = signed_door(house, "one_stop", "required")
    request = sample("one_stop")
    for kind in (SIGNED, FORGED):
        intake.receive(hub, beside(request, token(kind, request.body)))

    with hub.ledger.read() as conn:
        entries = [json.loads(text) for text in conn.execute(select(journal.c.entry).order_by(journal.c.seq)).scalars()]
    assert [entry["signature"] for entry in entries] == [row.signature_digest for row in all_messages(hub.ledger)]
    assert len({entry["signature"] for entry in entries}) == 2
    assert broken_rows(hub.ledger) == []


def test_a_signature_is_kept_also_where_the_call_could_not_be_opened(house: House) -> None:
    hub = signed_door(house, "one_stop", "required")
    request = sample("one_stop")

    intake.receive(hub, replace(beside(request, "é\x00.."), idempotency_key=""))

    (row,) = all_messages(hub.ledger)
    assert verdict(row)["indication"] == "NOT-CHECKED"
    assert bytes_of(hub, row.signature_digest) == "é\x00..".encode("latin-1")


def test_the_same_content_signed_anew_is_the_same_message(house: House) -> None:
    """A signature with a random number in it differs each time; what was signed does not."""
    hub = signed_door(house, "one_stop", "required")
    request = sample("one_stop")
    signer = signers.EC_SIGNER.signer

    answers = [intake.receive(hub, beside(request, sign_jws(request.body, signer))) for _ in range(2)]

    assert answers[0] == answers[1]
    assert [row.repeats for row in all_messages(hub.ledger)] == [1]


@pytest.mark.parametrize(
    ("document", "told"),
    [
        (signers.SIGNED.replace("Thú y".encode(), "Thú Y".encode()), "TOTAL-FAILED/HASH_FAILURE"),
        (signers.sign_otherwise(signers.DOCUMENT, signers.ATTACKER), "INDETERMINATE/NO_CERTIFICATE_CHAIN_FOUND"),
        (signers.DOCUMENT, "NOT-SIGNED"),
    ],
    ids=["changed", "by a stranger", "unsigned"],
)
def test_why_a_signature_was_refused_is_the_recorded_verdict(house: House, document: bytes, told: str) -> None:
    """Whatever stands in the document itself is verified as XML; the operator sees the words of the standard, and why."""
    hub = signed_door(house, "template", "required")
    adapter = replace(
        hub.adapters["template"], open_request=lambda request, options: replace(opened(request, options), jws=None)
    )
    opened = hub.adapters["template"].open_request
    hub = replace(hub, adapters={**hub.adapters, "template": adapter})

    intake.receive(hub, Request(endpoint=support.SENDER, body=document))

    (row,) = all_messages(hub.ledger)
    indication, _, sub_indication = told.partition("/")
    assert (verdict(row)["indication"], verdict(row)["sub_indication"]) == (indication, sub_indication)
    assert verdict(row)["checked_at"] == "2026-03-02T09:00:00+07:00"
    assert verdict(row)["signer"] == ""
    shown = CliRunner().invoke(app, ["--config", str(house.folder), "show", row.id]).stdout.replace("\n", " ")
    assert f"{indication} {sub_indication}".strip() in shown
    assert verdict(row)["reason"] in shown


def test_what_is_refused_for_its_content_keeps_the_verdict_on_its_signature(house: House) -> None:
    hub = signed_door(house, "template", "required")
    body = b'{"maThongDiep": "M-1"}'

    intake.receive(hub, beside(Request(endpoint=support.SENDER, body=body), sign_jws(body, signers.SIGNER.signer)))

    (row,) = all_messages(hub.ledger)
    assert (row.error_code, verdict(row)["indication"]) == ("invalid_message", "TOTAL-PASSED")
    with hub.ledger.read() as conn:
        (told,) = history.message_details(conn, [row.id])
    assert told.signature_digest == row.signature_digest != ""


def test_what_an_adapter_does_not_trust_leaves_the_verdict_on_the_signature_alone(house: House) -> None:
    """The mathematics held; that the signer may not sign this is another matter, and stands in the error."""
    hub = signed_door(house, "template", "required")

    def read(*given: Any) -> Any:
        raise Untrusted("the signer is not the applicant", "người ký không phải người nộp", where="hoSo/nguoiNop")

    adapter = replace(hub.adapters["template"], read_message=read)
    body = sample("template").body
    request = beside(sample("template"), sign_jws(body, signers.SIGNER.signer))

    intake.receive(replace(hub, adapters={**hub.adapters, "template": adapter}), request)

    (row,) = all_messages(hub.ledger)
    assert (row.error_where, verdict(row)["indication"]) == ("hoSo/nguoiNop", "TOTAL-PASSED")


# --- catalogues ------------------------------------------------------------------------------------------------------


@pytest.fixture
def software() -> Iterator[SimulatorServer]:
    """A commune's software, which takes catalogues."""
    with one_stop_software() as server:
        yield server


@dataclass
class Catalogues:
    """A ministry that sends its catalogue, and a commune that takes it where a rule says so."""

    house: House
    software: SimulatorServer
    number: int = 0

    def open(self, routes: str) -> Hub:
        folder = self.house.folder / "endpoints"
        folder.mkdir(exist_ok=True)
        commune = f'adapter = "one_stop"\ntitle = "Xã"\n[options]\nbase_url = "{self.software.url}"\n[outbound]\n'
        (folder / "commune.toml").write_text(commune, encoding="utf-8")
        return self.house.open({}, routes=routes, sender_adapter="ministry")

    def send(self, hub: Hub, *names: str, whole: bool = False) -> Answer:
        """Send procedures; a name is that of the procedure with its first letter as its code."""
        self.number += 1
        rows = [{"MATTHC": f"1.{name[0]}", "TENTTHC": name, "TRANGTHAI": "1"} for name in names]
        tree = {"MaCoQuan": "G10", "ToanBo": whole, "DanhSachTTHC": rows}
        body = json.dumps(tree, ensure_ascii=False).encode()
        key = f"C-{self.number}"
        request = Request(endpoint=support.SENDER, body=body, content_type="application/json", idempotency_key=key)
        return intake.receive(hub, request)

    def taken(self, hub: Hub) -> list[list[tuple[str, str]]]:
        """Give name and state of the procedures in each list that the commune took, in their order."""
        rows = [row for row in all_deliveries(hub.ledger) if row.endpoint == "commune"]
        bodies = [json.loads(bytes_of(hub, row.business_digest)) for row in rows if row.state == State.DELIVERED]
        assert {body["MaThongDiep"] for body in bodies} == set(self.software.account()["taken"])
        return [[(row["TENTTHC"], row["TRANGTHAI"]) for row in body["DanhSachTTHC"]] for body in bodies]


@pytest.fixture
def catalogues(house: House, software: SimulatorServer) -> Catalogues:
    return Catalogues(house, software)


def rebuild_parked(hub: Hub) -> None:
    """Let an operator rebuild what is parked, and workers carry it out."""
    for row in all_deliveries(hub.ledger):
        if row.state == State.PARKED:
            operations.rebuild(hub, row.id, actor="an", why="đã thêm quy tắc")
    support.carry_all(hub)


def states(hub: Hub) -> list[tuple[str, str]]:
    return [(row.endpoint, row.state) for row in all_deliveries(hub.ledger)]


def test_a_catalogue_that_no_rule_matches_is_accepted_and_parked(catalogues: Catalogues) -> None:
    hub = catalogues.open(NO_RULE)

    answer = catalogues.send(hub, "Khai tử", whole=True)
    support.carry_all(hub)

    assert answer.status == 202
    (row,) = all_deliveries(hub.ledger)
    assert (row.endpoint, row.subject, row.state, row.error_code) == (UNROUTED, "catalogue:G10", State.PARKED, "no_route")


def test_after_the_rule_is_added_and_it_is_rebuilt_the_catalogue_is_delivered(catalogues: Catalogues) -> None:
    hub = catalogues.open(NO_RULE)
    catalogues.send(hub, "Khai tử", "Lập hộ", whole=True)

    hub = catalogues.open(TO_COMMUNE)
    rebuild_parked(hub)

    assert catalogues.taken(hub) == [[("Khai tử", "1"), ("Lập hộ", "1")]]
    assert states(hub) == [("commune", State.DELIVERED), (UNROUTED, State.DELIVERED)]
    assert broken_rows(hub.ledger) == []


def test_without_a_rule_yet_a_rebuilt_catalogue_is_parked_again(catalogues: Catalogues) -> None:
    hub = catalogues.open(NO_RULE)
    catalogues.send(hub, "Khai tử")

    rebuild_parked(hub)

    assert states(hub) == [(UNROUTED, State.PARKED)]


def test_what_a_whole_catalogue_switched_off_is_switched_off_late_too(catalogues: Catalogues) -> None:
    """The register knows at reception what is gone; the recipient learns it when the rule is there."""
    hub = catalogues.open(TO_COMMUNE)
    catalogues.send(hub, "Khai tử", "Lập hộ", whole=True)
    support.carry_all(hub)
    hub = catalogues.open(NO_RULE)
    catalogues.send(hub, "Khai tử", whole=True)

    hub = catalogues.open(TO_COMMUNE)
    rebuild_parked(hub)

    assert catalogues.taken(hub)[1:] == [[("Lập hộ", "0")]]


def test_a_later_catalogue_does_not_overtake_one_that_waits_for_a_rule(catalogues: Catalogues) -> None:
    """The rule is there when the second one comes, but the first one is not rebuilt yet."""
    hub = catalogues.open(NO_RULE)
    catalogues.send(hub, "Khai tử", "Lập hộ")
    hub = catalogues.open(TO_COMMUNE)
    catalogues.send(hub, "Kết hôn", "Lập hộ")
    support.carry_all(hub)
    assert catalogues.taken(hub) == []

    rebuild_parked(hub)

    assert catalogues.taken(hub) == [[("Khai tử", "1"), ("Lập hộ", "1")], [("Kết hôn", "1")]]


def test_what_was_given_late_counts_as_held(catalogues: Catalogues) -> None:
    """A procedure that goes back to what the recipient had before the late catalogue is sent again."""
    hub = catalogues.open(TO_COMMUNE)
    catalogues.send(hub, "Khai tử")
    support.carry_all(hub)
    hub = catalogues.open(NO_RULE)
    catalogues.send(hub, "Kết hôn")
    hub = catalogues.open(TO_COMMUNE)
    rebuild_parked(hub)

    catalogues.send(hub, "Kết hôn")
    catalogues.send(hub, "Khai tử")
    support.carry_all(hub)

    assert catalogues.taken(hub) == [[("Khai tử", "1")], [("Kết hôn", "1")], [("Khai tử", "1")]]
    with hub.ledger.read() as conn:
        assert set(conn.execute(select(holdings.c.holder)).scalars()) == {"commune"}


# --- dossiers --------------------------------------------------------------------------------------------------------


@pytest.fixture
def partner() -> Iterator[tuple[Partner, support.At]]:
    """A partner that counts, and how it is configured."""
    counting = Partner()
    with served(counting) as server:
        yield counting, support.At(url=server.url, services=support.SERVICES + "[inbound]\n")


def status_of(hub: Hub, dossier: str) -> str:
    with hub.ledger.read() as conn:
        return str(conn.execute(select(dossiers.c.status).where(dossiers.c.key == f"national:{dossier}")).scalar_one())


#: Template's word for a status -> the status, in the order in which they come; and whether that is out of step.
STEPS = [
    ("MOI", "1", False),
    ("XULY", "4", True),
    ("TIEPNHAN", "4", True),
    ("MOI", "4", True),
    ("CHOBOSUNG", "5", False),
    ("XULY", "4", False),
    ("DATRA", "10", True),
    ("XULY", "10", True),
]


@pytest.mark.parametrize("out_of_step", ["warn", "park"])
def test_the_recorded_state_is_never_moved_back(house: House, out_of_step: str) -> None:
    """Skipped steps are taken; older ones are accepted, recorded, warned of or parked, and change nothing."""
    hub = house.open(sender=f'out_of_step = "{out_of_step}"\n')
    for number, (word, status, unknown) in enumerate(STEPS):
        assert support.send(hub, number, status=word).status == 200

        assert status_of(hub, "H01-1") == status, word
        assert json.loads(all_messages(hub.ledger)[-1].warnings) == (["out_of_step"] if unknown else [])

    assert len(all_deliveries(hub.ledger)) == len(STEPS)
    parks = [row.error_code == "out_of_step" for row in all_deliveries(hub.ledger)]
    assert parks == [unknown and out_of_step == "park" for _, _, unknown in STEPS]


def test_messages_of_one_document_move_the_state_one_after_the_other(house: House) -> None:
    """The second one stands to the first, not to what the register held before both."""
    hub = house.open(sender_adapter="one_stop")
    record = json.loads(sample("one_stop").body)["HoSo"] | {"NgayTiepNhan": "20260302080000"}
    given = ["2", "4", "2"]
    body = json.dumps([record | {"TrangThaiHoSo": status} for status in given], ensure_ascii=False).encode()

    assert intake.receive(hub, replace(sample("one_stop"), body=body)).status == 202

    assert recorded(Status.PROCESSING, Status.RECEIVED).value == status_of(hub, record["MaHoSo"]) == "4"
    assert json.loads(all_messages(hub.ledger)[-1].warnings) == ["out_of_step"]


def test_a_dossier_of_others_is_refused_and_its_partners_may_speak(
    house: House, partner: tuple[Partner, support.At]
) -> None:
    """Origin and recipients take part; a third system learns that it does not, and nothing of the dossier changes."""
    counting, at = partner
    routes = f'[[route]]\nname = "to bo"\nfrom = ["{support.SENDER}"]\nto = ["bo"]\n'
    routes += '[[route]]\nname = "back"\nfrom = ["bo"]\nto = ["@origin"]\n[[route]]\nname = "stranger"\nto = ["bo"]\n'
    hub = house.open({"bo": at, "stranger": at}, routes=routes, sender_outbound=replace(at, services=support.SERVICES))
    support.send(hub, 1)

    strange = intake.receive(hub, support.request(support.document(2, status="RUT", identity="S-1"), "stranger"))
    native = intake.receive(hub, support.request(support.document(3, identity="B-1"), "bo"))
    support.carry_all(hub)

    assert (strange.status, native.status) == (403, 200)
    (fault,) = json.loads(strange.body)["loi"]
    assert (fault["cho"], fault["ma"]) == ("/HoSo/MaHoSo", "not_permitted")
    assert [(row.endpoint, bool(row.accepted), row.error_code) for row in all_messages(hub.ledger)] == [
        (support.SENDER, True, ""),
        ("stranger", False, "not_permitted"),
        ("bo", True, ""),
    ]
    assert counting.marks("H01-1") == ["#1", "#3"]
    assert status_of(hub, "H01-1") == "4"
