"""What people ask partners, and tell them, by hand: look-ups with their answers, lists of codes, figures of a month."""

from __future__ import annotations

import json

from starlette.responses import Response

from hub.edge.console import forms
from hub.edge.console.rooms import Desk, Room
from hub.errors import NotAllowed
from hub.reconcile import looking_up
from hub.rules import people

room = Room()

#: Records, and codes, that a page shows; the command line and the API give all.
SHOWN = 200
LOOK_UP, CODES, FIGURES = "partner lookup", "codes pull", "statistics send"

forms.posted_to(LOOK_UP, "/lookup")
forms.posted_to(CODES, "/codes/pull")
forms.posted_to(FIGURES, "/statistics/send")


@room.page("/lookup", verb=LOOK_UP)
def questions(desk: Desk) -> Response:
    """Show what can be asked of a partner, with a form for each."""
    endpoint = desk.query.get("endpoint", "")
    people.check(desk.person, LOOK_UP, (endpoint,))
    if not endpoint:
        raise NotAllowed("name a partner", "hãy nêu đối tác", where="endpoint")
    return desk.render("asking/questions.html", endpoint=endpoint, questions=looking_up.questions(desk.hub, endpoint))


@room.form("/lookup", verb=LOOK_UP)
def answer(desk: Desk) -> Response:
    """Ask, and show the answer once: it is kept nowhere."""
    found = desk.carry_out(LOOK_UP)
    records = [json.dumps(each, ensure_ascii=False, indent=1) for each in found.records[:SHOWN]]
    return desk.render("asking/answer.html", found=found, records=records)


@room.form("/codes/pull", verb=CODES)
def codes(desk: Desk) -> Response:
    """Fetch a partner's lists of codes and show how they differ."""
    return desk.render("asking/codes.html", lists=desk.carry_out(CODES), most=SHOWN)


@room.form("/statistics/send", verb=FIGURES)
def figures(desk: Desk) -> Response:
    """Send a month's figures and show what became of each agency's."""
    return desk.render("asking/figures.html", done=desk.carry_out(FIGURES))
