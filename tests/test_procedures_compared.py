"""What a holder has is compared with what its owner says, field by field, and mended where it can be written to."""

from __future__ import annotations

from collections.abc import Iterator
from importlib.metadata import entry_points
from pathlib import Path

import pytest

from hub import bootstrap, intake
from hub.app import Hub
from hub.canonical.procedure import Procedure
from hub.contract import Request
from hub.edge.demo import world
from hub.errors import NotAllowed
from hub.reconcile import catalogue
from hub.rules.json_door import write_json
from hub.simulation import SimulatorServer

CATALOGUE = {
    "MaCoQuan": "G10",
    "ToanBo": True,
    "DanhSachTTHC": [
        {"MATTHC": "1.800001", "TENTTHC": "Cấp giấy phép A", "TRANGTHAI": "1", "YEUCAU": "Không", "MucDo": "4"},
        {"MATTHC": "1.800002", "TENTTHC": "Cấp giấy phép B", "TRANGTHAI": "1", "MucDo": "3"},
    ],
}


@pytest.fixture
def portal() -> Iterator[SimulatorServer]:
    make = entry_points(group="lienthong.simulators")["national_portal"].load()
    with make(username="lienthong", password=world.PORTAL_PASSWORD, procedures=0) as server:
        yield server


def opened(folder: Path, portal: SimulatorServer, *, writes: bool) -> Hub:
    tokens, _ = world.prepare(folder)
    world.write_config(folder, 9, tokens, dict.fromkeys(world.PARTNERS, "http://127.0.0.1:9") | {"dvcqg": portal.url})
    path = folder / "endpoints" / "dvcqg.toml"
    if not writes:
        path.write_text(path.read_text().replace('write_procedure_service = "DongBoThuTuc"', ""))
    return bootstrap.open_hub(bootstrap.load_settings(folder))


@pytest.fixture
def hub(tmp_path: Path, portal: SimulatorServer) -> Iterator[Hub]:
    hub = opened(tmp_path / "config", portal, writes=False)
    yield hub
    hub.ledger.close()


def told(hub: Hub, key: str = "k1", **changed: object) -> int:
    """Have the ministry publish its catalogue."""
    body = write_json({**CATALOGUE, **changed})
    request = Request(endpoint="bo_nnmt", body=body, content_type="application/json", idempotency_key=key)
    return intake.receive(hub, request).status


def test_a_holder_without_a_procedure_lacks_it_whole(hub: Hub) -> None:
    assert told(hub) == 202

    found = catalogue.compare(hub, "dvcqg")

    assert [(each.code, each.field) for each in found] == [("1.800001", ""), ("1.800002", "")]


def test_a_holder_that_cannot_be_written_to_gives_a_work_list_and_no_deliveries(hub: Hub) -> None:
    told(hub)

    done = catalogue.publish(hub, "dvcqg", actor="cán bộ", why="đồng bộ")

    assert done.messages == ()
    assert [each.code for each in done.work_list] == ["1.800001", "1.800002"]


def test_differences_are_named_field_by_field_and_the_service_level_is_not_among_them() -> None:
    mine = Procedure(code="1.8", name="Cấp giấy phép", level=4, field_code="G10-MT", details={"YEUCAU": "Có", "MOTA": ""})
    theirs = Procedure(code="1.8", name="Cấp  giấy phép", level=None, field_code="G10-MT", details={"YEUCAU": "Không"})

    found = list(catalogue._different("G10", mine, theirs))

    assert [(each.field, each.ours, each.theirs) for each in found] == [
        ("name", "Cấp giấy phép", "Cấp  giấy phép"),
        ("YEUCAU", "Có", "Không"),
    ]


def test_a_procedure_no_longer_in_use_is_not_missed_at_a_holder_that_lacks_it() -> None:
    assert list(catalogue._different("G10", Procedure(code="1.8", name="A", active=False), None)) == []


def test_what_a_whole_list_no_longer_names_is_out_of_use(hub: Hub) -> None:
    told(hub)
    told(hub, "k2", DanhSachTTHC=CATALOGUE["DanhSachTTHC"][:1])

    assert [each.code for each in catalogue.compare(hub, "dvcqg")] == ["1.800001"]


def test_a_holder_that_cannot_be_asked_says_so(hub: Hub) -> None:
    with pytest.raises(NotAllowed):
        catalogue.compare(hub, "thai_nguyen")


def test_publishing_makes_one_delivery_for_each_procedure_that_differs(tmp_path: Path, portal: SimulatorServer) -> None:
    hub = opened(tmp_path / "config", portal, writes=True)
    try:
        told(hub)

        done = catalogue.publish(hub, "dvcqg", actor="cán bộ", why="đồng bộ")

        assert [code for code, _ in done.messages] == ["1.800001", "1.800002"]
        due = [each.endpoint for each in hub.ledger.queue(hub.now(), hub.budgets())]
        assert due.count("dvcqg") == 2
    finally:
        hub.ledger.close()
