"""``python -m tests.fire``: the long campaign, with a progress bar; exit status 1 where the account is not clean."""

from __future__ import annotations

import argparse
import random
import sys
from functools import partial

from rich.progress import Progress

from tests.fire.campaign import burn


def main() -> int:
    """Run campaigns one after the other; print each account."""
    given = argparse.ArgumentParser(description=__doc__)
    given.add_argument("--messages", type=int, default=2000)
    given.add_argument("--dossiers", type=int, default=200)
    given.add_argument("--campaigns", type=int, default=1)
    given.add_argument("--seed", type=int, default=random.SystemRandom().randrange(10**6))
    chosen = given.parse_args()
    clean = True
    for seed in range(chosen.seed, chosen.seed + chosen.campaigns):
        print(f"seed {seed}: python -m tests.fire --seed {seed} --messages {chosen.messages} --dossiers {chosen.dossiers}")
        with Progress() as bar:
            sent = bar.add_task("sent", total=chosen.messages)
            account = burn(seed, chosen.messages, chosen.dossiers, partial(bar.advance, sent))
        print(account.to_json())
        clean = clean and account.clean
    return 0 if clean else 1


if __name__ == "__main__":
    sys.exit(main())
