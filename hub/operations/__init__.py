"""Control Bus: every verb an operator has, each with who and why; command line, console and API are skins over it.

A verb writes ledger work that workers carry out; nothing here speaks to a partner. One room for each kind of thing that a
verb acts on; the verbs on deliveries and endpoints, which everybody uses, can be had from here.
"""

from hub.operations.deliveries import (
    Done,
    abandon,
    abandon_all,
    ask,
    find,
    followers,
    rebuild,
    release,
    settle,
    settle_answer,
)
from hub.operations.endpoints import pause, resume
from hub.operations.replays import PLAN_VERBS, Ran, plan, run_plan, show_plan

__all__ = [
    "PLAN_VERBS",
    "Done",
    "Ran",
    "abandon",
    "abandon_all",
    "ask",
    "find",
    "followers",
    "pause",
    "plan",
    "rebuild",
    "release",
    "resume",
    "run_plan",
    "settle",
    "settle_answer",
    "show_plan",
]
