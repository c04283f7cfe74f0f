"""What is offered to an operator is what the hub accepts, state by state and policy by policy, and nothing else."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from hub import operations
from hub.errors import NotAllowed
from hub.ledger.operator_verbs import TYPED
from hub.operations import Done
from hub.registers import possible
from hub.registers.records import DeliveryDetail
from tests.support.hub import PARTNER
from tests.support.night_shift import Shift, shift

WHO = {"actor": "lan", "why": "thử"}
ACKNOWLEDGED = '[outbound.services.GuiHoSo]\nadvance_on = "acknowledged"\n'


def abandon_all(night: Shift, delivery_id: str) -> Done:
    seen = operations.followers(night.hub, delivery_id)
    if not seen:
        raise NotAllowed("nobody waits behind it", "không có lượt nào phía sau")
    return operations.abandon_all(night.hub, delivery_id, seen, **WHO)


#: Verb as it is typed -> the operation behind it.
VERBS: Mapping[str, Callable[[Shift, str], Done]] = {
    "ask": lambda night, each: operations.ask(night.hub, each, **WHO),
    "release": lambda night, each: operations.release(night.hub, each, **WHO),
    "rebuild": lambda night, each: operations.rebuild(night.hub, each, **WHO),
    "settle --arrived": lambda night, each: operations.settle(night.hub, each, arrived=True, **WHO),
    "settle --not-arrived": lambda night, each: operations.settle(night.hub, each, arrived=False, **WHO),
    "settle --acknowledged": lambda night, each: operations.settle_answer(night.hub, each, acknowledged=True, **WHO),
    "settle --refused": lambda night, each: operations.settle_answer(night.hub, each, acknowledged=False, **WHO),
    "abandon": lambda night, each: operations.abandon(night.hub, each, **WHO),
    "abandon --followers": abandon_all,
}


def parked(night: Shift) -> None:
    night.faults["H01-1"] = "refuse"
    night.send(1)


def parked_with_a_follower(night: Shift) -> None:
    parked(night)
    night.send(2)


def in_doubt(night: Shift) -> None:
    night.faults["H01-1"] = "garble"
    night.send(1)


def parked_and_perhaps_arrived(night: Shift) -> None:
    """Parked by hand in the ledger, as no flow does it: an earlier attempt is not settled."""
    in_doubt(night)
    with night.hub.ledger._engine.begin() as conn:
        conn.exec_driver_sql("UPDATE deliveries SET state = 'parked'")


def paused(night: Shift) -> None:
    operations.pause(night.hub, PARTNER, **WHO)
    night.send(1)


def delivered(night: Shift) -> None:
    night.send(1)


Situation = tuple[Callable[[Shift], None], dict[str, Any], set[str]]
#: What stands there, by which policy -> what is offered.
SITUATIONS: Mapping[str, Situation] = {
    "parked": (parked, {}, {"release", "rebuild", "settle --arrived", "abandon"}),
    "parked, with a follower": (
        parked_with_a_follower,
        {},
        {"release", "rebuild", "settle --arrived", "abandon", "abandon --followers"},
    ),
    "parked, may have arrived": (parked_and_perhaps_arrived, {}, {"release", "settle --arrived", "abandon"}),
    "in doubt, can be asked": (in_doubt, {}, {"ask", "settle --arrived", "settle --not-arrived"}),
    "in doubt, cannot be asked": (in_doubt, {"services": ""}, {"settle --arrived", "settle --not-arrived"}),
    "not sent yet": (paused, {}, {"settle --arrived"}),
    "delivered": (delivered, {}, set()),
    "delivered, not acknowledged": (delivered, {"services": ACKNOWLEDGED}, {"settle --acknowledged", "settle --refused"}),
}


def seen(night: Shift) -> tuple[DeliveryDetail, tuple[str, ...]]:
    delivery = night.deliveries()[0]
    policy, _ = night.hub.doubt_policy(delivery.endpoint, delivery.service, delivery.variant)
    return delivery, possible.verbs(delivery, policy)


def test_every_verb_of_the_table_is_tried_here() -> None:
    assert set(TYPED.values()) <= set(VERBS)


@pytest.mark.parametrize("name", SITUATIONS)
def test_what_is_not_offered_is_refused_and_changes_nothing(name: str, tmp_path: Path) -> None:
    make, given, expected = SITUATIONS[name]
    with shift(tmp_path, **given) as night:
        make(night)
        delivery, offered = seen(night)

        assert set(offered) == expected
        for verb in set(VERBS) - expected:
            with pytest.raises(NotAllowed):
                VERBS[verb](night, delivery.id)
        assert night.deliveries()[0] == delivery


@pytest.mark.parametrize(
    ("name", "verb"), [(name, verb) for name, (_, _, offered) in SITUATIONS.items() for verb in sorted(offered)]
)
def test_what_is_offered_is_accepted(name: str, verb: str, tmp_path: Path) -> None:
    make, given, _ = SITUATIONS[name]
    with shift(tmp_path, **given) as night:
        make(night)
        delivery, _ = seen(night)

        assert VERBS[verb](night, delivery.id).delivery.id == delivery.id
