"""What a holder of procedures was never given is given by the next catalogue, also after an operator gave a delivery up."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from adapters.one_stop.simulator import SIMULATOR as one_stop_software
from hub import intake, operations
from hub.app import Hub
from hub.contract import Request
from hub.ledger import payloads
from hub.rules.lifecycle import State
from hub.simulation import SimulatorServer
from tests.support import hub as support
from tests.support.looking import all_deliveries

ROUTES = '[[route]]\nname = "catalogue"\nkind = "catalogue"\nto = ["commune"]\n'


@dataclass
class Owner:
    """A ministry that sends its catalogue to a commune."""

    hub: Hub
    software: SimulatorServer
    number: int = 0

    def send(self, *codes: str, name: str = "A", whole: bool = False, refuses: bool = False) -> None:
        """Send procedures; the commune may refuse them."""
        self.number += 1
        if refuses:
            self.software.faults.add("refuse", value="bảo trì")
        rows = [{"MATTHC": code, "TENTTHC": name, "TRANGTHAI": "1"} for code in codes]
        body = json.dumps({"MaCoQuan": "G10", "ToanBo": whole, "DanhSachTTHC": rows}, ensure_ascii=False).encode()
        key = f"C-{self.number}"
        answer = intake.receive(
            self.hub, Request(endpoint=support.SENDER, body=body, content_type="application/json", idempotency_key=key)
        )
        assert answer.status == 202
        support.carry_all(self.hub)

    def abandon(self) -> None:
        """Give up what is parked."""
        (parked,) = [row for row in all_deliveries(self.hub.ledger) if row.state == State.PARKED]
        operations.abandon(self.hub, parked.id, actor="lan", why="phần mềm xã không nhận")
        support.carry_all(self.hub)

    def taken(self) -> list[dict[str, str]]:
        """Give what each list that the commune took says: code -> in use or not."""
        rows = [row for row in all_deliveries(self.hub.ledger) if row.state == State.DELIVERED]
        with self.hub.ledger.read() as conn:
            bodies = [json.loads(payloads.get(conn, row.business_digest) or b"") for row in rows]
        return [{each["MATTHC"]: each["TRANGTHAI"] for each in body["DanhSachTTHC"]} for body in bodies]


@pytest.fixture
def owner(tmp_path: Path) -> Iterator[Owner]:
    with one_stop_software() as software:
        (tmp_path / "endpoints").mkdir()
        commune = f'adapter = "one_stop"\ntitle = "Xã"\n[options]\nbase_url = "{software.url}"\n[outbound]\n'
        (tmp_path / "endpoints" / "commune.toml").write_text(commune, encoding="utf-8")
        hub = support.open_hub(support.configure(tmp_path, {}, routes=ROUTES, sender_adapter="ministry"))
        yield Owner(hub, software)
        support.close(hub)


def test_what_was_given_up_is_given_by_the_next_catalogue(owner: Owner) -> None:
    owner.send("1.1")
    owner.send("1.2", "1.3", refuses=True)
    owner.abandon()

    owner.send("1.1", "1.2", "1.3", whole=True)

    assert owner.taken() == [{"1.1": "1"}, {"1.2": "1", "1.3": "1"}]


def test_what_a_later_catalogue_gave_is_not_given_twice(owner: Owner) -> None:
    owner.send("1.1", "1.2", refuses=True)
    owner.send("1.1", name="B")
    owner.abandon()

    owner.send("1.1", name="B")
    owner.send("1.2")

    assert owner.taken() == [{"1.1": "1"}, {"1.2": "1"}]


def test_a_procedure_that_is_out_of_use_is_said_so_again_where_that_was_given_up(owner: Owner) -> None:
    owner.send("1.1", "1.2")
    owner.send("1.1", whole=True, refuses=True)
    owner.abandon()

    owner.send("1.1", whole=True)
    owner.send("1.1", whole=True)

    assert owner.taken() == [{"1.1": "1", "1.2": "1"}, {"1.2": "0"}]
