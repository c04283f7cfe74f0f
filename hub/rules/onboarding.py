"""Onboarding of a partner, from keys to go-live: the steps as data, each done by what is so, or ticked by a person."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

#: How a step may be done: by facts alone, by a person's word alone, or by either.
FACTS, PERSON, EITHER = "facts", "person", "either"
#: Words that are no steps: they begin and end the trial.
TRIAL, LIVE = "trial", "live"


@dataclass(frozen=True, slots=True, kw_only=True)
class Tick:
    """A person's word that a step is done."""

    actor: str
    why: str
    #: A report's place, a letter's number, whom to call.
    evidence: str
    at: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Fact:
    """What the hub itself sees of a step; ``done`` None: it cannot be seen, ``needed`` False: this partner has no such step."""

    done: bool | None = None
    needed: bool = True
    vi: str = ""
    en: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One step, as it is laid down."""

    name: str
    by: str
    vi: str
    en: str


@dataclass(frozen=True, slots=True, kw_only=True)
class StepState:
    """One step of one partner, as it stands."""

    name: str
    vi: str
    en: str
    #: facts, person or either.
    by: str
    #: done, open, failing (facts speak against it), not_needed.
    state: str
    #: What the hub sees; empty where it sees nothing.
    fact_vi: str = ""
    fact_en: str = ""
    #: The person's word, if there is one.
    tick: Tick | None = None


STEPS: tuple[Step, ...] = (
    Step(name="contact", by=PERSON, vi="Biết đầu mối liên hệ của đối tác", en="The partner's contact is known"),
    Step(name="door", by=FACTS, vi="Đối tác có cách vào cửa nhận", en="The partner has what opens its door"),
    Step(name="signer", by=EITHER, vi="Tin cậy chứng thư số ký của đối tác", en="The partner's signing certificate is trusted"),
    Step(name="our_key", by=EITHER, vi="Đối tác chấp nhận khóa ký của trục", en="The partner accepts the hub's signing key"),
    Step(
        name="simulator",
        by=PERSON,
        vi="Kiểm thử tuân thủ với bản mô phỏng đã đạt",
        en="The conformance run against the partner's simulator passed",
    ),
    Step(name="reached", by=FACTS, vi="Gửi thử tới đối tác thành công", en="A test message to the partner went well"),
    Step(name="codes", by=EITHER, vi="Mã danh mục đã ánh xạ đủ", en="Codes are mapped"),
    Step(name="hours", by=EITHER, vi="Đã thống nhất giờ tiếp nhận", en="Open hours are agreed upon"),
    Step(name="received", by=EITHER, vi="Đã nhận hồ sơ thử từ đối tác", en="A test dossier was received from the partner"),
    Step(
        name="delivered",
        by=EITHER,
        vi="Đã chuyển hồ sơ thử tới đối tác và được tiếp nhận",
        en="A test dossier was delivered to the partner, and taken",
    ),
)
BY_NAME: Mapping[str, Step] = {step.name: step for step in STEPS}


def checklist(facts: Mapping[str, Fact], ticks: Mapping[str, Tick]) -> tuple[StepState, ...]:
    """Put together what the hub sees and what people said, step by step."""
    return tuple(_state(step, facts.get(step.name, Fact()), ticks.get(step.name)) for step in STEPS)


def still_open(steps: tuple[StepState, ...]) -> tuple[str, ...]:
    """Name the steps that stand between a partner and go-live."""
    return tuple(step.name for step in steps if step.state in ("open", "failing"))


def _state(step: Step, fact: Fact, tick: Tick | None) -> StepState:
    return StepState(
        name=step.name,
        vi=step.vi,
        en=step.en,
        by=step.by,
        state=_stands(step, fact, tick),
        fact_vi=fact.vi,
        fact_en=fact.en,
        tick=tick,
    )


def _stands(step: Step, fact: Fact, tick: Tick | None) -> str:
    """Judge one step: a person's word counts where one may be given, also where the hub sees otherwise; it has a reason."""
    if not fact.needed:
        return "not_needed"
    if step.by != PERSON and fact.done:
        return "done"
    if step.by != FACTS and tick is not None:
        return "done"
    return "failing" if step.by != PERSON and fact.done is False else "open"
