"""Acts on corrections: propose, approve, reject, show."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Annotated, Any

from pydantic import BeforeValidator, Field, JsonValue

from hub import operations
from hub.app import Hub
from hub.edge.acts.act import Act, Asked, WithWhy
from hub.edge.acts.on_deliveries import OnDelivery, its_endpoint
from hub.operations import edits
from hub.rules import people
from hub.rules.people import Person


def _from_text(given: Any) -> Any:
    """Read what a form has as a text."""
    if not isinstance(given, str):
        return given
    try:
        return json.loads(given)
    except (ValueError, RecursionError):
        raise ValueError('must be a JSON object {"/dossier/note": "…"}') from None


Values = Annotated[dict[str, JsonValue], BeforeValidator(_from_text)]


class Proposing(OnDelivery):
    """Other values for fields of a parked delivery's message."""

    values: Values = Field(
        min_length=1,
        max_length=200,
        description="Trường cần sửa: đường dẫn JSON và giá trị mới, dạng JSON (JSON pointer -> new value, as JSON)",
    )


class OnEdit(WithWhy):
    """A verb on one correction."""

    edit: str = Field(min_length=6, max_length=100, description="Mã bản sửa (identifier of the correction)")


class EditsWanted(Asked):
    """One correction, or the fields of one delivery, or a list."""

    edit: str = Field("", max_length=100, description="Mã bản sửa (identifier of the correction)")
    delivery: str = Field("", max_length=100, description="Mã lượt chuyển: xem các trường sửa được (delivery: its fields)")
    state: str = Field(
        "", pattern="^(proposed|applied|rejected|overtaken)?$", description="Chỉ các bản sửa ở trạng thái này (only these)"
    )
    limit: int = Field(50, ge=1, le=200, description="Số dòng nhiều nhất (at most so many)")


def _endpoint_of_edit(hub: Hub, asked: OnEdit) -> Iterable[str]:
    return (edits.find(hub, asked.edit).endpoint,)


def _show(hub: Hub, person: Person, asked: EditsWanted) -> Any:
    if asked.edit:
        edit = edits.find(hub, asked.edit)
        _check_scope(person, edit.endpoint, edit.origin)
        return edits.show(hub, edit.id)
    if asked.delivery:
        delivery = operations.find(hub, asked.delivery)
        _check_scope(person, delivery.endpoint, delivery.origin)
        return edits.editable(hub, delivery.id)
    return edits.listing(hub, state=asked.state, scope=person.scope, limit=asked.limit)


def _check_scope(person: Person, endpoint: str, origin: str) -> None:
    """Let those look who see where it comes from, or where it goes."""
    if not person.sees(origin):
        people.check(person, "edit show", (endpoint,))


ACTS: tuple[Act[Any], ...] = (
    Act(verb="edit show", asked=EditsWanted, do=_show),
    Act(
        verb="edit propose",
        asked=Proposing,
        touches=its_endpoint,
        do=lambda hub, person, asked: edits.propose(hub, asked.delivery, asked.values, actor=person.login, why=asked.why),
    ),
    Act(
        verb="edit approve",
        asked=OnEdit,
        touches=_endpoint_of_edit,
        do=lambda hub, person, asked: edits.approve(hub, asked.edit, actor=person.login, why=asked.why),
    ),
    Act(
        verb="edit reject",
        asked=OnEdit,
        touches=_endpoint_of_edit,
        do=lambda hub, person, asked: edits.reject(hub, asked.edit, actor=person.login, why=asked.why),
    ),
)
