"""The form of any verb: made from its act's model, so that every verb can be carried out, and every fault stands at its field."""

from __future__ import annotations

from starlette.responses import Response

from hub.edge.acts.everything import ACTS
from hub.edge.console import forms
from hub.edge.console.forms import WrongForm
from hub.edge.console.rooms import Desk, Room, landing, local
from hub.errors import HubError, NotAllowed
from hub.registers import alerts
from hub.registers.alerts import Alert
from hub.rules import people
from hub.rules.wrong_values import Wrong

room = Room()


@room.page("/do/{verb:path}", verb="")
def form(desk: Desk, verb: str) -> Response:
    """Show a verb's form, filled in with what stands in the address."""
    name = _named(verb)
    people.check(desk.person, name)
    asked = {key: [value] for key, value in desk.request.query_params.multi_items()}
    return _page(desk, name, forms.fields(name, posted=asked), local(desk.query.get("back", "/")))


@room.form("/do/{verb:path}", verb="")
def done(desk: Desk, verb: str) -> Response:
    """Carry a verb out with what was posted, and go where its result is seen."""
    name = _named(verb)
    people.check(desk.person, name)
    if forms.form_address(name) != desk.request.url.path:
        raise NotAllowed("this form is another page's", "biểu mẫu này thuộc trang khác", where="verb")
    result = desk.carry_out(name)
    return desk.go(landing(name, result, _back(desk)), done=name)


def again(desk: Desk, wrong: WrongForm) -> Response:
    """Show a form again with what is wrong, and with what was written."""
    shown = forms.fields(wrong.verb, posted=wrong.posted, wrong=wrong.wrong)
    known = {each.name for each in shown}
    above = tuple(each for each in wrong.wrong if each.field.partition(".")[0] not in known)
    return _page(desk, wrong.verb, shown, _back(desk), above, wrong.status)


def _page(
    desk: Desk, verb: str, shown: tuple[forms.Field, ...], back: str, above: tuple[Wrong, ...] = (), status: int = 200
) -> Response:
    alert = _alert(desk, shown) if verb == "alert mute" else None
    return desk.render("verb.html", status, verb=verb, fields=shown, back=back, above=above, alert=alert, words=alerts)


def _alert(desk: Desk, shown: tuple[forms.Field, ...]) -> Alert | None:
    """Give the alert that a form is about; None where there is none, or none that the person sees: the form says so when sent."""
    given = next((str(each.value) for each in shown if each.name == "alert"), "")
    try:
        found = desk.look("alert show", alert=given) if given else None
    except HubError:
        return None
    return found.alerts[0] if found is not None else None


def _named(verb: str) -> str:
    """Give the verb of an address; raise NotAllowed where there is none that has a form."""
    name = verb.replace("/", " ")
    if name not in ACTS or not ACTS[name].changes:
        raise NotAllowed("there is no such verb", "không có thao tác này", where="verb")
    return name


def _back(desk: Desk) -> str:
    given = desk.posted.get("back", ["/"])[-1]
    return local(given if isinstance(given, str) else "/")
