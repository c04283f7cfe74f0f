"""Any order of arrival and loss ends in the same state of every dossier and the same set of progress rows."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from adapters.national_portal_v2.samples.generator import way
from hub.canonical.base import local
from hub.canonical.dossier import DossierMessage
from hub.rules.lifecycle import ENDED, State
from tests.support.second_portal import SecondPortal, second_portal

WAYS = (way(7, 1), way(7, 2))
MESSAGES = tuple(message for each in WAYS for message in each)
SERVICES = ("SoTiepTheo", "NoiHoSo", "CapNhatTienTrinh", "CapNhatTrangThai")
KINDS = (
    ("hang_before", 0.0),
    ("hang_after", 0.0),
    ("proxy_down", None),
    ("html_error", 500),
    ("malformed", None),
    ("expire_token", None),
    ("status", 503),
    ("casing", "IDHoSo"),
)
faults = st.lists(st.tuples(st.sampled_from(KINDS), st.sampled_from(SERVICES)), max_size=6)


@settings(max_examples=8, deadline=None)
@given(order=st.permutations(range(len(MESSAGES))), wrong=faults, between=st.lists(st.booleans(), min_size=20, max_size=20))
def test_the_portal_holds_the_same_in_the_end(order: list[int], wrong: list[Any], between: list[bool]) -> None:
    with tempfile.TemporaryDirectory() as folder, second_portal(Path(folder)) as world:
        for (kind, value), service in wrong:
            world.fault(kind, match=f"/{service}", value=value)
        for place, number in enumerate(order):
            assert world.send(MESSAGES[number]).status == 202
            if between[place % len(between)]:
                world.carry()
        _finish(world)

        account = world.account
        assert account["creates"] == len(WAYS)
        assert account["created_again"] == [] == account["doubled_rows"]
        assert sorted(map(_told, account["dossiers"].values())) == sorted(map(_expected, WAYS))


def _finish(world: SecondPortal) -> None:
    """Let time pass, and an operator look into the portal's books for what is in doubt, until everything has ended."""
    for _ in range(40):
        world.carry_on(rounds=3)
        for row in world.in_doubt():
            if row.doubt == "park":
                world.settle_truly(row)
        if all(State(row.state) in ENDED for row in world.deliveries()):
            return
    raise AssertionError(f"never ended: {world.states()}")


def _told(kept: dict[str, Any]) -> tuple[int, list[tuple[str, int, str]]]:
    return kept["status"], sorted((row["ThoiDiemXuLy"], row["TrangThai"], row["NoiDungXuLy"]) for row in kept["rows"])


def _expected(messages: tuple[DossierMessage, ...]) -> tuple[int, list[tuple[str, int, str]]]:
    """Give the last status by its moment, and every row once."""
    steps = [step for message in messages for step in message.steps]
    last = max(messages, key=lambda message: message.steps[-1].at)
    moments = (local(step.at).replace(tzinfo=None).isoformat(timespec="milliseconds") for step in steps)
    rows = [(moment, int(step.status), step.note) for moment, step in zip(moments, steps, strict=True)]
    return int(last.dossier.status), sorted(rows)
