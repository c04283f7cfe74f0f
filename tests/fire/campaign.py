"""One campaign: build, set on fire, send, put out, settle, account."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from tests.fire.account import Account, compare, fetch_files, settle_all
from tests.fire.chaos import Chaos
from tests.fire.senders import Sent, send_all
from tests.fire.town import Town, build, recipients

#: So much of what is to come must come while the fire burns.
PART_UNDER_FIRE = 0.7


def _send_under_fire(town: Town, account: Account, messages: int, dossiers: int, told: Callable[[], None]) -> Sent:
    """Burn until all is sent, and the partners have most of it."""
    chaos = Chaos(town)
    enough = PART_UNDER_FIRE * messages * len(recipients(1))
    with ThreadPoolExecutor(1) as pool:
        sending = pool.submit(send_all, town.doors, messages, dossiers, town.seed, told)
        chaos.burn(lambda: sending.done() and town.stored() >= enough)
        account.events, account.stored_under_fire = chaos.events, town.stored()
        return sending.result()


def burn(seed: int, messages: int, dossiers: int, told: Callable[[], None] = lambda: None) -> Account:
    """Carry out a campaign; the same seed draws the same messages, partners' moods and events."""
    account = Account(seed)
    with tempfile.TemporaryDirectory(prefix="lienthong-fire-", ignore_cleanup_errors=True) as folder:
        town = build(Path(folder), seed)
        try:
            sent = _send_under_fire(town, account, messages, dossiers, told)
            for partner in town.partners.values():
                partner.calm = True
            settle_all(town, account)
            compare(town, sent, account)
            fetch_files(town, sent, account)
        finally:
            town.close()
    return account
