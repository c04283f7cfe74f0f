"""Verbs on partners: how one stands, steps of onboarding that a person ticks, test messages that workers carry out."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, bindparam, delete, insert, literal_column, select, update

from hub.errors import NotAllowed
from hub.ledger import journal, locks
from hub.ledger.sql import Statement, insert_new
from hub.ledger.tables import endpoint_states
from hub.ledger.working_tables import onboarding_ticks, partner_tests, standings, successions

_NEW_STATE = insert_new(endpoint_states, "endpoint")
_NEW_STANDING = insert_new(standings, "endpoint")
_NEW_TICK = insert_new(onboarding_ticks, "endpoint", "step")
#: As the condition of an index says it.
_UNDONE = partner_tests.c.state != literal_column("'done'")
#: Asked for, or its worker died.
_FREE = _UNDONE & (partner_tests.c.lease_until < bindparam("now"))
_SOME_TEST = Statement(select(partner_tests.c.id).where(_FREE).limit(1))
_NEXT_TEST = Statement(
    select(partner_tests)
    .where(_FREE)
    .order_by(partner_tests.c.asked_at)
    .limit(1)
    .with_for_update(skip_locked=True)
)


def set_standing(conn: Connection, endpoint: str, standing: str, *, actor: str, why: str, now: float) -> None:
    """Write down how a partner stands; dispatch reads it beside its breaker."""
    at_rest = {"paused": False, "why": "", "actor": "", "failures": 0, "open_until": 0.0, "paced_until": 0.0}
    _NEW_STATE.run(conn, endpoint=endpoint, **at_rest)
    values = {"standing": standing, "at": now, "actor": actor, "why": why}
    if not _NEW_STANDING.run(conn, endpoint=endpoint, **values).rowcount:
        conn.execute(update(standings).where(standings.c.endpoint == endpoint).values(**values))


def switch(conn: Connection, endpoint: str, standing: str, *, entry: Mapping[str, Any], actor: str, why: str, now: float) -> None:
    """Begin or end a partner's trial; raise NotAllowed where another has taken its place."""
    locks.wait(conn, "successions")
    row = conn.execute(select(successions.c.new).where(successions.c.old == endpoint)).first()
    if row is not None:
        raise NotAllowed(
            f"{row.new} has taken the place of {endpoint}", f"{endpoint} đã được {row.new} kế thừa", where=endpoint
        )
    set_standing(conn, endpoint, standing, actor=actor, why=why, now=now)
    told = {"endpoint": endpoint, "why": why, **entry}
    journal.append(conn, f"endpoint:{endpoint}", f"operator.{standing}", at=now, actor=actor, entry=told)


def tick(conn: Connection, endpoint: str, step: str, *, evidence: str, actor: str, why: str, now: float) -> None:
    """Write down a person's word that a step is done; a later word takes the place of an earlier one."""
    here = (onboarding_ticks.c.endpoint == endpoint) & (onboarding_ticks.c.step == step)
    values = {"evidence": evidence, "actor": actor, "why": why, "at": now}
    if not _NEW_TICK.run(conn, endpoint=endpoint, step=step, **values).rowcount:
        conn.execute(update(onboarding_ticks).where(here).values(**values))
    _note_step(conn, endpoint, step, True, actor, why, now)


def untick(conn: Connection, endpoint: str, step: str, *, actor: str, why: str, now: float) -> None:
    """Take a person's word back; raise NotAllowed where there is none."""
    here = (onboarding_ticks.c.endpoint == endpoint) & (onboarding_ticks.c.step == step)
    if not conn.execute(delete(onboarding_ticks).where(here)).rowcount:
        raise NotAllowed(f"{step} is not ticked", f"bước {step} chưa được đánh dấu", where=step)
    _note_step(conn, endpoint, step, False, actor, why, now)


def _note_step(conn: Connection, endpoint: str, step: str, done: bool, actor: str, why: str, now: float) -> None:
    entry = {"endpoint": endpoint, "step": step, "done": done, "why": why}
    journal.append(conn, f"endpoint:{endpoint}", "operator.onboard", at=now, actor=actor, entry=entry)


# --- test messages -----------------------------------------------------------------------------------------------


def ask_for_test(conn: Connection, test_id: str, endpoint: str, *, actor: str, why: str, now: float) -> None:
    """Have a worker send a partner a test message; raise NotAllowed where one is under way."""
    locks.wait(conn, f"test of {endpoint}")
    here = (partner_tests.c.endpoint == endpoint) & _UNDONE
    other = conn.execute(select(partner_tests.c.id, partner_tests.c.actor).where(here)).first()
    if other is not None:
        raise NotAllowed(
            f"{other.actor} is testing {endpoint} already ({other.id})",
            f"{other.actor} đang gửi thử tới {endpoint} ({other.id})",
            where=other.id,
        )
    row = {"id": test_id, "endpoint": endpoint, "actor": actor, "why": why, "asked_at": now, "state": "asked"}
    conn.execute(insert(partner_tests).values(**row, lease_until=0.0, ended_at=None, ok=None, steps="[]", certificate_days=None))
    entry = {"endpoint": endpoint, "test": test_id, "why": why}
    journal.append(conn, f"endpoint:{endpoint}", "operator.test", at=now, actor=actor, entry=entry)


def is_test_asked_for(conn: Connection, now: float) -> bool:
    """Say whether a test message waits for a worker."""
    return _SOME_TEST.run(conn, now=now).first() is not None


def claim_test(conn: Connection, *, lease_seconds: Any, now: float) -> tuple[str, str, float] | None:
    """Claim the test message that was asked for first: its id, the partner, the claim's end; None where there is none.

    One whose worker died is done again: it changes nothing at the partner. ``lease_seconds``: endpoint -> how long one may take.
    """
    row = _NEXT_TEST.run(conn, now=now).first()
    if row is None:
        return None
    until = now + float(lease_seconds(row.endpoint))
    conn.execute(update(partner_tests).where(partner_tests.c.id == row.id).values(state="running", lease_until=until))
    return str(row.id), str(row.endpoint), until


def record_test(
    conn: Connection,
    test_id: str,
    until: float,
    *,
    ok: bool,
    steps: Sequence[Mapping[str, Any]],
    certificate_days: int | None,
    now: float,
) -> None:
    """Record what a test message came to, unless another worker has it by now."""
    mine = (partner_tests.c.id == test_id) & (partner_tests.c.state == "running") & (partner_tests.c.lease_until == until)
    values = {"state": "done", "ok": ok, "ended_at": now, "certificate_days": certificate_days}
    text = json.dumps(list(steps), ensure_ascii=False)
    if not conn.execute(update(partner_tests).where(mine).values(**values, steps=text)).rowcount:
        return
    endpoint = conn.execute(select(partner_tests.c.endpoint).where(partner_tests.c.id == test_id)).scalar_one()
    entry = {"endpoint": endpoint, "test": test_id, "ok": ok, "steps": {step["name"]: step["ok"] for step in steps}}
    journal.append(conn, f"endpoint:{endpoint}", "partner.tested", at=now, actor="hub", entry=entry)
