"""Logins over OpenID Connect, with a provider that speaks the real protocol and lies in every way that it could."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from joserfc.jwk import RSAKey

from hub import bootstrap
from hub.edge.web.oidc import open_provider
from hub.errors import BadSettings
from hub.operations import people
from tests.edge.web.conftest import BY, Site, configure, log_in
from tests.support.browser import Browser, Page
from tests.support.clock import Clock
from tests.support.engines import ledger_on
from tests.support.identity_provider import CLIENT, SECRET, IdentityProvider, served


@pytest.fixture
def provider() -> Iterator[IdentityProvider]:
    with served(IdentityProvider()) as made:
        yield made


@pytest.fixture
def more() -> str:
    """Further lines of ``[console.oidc]``."""
    return ""


@pytest.fixture
def site(tmp_path: Path, engine: str, provider: IdentityProvider, more: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Site]:
    monkeypatch.setenv("OIDC_SECRET", SECRET)
    table = (
        f'[console.oidc]\nissuer = "{provider.url}"\nclient_id = "{CLIENT}"\nclient_secret = "env:OIDC_SECRET"\n'
        f'title = "Định danh tỉnh"\n{more}'
    )
    with ledger_on(engine) as ledger, ExitStack() as stack:
        configure(tmp_path, ledger, table)
        made = Site(tmp_path, Clock(), stack)
        made.open()
        provider.clock = made.hub.now
        yield made


def at_provider(browser: Browser, next: str = "/page") -> str:
    """Go to the provider's page, log in there, and give the address that it sends the browser back to."""
    begun = browser.get(f"/login/oidc?next={next}")
    assert begun.status == 303, begun.body
    answered = Browser(begun.location.split("/authorize")[0]).get("/authorize?" + begun.location.partition("?")[2])
    assert answered.status == 302
    return answered.location


def come_back(browser: Browser, location: str) -> Page:
    parts = urlsplit(location)
    return browser.get(f"{parts.path}?{parts.query}")


def go(site: Site, next: str = "/page") -> tuple[Browser, Page]:
    browser = site.browser()
    return browser, come_back(browser, at_provider(browser, next))


def causes(site: Site) -> list[tuple[str, str]]:
    return [(row.subject, json.loads(row.entry)["cause"]) for row in site.journal("person.login_failed")]


def test_whoever_was_made_known_logs_in_and_is_bound_to_the_providers_identifier(site: Site, provider: IdentityProvider) -> None:
    site.person("lan", sign_in="oidc")
    assert site.browser().get("/login").json["oidc"] == "Định danh tỉnh"
    browser, page = go(site)

    assert (page.status, page.location) == (303, "/page")
    assert browser.get("/page").json["how"] == "oidc"
    assert [row.event for row in site.journal()] == ["person.added", "person.bound", "person.login"]
    assert provider.token_calls[0]["code_verifier"]
    assert provider.authorization[0].startswith("Basic ")
    assert browser.cookies.keys() == {"lienthong"}


def test_the_answer_may_come_to_another_process(site: Site) -> None:
    site.person("lan", sign_in="oidc")
    site.open()
    browser = site.browser()
    with_first = at_provider(browser)
    browser.url, browser.typed = site.consoles[1].url, site.consoles[0].url

    assert come_back(browser, with_first).location == "/page"


def test_the_next_login_goes_by_the_identifier_and_not_by_the_name(site: Site, provider: IdentityProvider) -> None:
    site.person("lan", sign_in="oidc")
    go(site)
    provider.person = {"sub": "s-1", "preferred_username": "someone_else"}
    browser, _ = go(site)
    assert browser.get("/page").json["login"] == "lan"

    provider.person = {"sub": "s-2", "preferred_username": "lan"}
    _, page = go(site)

    assert page.status == 403
    assert causes(site) == [("person:lan", "not_theirs")]


def test_a_stranger_is_refused_politely(site: Site) -> None:
    _, page = go(site)

    assert page.status == 403
    assert page.json["error"][1] == "tài khoản của anh/chị chưa được khai báo trên trục; hãy liên hệ quản trị viên"
    assert causes(site) == [("people", "not_known")]


def test_an_account_with_a_password_cannot_be_taken_over(site: Site) -> None:
    """The provider's user chose somebody's login as its own."""
    site.person("lan")
    _, page = go(site)

    assert page.status == 403
    assert causes(site) == [("person:lan", "not_theirs")]


def test_a_closed_account_is_refused(site: Site) -> None:
    site.person("lan", sign_in="oidc")
    site.person("minh", roles=("administrator",))
    people.change(site.hub, "lan", enabled=False, **BY)
    _, page = go(site)

    assert page.status == 403
    assert causes(site) == [("person:lan", "closed")]


def test_who_logs_in_there_has_no_password_here(site: Site) -> None:
    site.person("lan", sign_in="oidc")

    assert log_in(site.browser(), "lan", "").status == 403
    assert causes(site) == [("person:lan", "sign_in")]


# --- a provider, or somebody between, that lies -------------------------------------------------------------------

Lie = Callable[[IdentityProvider], Any]


def _claims(**changed: Any) -> Lie:
    def lie(provider: IdentityProvider) -> None:
        def change(claims: dict[str, Any]) -> None:
            for name, value in changed.items():
                claims.pop(name) if value is None else claims.update({name: value})

        provider.lie = change

    return lie


def _signed_by(make: Callable[[IdentityProvider], Callable[[dict[str, Any]], str]]) -> Lie:
    def lie(provider: IdentityProvider) -> None:
        provider.sign = make(provider)

    return lie


LIES: dict[str, Lie] = {
    "wrong nonce": _claims(nonce="another"),
    "no nonce": _claims(nonce=None),
    "other audience": _claims(aud="another client"),
    "us among others, without azp": _claims(aud=[CLIENT, "another"]),
    "us among others, for another": _claims(aud=[CLIENT, "another"], azp="another"),
    "no audience": _claims(aud=None),
    "other issuer": _claims(iss="https://other.example.org"),
    "no issuer": _claims(iss=None),
    "expired": _claims(exp=1_000_000_000),
    "no end": _claims(exp=None),
    "end as a text": _claims(exp="tomorrow"),
    "from the future": _claims(iat=32_000_000_000),
    "not valid yet": _claims(nbf=32_000_000_000),
    "no subject": _claims(sub=None),
    "empty subject": _claims(sub=""),
    "subject as a list": _claims(sub=["s-1"]),
    "another access token": _claims(at_hash="AAAAAAAAAAAAAAAAAAAAAA"),
    "algorithm none": _signed_by(lambda provider: provider.unsigned),
    "public key as secret": _signed_by(lambda provider: provider.with_public_key_as_secret),
    "algorithm not believed": _signed_by(lambda provider: lambda claims: provider.signed(claims, alg="RS512")),
    "another key with the same name": _signed_by(
        lambda provider: lambda claims: provider.signed(claims, RSAKey.generate_key(2048, {"kid": "k1"}))
    ),
    "no token at all": _signed_by(lambda provider: lambda claims: ""),
    "rubbish": _signed_by(lambda provider: lambda claims: "a.b.c"),
    "a token within a token": _signed_by(lambda provider: lambda claims: provider.signed(claims) + ".x.y"),
}


@pytest.mark.parametrize("engine", ["sqlite"])
@pytest.mark.parametrize("lie", LIES)
def test_a_lie_logs_nobody_in(site: Site, provider: IdentityProvider, lie: str) -> None:
    site.person("lan", sign_in="oidc")
    LIES[lie](provider)
    browser, page = go(site)

    assert page.status == 403
    assert page.json["error"][1] == "đăng nhập qua hệ thống định danh không thành công; hãy thử lại"
    assert browser.get("/page").status == 303
    assert [row.event for row in site.journal()] == ["person.added"]


def test_a_code_that_was_used_is_worth_nothing(site: Site) -> None:
    site.person("lan", sign_in="oidc")
    browser = site.browser()
    back = at_provider(browser)
    kept = dict(browser.cookies)
    assert come_back(browser, back).status == 303
    browser.cookies = kept

    assert come_back(browser, back).status == 403


def test_a_code_of_another_browser_is_worth_nothing(site: Site, provider: IdentityProvider) -> None:
    """Login CSRF: the attacker's answer, opened in the victim's browser."""
    site.person("lan", sign_in="oidc")
    attackers = at_provider(site.browser())
    victim = site.browser()
    at_provider(victim)

    assert come_back(victim, attackers).status == 403
    assert come_back(site.browser(), attackers).status == 403
    assert provider.token_calls == []


def test_an_injected_code_does_not_fit_the_verifier(site: Site, provider: IdentityProvider) -> None:
    """PKCE: a stolen code with the thief's own state."""
    site.person("lan", sign_in="oidc")
    stolen = parse_qs(urlsplit(at_provider(site.browser())).query)["code"][0]
    thief = site.browser()
    own = urlsplit(at_provider(thief))
    state = parse_qs(own.query)["state"][0]

    assert thief.get(f"{own.path}?code={stolen}&state={state}").status == 403
    assert len(provider.token_calls) == 1


@pytest.mark.parametrize("engine", ["sqlite"])
@pytest.mark.parametrize("name", ["https://other.example.org", ""])
def test_an_answer_that_names_another_issuer_is_refused(site: Site, provider: IdentityProvider, name: str) -> None:
    """Mix-up (RFC 9207): where it says whose it is, it must be ours."""
    site.person("lan", sign_in="oidc")
    provider.names_itself = name or provider.url
    _, page = go(site)

    assert page.status == (303 if not name else 403)


@pytest.mark.parametrize("engine", ["sqlite"])
@pytest.mark.parametrize(
    "described",
    [
        {"issuer": "https://other.example.org"},
        {"token_endpoint": "ftp://other.example.org/token"},
        {"jwks_uri": None},
        {"authorization_endpoint": "javascript:alert(1)"},
    ],
)
def test_a_description_that_cannot_be_right_is_not_used(
    site: Site, provider: IdentityProvider, described: dict[str, Any]
) -> None:
    provider.described = described

    assert site.browser().get("/login/oidc").status == 403


@pytest.mark.parametrize("engine", ["sqlite"])
def test_an_error_of_the_provider_is_a_polite_page(site: Site) -> None:
    browser = site.browser()
    state = parse_qs(urlsplit(at_provider(browser)).query)["state"][0]

    assert browser.get(f"/login/oidc/callback?error=access_denied&state={state}").status == 403


@pytest.mark.parametrize("engine", ["sqlite"])
def test_a_provider_that_is_away_is_a_polite_page(site: Site, provider: IdentityProvider) -> None:
    provider.described = {"token_endpoint": "http://127.0.0.1:9/token"}
    site.person("lan", sign_in="oidc")
    _, page = go(site)

    assert page.status == 403


@pytest.mark.parametrize("engine", ["sqlite"])
def test_a_new_key_of_the_provider_is_fetched_once_in_a_while(site: Site, provider: IdentityProvider) -> None:
    site.person("lan", sign_in="oidc")
    go(site)
    provider.key = RSAKey.generate_key(2048, {"kid": "k2", "use": "sig"})
    site.clock.advance(61)

    assert go(site)[1].status == 303
    asked = provider.keys_asked
    provider.sign = provider.unsigned
    for _ in range(3):
        assert go(site)[1].status == 403
    assert provider.keys_asked == asked


# --- roles and new people by claims -------------------------------------------------------------------------------

ROLES = 'roles_claim = "groups"\n[console.oidc.roles]\n"van-hanh" = ["operator"]\n"lanh-dao" = ["approver", "viewer"]\n'


@pytest.mark.parametrize("more", [ROLES])
def test_roles_are_those_of_the_claims_at_each_login(site: Site, provider: IdentityProvider) -> None:
    site.person("lan", sign_in="oidc", roles=("viewer",))
    provider.person |= {"groups": ["van-hanh", "lanh-dao", "khac"]}
    first, _ = go(site)
    assert first.get("/page").json["roles"] == ["approver", "operator", "viewer"]

    provider.person |= {"groups": "van-hanh"}
    second, _ = go(site)

    assert second.get("/page").json["roles"] == ["operator"]
    assert first.get("/page").status == 303
    assert [row.actor for row in site.journal("person.changed")] == ["oidc", "oidc"]


@pytest.mark.parametrize("engine", ["sqlite"])
@pytest.mark.parametrize("more", [ROLES])
@pytest.mark.parametrize("groups", [None, [], ["khac"], {"van-hanh": 1}, 7, ["khac", ["van-hanh"]]])
def test_who_has_none_of_the_groups_is_refused(site: Site, provider: IdentityProvider, groups: Any) -> None:
    site.person("lan", sign_in="oidc")
    provider.person |= {"groups": groups}
    _, page = go(site)

    assert page.status == 403
    assert causes(site) == [("person:lan", "no_role")]


@pytest.mark.parametrize("more", [f'create = true\nscope = ["H55"]\n{ROLES}'])
def test_who_is_not_known_is_made_known_where_that_is_allowed(site: Site, provider: IdentityProvider) -> None:
    provider.person |= {"groups": ["van-hanh"]}
    browser, _ = go(site)
    told = browser.get("/page").json

    assert (told["login"], told["roles"], told["scope"]) == ("lan", ["operator"], ["bo_b"])
    assert [row.event for row in site.journal()] == ["person.added", "person.login"]
    assert "Lan" not in "".join(row.entry for row in site.journal())


@pytest.mark.parametrize("more", [f"create = true\n{ROLES}"])
def test_whoever_is_made_known_works_on_nothing_until_an_administrator_says(site: Site, provider: IdentityProvider) -> None:
    provider.person |= {"groups": ["van-hanh"]}
    browser, _ = go(site)

    assert browser.get("/page").json["scope"] == []


@pytest.mark.parametrize("more", [f"create = true\n{ROLES}"])
@pytest.mark.parametrize("engine", ["sqlite"])
@pytest.mark.parametrize("login", ["", "Lan Anh", "../lan", 7, None, "l" * 65])
def test_a_login_that_cannot_be_one_makes_nobody(site: Site, provider: IdentityProvider, login: Any) -> None:
    provider.person |= {"groups": ["van-hanh"], "preferred_username": login}
    _, page = go(site)

    assert page.status == 403
    assert causes(site) == [("people", "not_known")]


@pytest.mark.parametrize("engine", ["sqlite"])
def test_a_provider_in_clear_over_a_network_is_refused(site: Site) -> None:
    path = site.folder / "hub.toml"
    path.write_text(path.read_text().replace("http://127.0.0.1:", "http://id.example.org:"))

    with pytest.raises(BadSettings, match="issuer must be https"):
        open_provider(bootstrap.load_settings(site.folder), site.clock)
