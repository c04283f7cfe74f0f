"""Lists of codes that partners hold are taken over at night, where the endpoint's file says when."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import select

from hub.app import Hub
from hub.canonical.base import local
from hub.errors import NotAllowed
from hub.ledger.night_tables import nights as kept
from hub.reconcile import nights, partner_codes
from tests.support.ephyto_world import EPHYTO, EphytoWorld, ephyto_world


def at_night(world: EphytoWorld, hub: Hub) -> None:
    """Do what there is to do, as a process does it."""
    for task in nights.due(hub):
        assert nights.take(hub, task, "one")
        nights.carry(nights.Work(hub=hub, task=task, holder="one", stops=lambda seconds: False))


def done(hub: Hub) -> dict[str, str]:
    with hub.ledger.read() as conn:
        return {row.task: row.done for row in conn.execute(select(kept))}


def taking_at(hub: Hub, moment: str) -> Hub:
    endpoint = hub.endpoint(EPHYTO)
    assert endpoint.outbound
    policy = endpoint.outbound.model_copy(update={"take_codes_at": moment})
    return replace(hub, endpoints={**hub.endpoints, EPHYTO: replace(endpoint, outbound=policy)})


def test_the_lists_are_taken_over_once_a_night_and_an_empty_one_never(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with ephyto_world(tmp_path / "config") as world:
        now = local(world.clock())
        world.clock.advance(86400 - (now.hour * 3600 + now.minute * 60 + now.second))
        assert nights.due(taking_at(world.hub, "")) == ()
        hub = taking_at(world.hub, "02:30")
        assert nights.due(hub) == ()

        world.clock.advance(3 * 3600)
        at_night(world, hub)

        holder = partner_codes.holder_of(hub, EPHYTO)
        filled = {each for each in holder.code_lists.values() if hub.codes(fresh=True).tables.get(each)}
        assert len(filled) > 5
        assert done(hub) == {f"codes:{EPHYTO}": local(world.clock()).date().isoformat()}
        assert nights.due(hub) == ()
        # The partner has nothing all of a sudden.
        service = next(each for each, name in holder.code_lists.items() if name in filled)
        monkeypatch.setattr(type(holder), "codes_of", lambda self, name: ())
        with pytest.raises(NotAllowed):
            partner_codes.pull(hub, EPHYTO, service, take=True, actor="x", why="y")
        assert hub.codes(fresh=True).tables[holder.code_lists[service]]
