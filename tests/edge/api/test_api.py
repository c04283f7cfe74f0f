"""The API as a program meets it: its description, its answers, its refusals."""

from __future__ import annotations

from hub.edge.acts.everything import ACTS
from hub.edge.api.app import PREFIX, address
from hub.rules.people import Role
from hub.rules.verbs import VERBS
from tests.edge.api.world import HERE, Desk


def test_the_description_names_every_verb_with_its_roles_and_fields(desk: Desk) -> None:
    told = desk.send("", "GET", f"{PREFIX}/openapi.json").tree

    for name, verb in VERBS.items():
        route = told["paths"][PREFIX + address(name)][ACTS[name].method.lower()]
        assert all(role in route["description"] for role in verb.roles)
        if ACTS[name].method == "POST":
            schema = route["requestBody"]["content"]["application/json"]["schema"]
            assert ("why" in schema["properties"]) == verb.changes
            fields = schema["properties"].values()
        else:
            fields = route.get("parameters", [])
        assert all(field.get("description") for field in fields), name
    assert "$ref" not in str(told["paths"])


def test_without_a_token_or_with_a_wrong_one_nothing_is_answered(desk: Desk) -> None:
    for token in ("", "lt_khongco"):
        said = desk.call(token, "status", {})
        assert said.status == 401 and said.tree["code"] == "not_logged_in"
        assert said.headers["www-authenticate"].startswith("Bearer")


def test_a_wrong_question_is_told_field_by_field_without_its_values(desk: Desk) -> None:
    token = desk.token("nguoi.thu", [Role.OPERATOR])

    said = desk.call(token, "release", {"delivery": desk.delivery[HERE], "why": "", "secret-name": "000000000000"})

    assert said.status == 422
    assert {each["field"] for each in said.tree["fields"]} == {"why", "secret-name"}
    assert all(each["vi"] and each["en"] for each in said.tree["fields"])
    assert "000000000000" not in str(said.tree)


def test_a_body_that_is_no_json_is_told_so(desk: Desk) -> None:
    token = desk.token("nguoi.thu", [Role.OPERATOR])

    for body in (b"{", b"[]", b'"x"', b"\xff", b"{" * 10_000):
        assert desk.send(token, "POST", f"{PREFIX}/release", body).status == 422


def test_a_parked_delivery_is_released_by_its_operator(desk: Desk) -> None:
    token = desk.token("nguoi.thu", [Role.OPERATOR])

    said = desk.call(token, "rebuild", {"delivery": desk.delivery[HERE], "why": "đã bổ sung mã"})

    assert said.status == 200 and said.tree["delivery"]["state"] == "pending"
    again = desk.call(token, "rebuild", {"delivery": desk.delivery[HERE], "why": "lần nữa"})
    assert again.status == 409 and again.tree["vi"] and again.tree["en"]


def test_an_address_that_is_no_verb_is_told_so_as_json(desk: Desk) -> None:
    assert desk.send("", "GET", f"{PREFIX}/khong/co").status == 404
    assert desk.send("", "DELETE", f"{PREFIX}/release").status == 405
