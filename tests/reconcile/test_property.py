"""Any traffic and any loss at the partner: the findings are exactly the difference of both accounts, and mending ends it."""

from __future__ import annotations

import tempfile
from collections import Counter
from pathlib import Path

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from adapters.template.codes import STATUSES
from hub import operations
from hub.reconcile import mending
from hub.registers.reconciliations import Run
from hub.rules.reconciling import MENDED
from tests.support import hub as hubs
from tests.support.reconciled import House, house

NUMBERS = [f"H01-{number}" for number in range(1, 6)]
TOLD = ("TIEPNHAN", "XULY", "CHOBOSUNG", "XONG")
#: What nobody was told.
OWN = "DUNG"

traffic = st.lists(st.tuples(st.sampled_from(NUMBERS), st.sampled_from(TOLD)), min_size=1, max_size=12)
#: What happens to a dossier at the partner: lost, set back to its n-th status, changed by the partner itself.
harm = st.dictionaries(
    st.sampled_from(NUMBERS),
    st.one_of(st.just("lose"), st.just("own"), st.integers(0, 5)),
    max_size=4,
)


def told(sent: list[tuple[str, str]]) -> dict[str, list[str]]:
    """Give what the partner was told of each dossier, in order."""
    account: dict[str, list[str]] = {}
    for dossier, status in sent:
        account.setdefault(dossier, []).append(status)
    return account


def do_harm(at: House, account: dict[str, list[str]], harms: dict[str, str | int]) -> None:
    for dossier, what in harms.items():
        if dossier not in account:
            at.put(dossier, soHoSo=dossier, trangThai=OWN, thuTuc={"ma": "TT-01"})
        elif what == "lose":
            at.lose(dossier)
        else:
            at.put(dossier, trangThai=OWN if what == "own" else account[dossier][int(what) % len(account[dossier])])


def difference(at: House, account: dict[str, list[str]]) -> dict[str, str]:
    """Say by both accounts alone what has to be found."""
    held = {number: dossier["trangThai"] for number, dossier in at.held().items()}
    found = dict.fromkeys(held.keys() - account.keys(), "extra")
    for dossier, statuses in account.items():
        if dossier not in held:
            found[dossier] = "missing"
        elif held[dossier] != statuses[-1]:
            found[dossier] = "stale" if held[dossier] in statuses[:-1] else "different"
    return found


def kinds(at: House, run: Run) -> dict[str, str]:
    assert run.state == "done"
    return {code: kind for code, (kind, _, _) in at.found(run).items()}


@given(traffic, harm)
@settings(max_examples=12, deadline=None, suppress_health_check=list(HealthCheck))
def test_findings_are_the_difference_and_mending_ends_it(sent: list[tuple[str, str]], harms: dict[str, str | int]) -> None:
    with tempfile.TemporaryDirectory() as folder, house(Path(folder)) as at:
        for number, (dossier, status) in enumerate(sent, start=1):
            at.send(number, dossier, status, steps=1)
        account = told(sent)
        do_harm(at, account, harms)
        rows = progress(at)

        run = at.compare()
        assert kinds(at, run) == difference(at, account)

        mendable = {each.code for each in at.findings(run) if each.mending in MENDED}
        if mendable:
            done = mending.mend(at.hub, run.id, actor="lan", why="đối chiếu")
            operations.run_plan(at.hub, done.release, actor="lan", why="đối chiếu")
            hubs.carry_all(at.hub)
        left = {code: kind for code, kind in difference(at, account).items() if code not in mendable}
        assert kinds(at, at.compare()) == left == difference(at, account)
        assert progress(at) == rows, "progress rows are never sent again"
        messages = Counter(at.partner.account()["messages"])
        assert set(messages.values()) <= {1}
        assert {dossier: STATUSES[at.held()[dossier]["trangThai"]] for dossier in mendable} == {
            dossier: STATUSES[account[dossier][-1]] for dossier in mendable
        }


def progress(at: House) -> dict[str, int]:
    """Count the progress rows that the partner has of each dossier."""
    return {number: len(rows) for number, rows in at.partner.account()["progress"].items()}
