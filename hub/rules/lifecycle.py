"""The life of a delivery and of a dossier: everything about both machines lives in this file.

SQL checks, an operator's buttons and the picture in docs/architecture.md come from these tables; a test compares them.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum

from hub.canonical.codes import Status
from hub.errors import NotAllowed


class State(StrEnum):
    """Where a delivery stands."""

    HELD = "held"
    PENDING = "pending"
    QUEUED = "queued"
    CLAIMED = "claimed"
    SENDING = "sending"
    IN_DOUBT = "in_doubt"
    WAITING = "waiting"
    PARKED = "parked"
    DELIVERED = "delivered"
    ACKNOWLEDGED = "acknowledged"
    REFUSED_LATE = "refused_late"
    ABANDONED = "abandoned"


S = State

#: state -> event -> next state.
DELIVERY: Mapping[State, Mapping[str, State]] = {
    # A follower: its chain's head is not done.
    S.HELD: {"turn": S.PENDING, "abandon": S.ABANDONED},
    # An operator may know that it arrived by another way (by hand, before a restored backup).
    # ``move``: to the tail of the same subject's chain at the partner's successor.
    S.PENDING: {"queue": S.QUEUED, "park": S.PARKED, "settle_arrived": S.DELIVERED, "move": S.HELD},
    S.QUEUED: {"claim": S.CLAIMED, "lapse": S.PENDING},
    # No socket opened yet.
    S.CLAIMED: {"record": S.SENDING, "lapse": S.PENDING, "defer": S.WAITING, "park": S.PARKED},
    # The first byte may leave at any moment.
    S.SENDING: {
        "take": S.DELIVERED,
        "not_sent": S.WAITING,
        "refuse": S.PARKED,
        "doubt": S.IN_DOUBT,
        "lapse": S.IN_DOUBT,
    },
    S.IN_DOUBT: {
        "found": S.DELIVERED,
        # Of bytes that lie ready for it the partner may say so late.
        "refuse": S.PARKED,
        "absent": S.PENDING,
        "resend_safe": S.PENDING,
        "settle_arrived": S.DELIVERED,
        "settle_not_arrived": S.PENDING,
    },
    S.WAITING: {"due": S.PENDING, "park": S.PARKED, "settle_arrived": S.DELIVERED, "move": S.HELD},
    # Only what surely did not arrive.
    S.PARKED: {
        "release": S.PENDING,
        "rebuild": S.PENDING,
        "settle_arrived": S.DELIVERED,
        "abandon": S.ABANDONED,
        "move": S.HELD,
    },
    # Settled only where its chain waits for the partner's acknowledgement.
    S.DELIVERED: {
        "acknowledge": S.ACKNOWLEDGED,
        "refuse": S.REFUSED_LATE,
        "settle_acknowledged": S.ACKNOWLEDGED,
        "settle_refused": S.REFUSED_LATE,
    },
    S.ACKNOWLEDGED: {},
    S.REFUSED_LATE: {},
    S.ABANDONED: {},
}

#: On the bus or at a worker: counted against the endpoint's concurrency, given back when the lease lapses.
IN_WORK = frozenset({S.QUEUED, S.CLAIMED, S.SENDING})
#: Nothing more happens unless a partner speaks later.
ENDED = frozenset({S.DELIVERED, S.ACKNOWLEDGED, S.REFUSED_LATE, S.ABANDONED})
#: What an operator sees as failed.
FAILED = frozenset({S.PARKED, S.IN_DOUBT})


def next_state(state: State, event: str) -> State:
    """Look up the next state; raise NotAllowed where the table has none."""
    following = DELIVERY[state].get(event)
    if following is None:
        possible = ", ".join(DELIVERY[state]) or "-"
        raise NotAllowed(
            f"a delivery that is {state.value} cannot {event}; possible now: {possible}",
            f"lượt chuyển đang ở trạng thái {state.value} không thể {event}; có thể: {possible}",
            where=state.value,
        )
    return following


# --- the dossier ------------------------------------------------------------------------------------------------

D = Status

#: Inferred from the statuses' names and from deadlines and flows; no published matrix is known, so a step that is
#: not here is recorded and delivered with a warning, or parked, as the endpoint's ``out_of_step`` says.
DOSSIER: Mapping[Status, frozenset[Status]] = {
    # A trade dossier is asked for supplements before it is received; the portals' flows only name the other four.
    D.REGISTERED: frozenset({D.RECEIVED, D.NOT_RECEIVED, D.SUPPLEMENT_ASKED, D.FEE_ASKED, D.WITHDRAWN}),
    D.RECEIVED: frozenset({D.PROCESSING, D.SUPPLEMENT_ASKED, D.FEE_ASKED, D.WITHDRAWN, D.STOPPED, D.DONE}),
    D.PROCESSING: frozenset({D.PROCESSING, D.SUPPLEMENT_ASKED, D.FEE_ASKED, D.WITHDRAWN, D.STOPPED, D.DONE}),
    D.SUPPLEMENT_ASKED: frozenset({D.RECEIVED, D.PROCESSING, D.WITHDRAWN, D.STOPPED}),
    D.FEE_ASKED: frozenset({D.RECEIVED, D.PROCESSING, D.WITHDRAWN, D.STOPPED}),
    D.DONE: frozenset({D.RETURNED, D.PROCESSING}),
    D.NOT_RECEIVED: frozenset(),
    D.WITHDRAWN: frozenset(),
    D.STOPPED: frozenset(),
    D.RETURNED: frozenset(),
}

#: How far a dossier has come, to tell earlier from later where the table does not know a step. Within the middle part no
#: status is earlier than another: work, supplements and fees follow each other in any order.
STAGE: Mapping[Status, int] = {
    D.REGISTERED: 1,
    D.RECEIVED: 2,
    **dict.fromkeys((D.PROCESSING, D.SUPPLEMENT_ASKED, D.FEE_ASKED), 3),
    D.DONE: 4,
    **dict.fromkeys((D.NOT_RECEIVED, D.WITHDRAWN, D.STOPPED, D.RETURNED), 5),
}


class Standing(StrEnum):
    """How a message about a dossier stands to what the register holds."""

    NEW = "new"
    FORWARD = "forward"
    #: The same status again, with other content: an update.
    SAME = "same"
    #: The table does not know this step.
    UNKNOWN_STEP = "unknown_step"


def standing(current: Status | None, given: Status) -> Standing:
    """Compare a dossier's recorded status with the one a message gives.

    Order of arrival from one sender decides, not the clock in the message: 4, 5, 4 with equal times are three steps.
    """
    if current is None:
        return Standing.NEW
    if given in DOSSIER[current]:
        return Standing.FORWARD
    return Standing.SAME if given is current else Standing.UNKNOWN_STEP


def recorded(current: Status | None, given: Status) -> Status:
    """Give the status that the register holds after a message; it is never moved back.

    A step of the table is taken, also one that leads back to work (4, 5, 4). Of the steps that the table does not know,
    those to the same or a later stage are taken: a system that leaves steps out (1, 4, 10) still ends right, and an end is
    never older than what is recorded, since nothing follows it. Those to an earlier stage (4, then 2; 9, then 5) came
    late or twice, and change nothing; so does whatever comes after an end.
    """
    if current is None or given in DOSSIER[current]:
        return given
    ended = not DOSSIER[current]
    return current if ended or STAGE[given] < STAGE[current] else given
