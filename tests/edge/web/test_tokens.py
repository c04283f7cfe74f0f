"""Tokens of the API: for some verbs, on some endpoints, for some time, as long as their owner's account is open."""

from __future__ import annotations

import pytest

from hub.edge.acts.act import perform
from hub.edge.acts.everything import ACTS
from hub.errors import Forbidden, NotAllowed
from hub.ledger.working_tables import tokens
from hub.operations import people
from hub.operations.people import TokenMade
from hub.rules.people import Person, Role
from tests.edge.web.conftest import BY, Site, log_in
from tests.support.browser import Page

DAY = 86_400.0


def made(site: Site, **given: object) -> TokenMade:
    usual = {"title": "theo dõi", "verbs": ("pause", "status"), **BY}
    return people.make_token(site.hub, "lan", **{**usual, **given})  # type: ignore[arg-type]


def call(site: Site, secret: str, place: int = 0, scheme: str = "Bearer") -> Page:
    return site.browser(place).get("/api/v1/who", Authorization=f"{scheme} {secret}")


def test_a_token_speaks_for_its_owner_with_its_verbs_alone(site: Site) -> None:
    site.person()
    told = call(site, made(site).secret).json

    assert (told["login"], told["roles"], told["scope"], told["how"]) == ("lan", ["operator"], None, "token")
    assert told["verbs"] == ["pause", "status"]


def test_a_verb_outside_of_the_token_is_forbidden(site: Site) -> None:
    """Though the owner's roles have it."""
    site.person()
    told = call(site, made(site, verbs=("pause",)).secret).json
    person = Person(login="lan", roles=frozenset({Role.OPERATOR}), verbs=frozenset(told["verbs"]))
    asked = ACTS["resume"].asked(endpoint="bo_a", why="thử")

    with pytest.raises(Forbidden):
        perform(site.hub, person, ACTS["resume"], asked)
    perform(site.hub, person, ACTS["pause"], ACTS["pause"].asked(endpoint="bo_a", why="thử"))


def test_a_token_has_no_verbs_that_its_owner_has_not(site: Site) -> None:
    site.person()

    with pytest.raises(NotAllowed, match="edit approve, no such verb"):
        made(site, verbs=("pause", "edit approve", "no such verb"))
    with pytest.raises(NotAllowed):
        made(site, verbs=())


def test_a_tokens_scope_is_never_wider_than_its_owners(site: Site) -> None:
    site.person(scope="bo_a")

    assert call(site, made(site).secret).json["scope"] == ["bo_a"]
    assert call(site, made(site, scope=("H55",)).secret).json["scope"] == []
    assert call(site, made(site, scope=("*",)).secret).json["scope"] == ["bo_a"]


def test_a_narrow_token_of_somebody_who_sees_everything(site: Site) -> None:
    site.person()

    assert call(site, made(site, scope=("H55",)).secret).json["scope"] == ["bo_b"]


def test_roles_are_read_at_each_call(site: Site) -> None:
    site.person()
    secret = made(site).secret
    people.change(site.hub, "lan", roles=("viewer",), **BY)

    assert call(site, secret).json["roles"] == ["viewer"]


def test_an_ended_token_is_refused_at_once_in_every_process(site: Site) -> None:
    site.person()
    site.open()
    token = made(site)
    people.end_token(site.consoles[1].hub, token.token.id, **BY)

    assert [call(site, token.secret, place).status for place in (0, 1)] == [401, 401]
    with pytest.raises(NotAllowed):
        people.end_token(site.hub, token.token.id, **BY)


def test_a_token_ends_with_its_owners_account(site: Site) -> None:
    site.person()
    secret = made(site).secret
    people.change(site.hub, "lan", enabled=False, **BY)

    assert call(site, secret).status == 401


def test_a_token_ends_by_itself(site: Site) -> None:
    site.person()
    secret = made(site, days=2).secret
    site.clock.advance(2 * DAY - 1)
    assert call(site, secret).status == 200
    site.clock.advance(1)

    assert call(site, secret).status == 401


@pytest.mark.parametrize("days", [0, 366])
def test_no_token_lasts_longer_than_a_year(site: Site, days: int) -> None:
    site.person()

    with pytest.raises(NotAllowed, match="1 to 365 days"):
        made(site, days=days)


def test_nobody_gets_a_token_whose_account_is_closed_or_who_is_not_known(site: Site) -> None:
    site.person()
    people.change(site.hub, "lan", enabled=False, **BY)

    with pytest.raises(NotAllowed, match="closed"):
        made(site)
    with pytest.raises(NotAllowed, match="there is no person"):
        people.make_token(site.hub, "nobody", title="t", verbs=("status",), **BY)


@pytest.mark.parametrize("engine", ["sqlite"])
@pytest.mark.parametrize("secret", ["", "lt_", "lt_" + "A" * 43, "\xff\xfe", "x" * 5000])
def test_what_is_no_token_is_refused(site: Site, secret: str) -> None:
    assert call(site, secret).status == 401


@pytest.mark.parametrize("engine", ["sqlite"])
def test_a_token_must_be_shown_as_a_bearer(site: Site) -> None:
    site.person()
    secret = made(site).secret

    assert call(site, secret, scheme="Basic").status == 401
    assert site.browser().get(f"/api/v1/who?token={secret}").status == 401
    assert site.browser().get("/api/v1/who", Cookie=f"lienthong={secret}").status == 401


def test_a_token_opens_no_page(site: Site) -> None:
    site.person()

    assert site.browser().get("/page", Authorization=f"Bearer {made(site).secret}").status == 303


def test_only_the_digest_is_kept_and_the_last_hour_of_use(site: Site) -> None:
    site.person()
    token = made(site)
    call(site, token.secret)
    with site.hub.ledger.read() as conn:
        (row,) = conn.execute(tokens.select())
    hour = site.hub.now() - site.hub.now() % 3600

    assert token.secret not in repr(row)
    assert row.used_at == hour
    site.clock.advance(1800)
    call(site, token.secret)
    with site.hub.ledger.read() as conn:
        assert conn.execute(tokens.select()).one().used_at == hour


@pytest.mark.parametrize("engine", ["sqlite"])
def test_a_token_may_call_so_often(site: Site) -> None:
    with (site.folder / "hub.toml").open("a") as file:
        file.write("[console]\ntoken_calls_per_minute = 3\n")
    site.open()
    site.person()
    token, other = made(site), made(site)
    pages = [call(site, token.secret, 1) for _ in range(4)]

    assert [page.status for page in pages] == [200, 200, 200, 429]
    assert (pages[-1].json["code"], pages[-1].headers["retry-after"]) == ("too_often", "20")
    assert call(site, other.secret, 1).status == 200
    site.seconds[0] += 20
    assert call(site, token.secret, 1).status == 200


@pytest.mark.parametrize("engine", ["sqlite"])
def test_who_tries_tokens_is_slowed_down(site: Site) -> None:
    assert [call(site, f"lt_{number}").status for number in range(21)] == [401] * 20 + [429]


def test_somebody_who_works_by_tokens_alone_cannot_log_in(site: Site) -> None:
    site.person("may", sign_in="none", roles=("viewer",))
    token = people.make_token(site.hub, "may", title="t", verbs=("status",), **BY)

    assert call(site, token.secret).json["login"] == "may"
    assert log_in(site.browser(), "may", "").status == 403
