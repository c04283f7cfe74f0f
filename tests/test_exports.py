"""Evidence for console and API: it stands in the dossier's chain before it is written, and nobody gets more than they see."""

from __future__ import annotations

import base64
import io
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from hub.app import Hub
from hub.edge.acts import on_evidence
from hub.edge.acts.act import perform
from hub.edge.acts.everything import ACTS
from hub.errors import BadSettings, Forbidden, HubError, NotAllowed, Unavailable
from hub.registers import container_checks, history
from hub.rules.people import Person, Role
from hub.rules.signing import Ring
from tests.support import hub as hubs
from tests.support import pki
from tests.support.engines import ENGINES, ledger_on
from tests.support.hub import PARTNER, SENDER
from tests.support.looking import all_deliveries, all_messages, broken_rows
from tests.support.world import World

ACT = ACTS["evidence export"]
LAN = Person(login="lan", roles=frozenset({Role.AUDITOR}))


@pytest.fixture(params=ENGINES)
def hub(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Hub]:
    """A hub with a key that seals evidence, and two dossiers."""
    with ledger_on(request.param) as url:
        world = World.open(tmp_path, url)
        signer = pki.leaf(pki.root("Tổ chức thử nghiệm"), "Trục liên thông thử nghiệm").signer
        opened = replace(world.hub, signers={"default": Ring("default", (signer,))})
        for number in (1, 2):
            hubs.send(opened, number, f"H{number}")
        yield opened
        world.close()


def exported(hub: Hub, name: str = "national:H1", person: Person = LAN, **more: Any) -> on_evidence.ExportedContainer:
    return perform(hub, person, ACT, ACT.asked.model_validate({"name": name, "why": "tòa án yêu cầu", **more}))


def told(hub: Hub, subject: str = "national:H1") -> list[dict[str, Any]]:
    with hub.ledger.read() as conn:
        return [dict(row.entry) for row in history.journal_of(conn, subject) if row.event == "evidence.exported"]


def test_what_leaves_is_whole_and_has_its_own_export_in_it(hub: Hub) -> None:
    done = exported(hub)
    verdict = container_checks.verify(io.BytesIO(base64.b64decode(done.container_base64)), ())

    assert verdict.holds
    assert told(hub) == [{"kind": "subject", "personal_data": True, "files": False, "why": "tòa án yêu cầu"}]
    # Two rows of this dossier: it came, and its evidence left.
    assert "journal/1/000002.json" in done.about.files
    assert broken_rows(hub.ledger) == []


def test_a_message_and_a_delivery_are_named_in_the_journal(hub: Hub) -> None:
    message, delivery = all_messages(hub.ledger)[0].id, all_deliveries(hub.ledger)[0].id
    exported(hub, message, without_personal_data=True)
    exported(hub, delivery)

    assert [(row.get("message"), row.get("delivery"), row["personal_data"]) for row in told(hub)] == [
        (message, None, False),
        (None, delivery, True),
    ]


def test_where_it_cannot_be_written_the_export_stands_there_all_the_same(hub: Hub) -> None:
    """A power cut, a full disk: what may have left must not be missing in the journal."""

    class Full(io.BytesIO):
        def write(self, _octets: Any) -> int:
            raise OSError(28, "No space left on device")

    with pytest.raises(OSError, match="No space"):
        on_evidence.write(hub, LAN, on_evidence.Exporting(name="national:H1", why="x"), Full())

    assert len(told(hub)) == 1


def no_authority(_digest: bytes) -> bytes:
    raise Unavailable("the authority does not answer", "tổ chức cấp dấu thời gian không trả lời")


def test_without_a_time_token_it_can_be_had_while_the_authority_is_silent(hub: Hub) -> None:
    silent = replace(hub, has_timestamps=True, stamp=no_authority)
    with pytest.raises(Unavailable):
        exported(silent)

    assert exported(silent, without_timestamp=True).about.stamped is False


@pytest.mark.parametrize(
    ("asked", "roles", "scope", "error"),
    [
        ({"name": "national:H3"}, {Role.AUDITOR}, None, NotAllowed),
        ({}, {Role.VIEWER, Role.APPROVER, Role.ADMINISTRATOR}, None, Forbidden),
        ({}, {Role.OPERATOR}, frozenset({"another"}), Forbidden),
    ],
)
def test_what_is_refused_writes_nothing(hub: Hub, asked: Any, roles: Any, scope: Any, error: type[HubError]) -> None:
    with pytest.raises(error):
        exported(hub, **asked, person=Person(login="lan", roles=frozenset(roles), scope=scope))

    assert told(hub) == []


def test_without_a_key_nothing_is_promised(hub: Hub) -> None:
    with pytest.raises(BadSettings, match="signers"):
        exported(replace(hub, signers={}))

    assert told(hub) == []


@pytest.mark.parametrize("end", [SENDER, PARTNER])
def test_who_sends_or_receives_all_of_it_may_have_it(hub: Hub, end: str) -> None:
    person = replace(LAN, scope=frozenset({end}))

    assert exported(hub, person=person).about.files


def test_a_container_that_is_too_large_for_an_answer_says_where_to_get_it(hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(on_evidence, "LARGEST_BYTES", 100)

    with pytest.raises(NotAllowed, match="console"):
        exported(hub)
