"""Canary: in which steps a plan's deliveries go, when the next step begins, and when it stops by itself."""

from __future__ import annotations

from dataclasses import dataclass

from hub.errors import NotAllowed
from hub.rules.lifecycle import ENDED, FAILED, State

#: Sizes of the steps where nothing else is said; the last one is repeated.
STEPS = (1, 5, 25, 125, 625)
#: Failures in one step that stop a plan, where nothing else is said.
STOP_AFTER = 1
#: So many deliveries of a plan are under way at once, however large the step is: what is under way no stop calls back.
AT_ONCE = 200
_MOST_STEPS, _LARGEST_STEP, _FASTEST = 50, 100_000, 100_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Course:
    """How a plan is run, as an operator chose it."""

    steps: tuple[int, ...] = STEPS
    #: 0: whatever fails, it goes on.
    stop_after: int = STOP_AFTER
    #: Deliveries carried out in any minute; 0 = no limit but the endpoint's own.
    per_minute: int = 0

    def __post_init__(self) -> None:
        """Raise NotAllowed where it makes no sense."""
        if not 0 < len(self.steps) <= _MOST_STEPS or not all(0 < size <= _LARGEST_STEP for size in self.steps):
            vi, en = f"các bước phải từ 1 đến {_LARGEST_STEP}, nhiều nhất {_MOST_STEPS} bước", "sizes of steps"
            raise _wrong("steps", f"{en} are from 1 to {_LARGEST_STEP}, at most {_MOST_STEPS} of them", vi)
        if not 0 <= self.stop_after <= _LARGEST_STEP:
            raise _wrong("stop_after", f"stop_after is from 0 to {_LARGEST_STEP}", f"stop_after phải từ 0 đến {_LARGEST_STEP}")
        if not 0 <= self.per_minute <= _FASTEST:
            raise _wrong("per_minute", f"per_minute is from 0 to {_FASTEST}", f"per_minute phải từ 0 đến {_FASTEST}")

    def size(self, rung: int) -> int:
        """Give the size of a step: of the first (1), the second, …; the last one that was given is repeated."""
        return self.steps[min(rung, len(self.steps)) - 1]


def _wrong(where: str, en: str, vi: str) -> NotAllowed:
    return NotAllowed(en, vi, where=where)


@dataclass(frozen=True, slots=True, kw_only=True)
class Stand:
    """Where a run stands."""

    #: Which of the sizes this step has, from 1.
    rung: int
    #: Carried out in this step.
    carried: int
    #: Failed in this step.
    failed: int
    #: Carried out and not ended, of all steps.
    going: int
    #: Not carried out yet.
    left: int


@dataclass(frozen=True, slots=True)
class Decision:
    """What to do now: ``carry`` so many, ``wait``, begin the next ``step``, ``stop``, or ``end``."""

    action: str
    count: int = 0


def decide(course: Course, stand: Stand) -> Decision:
    """Say what a run does now: a step begins when everything before it has ended, and never after too many failures."""
    if course.stop_after and stand.failed >= course.stop_after:
        return Decision("stop")
    room = min(course.size(stand.rung) - stand.carried, stand.left, AT_ONCE - stand.going)
    if room > 0:
        return Decision("carry", room)
    if stand.going:
        return Decision("wait")
    return Decision("step" if stand.left else "end")


# --- what became of one ------------------------------------------------------------------------------------------

#: Outcome of an item whose follower stands still: this, and the follower's state.
_FOLLOWER = "follower_"


def outcome(state: State, upto: int, head: State | None, head_place: int) -> str:
    """Say how an item ended, and those that came to life through it; an empty text while one of them moves.

    ``upto``: the last place of its chain when it was carried out; ``head``: the state of the chain's head now, None where
    everything in it is done.
    """
    if state in FAILED:
        return state.value
    if state not in ENDED:
        return ""
    if head is None or head_place > upto or head is State.DELIVERED:
        # Everything has ended, or the chain waits for the partner's acknowledgement, which may take days.
        return state.value
    return f"{_FOLLOWER}{head.value}" if head in FAILED else ""


def is_failure(outcome: str) -> bool:
    """Say whether an outcome is one at which a plan stops."""
    return outcome.removeprefix(_FOLLOWER) in FAILED

