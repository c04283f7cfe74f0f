"""A short campaign; `make fire` runs long ones."""

from __future__ import annotations

import pytest

from tests.fire.campaign import burn
from tests.support import postgres, rabbit


@pytest.mark.slow
def test_nothing_is_lost_doubled_or_out_of_order_under_fire() -> None:
    rabbit.require()
    postgres.require()

    account = burn(seed=20261122, messages=120, dossiers=24)

    assert account.clean, account.to_json()
    assert account.sent == 120
    assert account.stored >= 120 * 4
