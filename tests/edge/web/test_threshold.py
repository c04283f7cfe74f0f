"""What every call must be and every answer carries: Host, Origin, tokens of forms, sizes, headers."""

from __future__ import annotations

import socket
from urllib.parse import urlsplit

import pytest

from hub import bootstrap
from hub.errors import BadSettings
from tests.edge.web.conftest import PASSWORD, Site, log_in
from tests.support.browser import Browser


@pytest.fixture
def engine() -> str:
    """Nothing here depends on the ledger."""
    return "sqlite"


@pytest.fixture
def browser(site: Site) -> Browser:
    site.person()
    made = site.browser()
    log_in(made)
    return made


def csrf(browser: Browser) -> str:
    return str(browser.get("/page").json["csrf"])


def test_a_form_of_our_own_page_is_taken(browser: Browser) -> None:
    assert browser.post("/form", {"csrf": csrf(browser)}).status == 200
    assert browser.post("/form", {}, X_CSRF_Token=csrf(browser)).status == 200


@pytest.mark.parametrize("given", ["", "0" * 64, "é", "x"])
def test_a_form_without_the_sessions_token_is_not(browser: Browser, given: str) -> None:
    page = browser.post("/form", {"csrf": given})

    assert (page.status, page.json["template"], page.json["error"][0]) == (403, "refused.html", "forged")


def test_the_token_of_another_session_is_not_enough(site: Site, browser: Browser) -> None:
    site.person("minh")
    other = site.browser()
    log_in(other, "minh")

    assert browser.post("/form", {"csrf": csrf(other)}).status == 403


def test_the_token_does_not_lead_to_the_cookie(browser: Browser) -> None:
    assert browser.cookies["lienthong"] not in browser.get("/page").body.decode()


@pytest.mark.parametrize("origin", ["https://evil.example", "null", "http://127.0.0.1", "http://127.0.0.1:1"])
def test_a_form_of_another_page_is_refused(browser: Browser, origin: str) -> None:
    assert browser.post("/form", {"csrf": csrf(browser)}, Origin=origin).status == 403


def test_without_an_origin_the_referrer_counts_and_without_both_nothing(browser: Browser) -> None:
    given = {"csrf": csrf(browser)}

    assert browser.post("/form", given, Origin="", Referer=f"{browser.url}/page").status == 200
    assert browser.post("/form", given, Origin="", Referer="https://evil.example/page").status == 403
    assert browser.post("/form", given, Origin="").status == 403


def test_a_login_form_that_another_page_sends_is_refused(site: Site, browser: Browser) -> None:
    """Login CSRF: the victim would work in the attacker's account."""
    fresh = site.browser()
    fields = {"login": "lan", "password": PASSWORD, "next": "/"}

    assert fresh.post("/login", fields).status == 403
    assert fresh.post("/login", {**fields, "csrf": site.browser().get("/login").json["csrf"]}).status == 403
    assert fresh.post("/login", {**fields, "csrf": fresh.get("/login").json["csrf"]}, Origin="https://evil.example").status == 403
    assert "lienthong" not in fresh.cookies


@pytest.mark.parametrize("host", ["evil.example", "evil.example:8090", "127.0.0.1@evil.example", "[", "127.0.0.1.evil.example"])
def test_another_name_for_our_address_is_refused(browser: Browser, host: str) -> None:
    """DNS rebinding."""
    assert browser.get("/page", Host=host).status == 400


def test_names_of_this_machine_are_taken(browser: Browser) -> None:
    port = urlsplit(browser.url).port

    assert [browser.get("/login", Host=f"{name}:{port}").status for name in ("localhost", "127.0.0.1", "[::1]")] == [200] * 3


def test_with_a_public_address_only_that_is_taken(site: Site) -> None:
    with (site.folder / "hub.toml").open("a") as file:
        file.write('[console]\npublic_url = "https://Truc.example.org"\n')
    site.open()
    made = site.browser(1, "https://truc.example.org")

    assert [made.get("/login", Host=host).status for host in ("truc.example.org", "TRUC.example.org:443")] == [200, 200]
    assert [made.get("/login", Host=host).status for host in ("127.0.0.1", "truc.example.org:8443")] == [400, 400]


def test_two_hosts_are_refused(site: Site) -> None:
    parts = urlsplit(site.consoles[0].url)
    with socket.create_connection((str(parts.hostname), parts.port or 0), timeout=20) as line:
        line.sendall(b"GET /login HTTP/1.1\r\nHost: 127.0.0.1\r\nHost: evil.example\r\nConnection: close\r\n\r\n")

        assert line.recv(100).startswith(b"HTTP/1.1 400")


@pytest.mark.parametrize("path", ["/login", "/page", "/nowhere", "/api/v1/who"])
def test_every_answer_carries_the_headers(browser: Browser, path: str) -> None:
    headers = browser.get(path).headers

    assert headers["content-security-policy"] == (
        "default-src 'self'; object-src 'none'; base-uri 'none'; frame-ancestors 'none'; form-action 'self'"
    )
    assert headers["referrer-policy"] == "same-origin"
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["x-frame-options"] == "DENY"
    assert headers["cache-control"] == "no-store"
    assert "camera=()" in headers["permissions-policy"]
    assert "strict-transport-security" not in headers


def test_a_refusal_carries_the_headers_too(browser: Browser) -> None:
    assert browser.get("/page", Host="evil.example").headers["x-frame-options"] == "DENY"


def test_a_large_body_is_refused_before_it_is_read(browser: Browser) -> None:
    assert browser.post("/form", {"csrf": "x" * 4_100_000}).status == 413


def test_a_large_body_in_pieces_is_refused(site: Site, browser: Browser) -> None:
    parts = urlsplit(site.consoles[0].url)
    head = (
        f"POST /form HTTP/1.1\r\nHost: {parts.netloc}\r\nOrigin: {browser.url}\r\n"
        f"Cookie: lienthong={browser.cookies['lienthong']}\r\n"
        "Content-Type: application/x-www-form-urlencoded\r\nTransfer-Encoding: chunked\r\n\r\n"
    )
    with socket.create_connection((str(parts.hostname), parts.port or 0), timeout=20) as line:
        line.sendall(head.encode())
        try:
            for _ in range(50):
                line.sendall(b"186a0\r\n" + b"x" * 100_000 + b"\r\n")
        except ConnectionError:
            pass

        assert line.recv(100).startswith(b"HTTP/1.1 413")


def test_a_compressed_body_is_refused(browser: Browser) -> None:
    assert browser.post("/form", {"csrf": csrf(browser)}, Content_Encoding="gzip").status == 415


def test_a_form_with_many_fields_is_refused(site: Site) -> None:
    assert site.browser().post("/login", {f"f{number}": "x" for number in range(1000)}).status == 400


def test_a_part_of_a_page_sends_the_whole_page_to_the_login(site: Site) -> None:
    """htmx would put the login form into the part."""
    page = site.browser().get("/page", HX_Request="true", HX_Current_URL=f"{site.consoles[0].url}/failures?p=2")

    assert (page.status, page.headers["hx-redirect"]) == (401, "/login?next=%2Ffailures%3Fp%3D2")


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_a_program_without_a_token_is_told_so(site: Site, method: str) -> None:
    page = site.browser().call(method, "/api/v1/who")

    assert (page.status, page.json["code"], page.headers["www-authenticate"]) == (401, "not_logged_in", "Bearer")


def test_a_session_is_no_token(browser: Browser) -> None:
    """The API believes no cookie, so that no page can call it."""
    assert browser.get("/api/v1/who").status == 401
    assert browser.get("/api/v1/who", Authorization=f"Bearer {browser.cookies['lienthong']}").status == 401


@pytest.mark.parametrize("url", ["http://truc.example.org", "https://truc.example.org/console", "https://a@b", "ftp://x"])
def test_an_address_that_would_not_be_safe_is_refused(site: Site, url: str) -> None:
    with (site.folder / "hub.toml").open("a") as file:
        file.write(f'[console]\npublic_url = "{url}"\n')

    with pytest.raises(BadSettings):
        bootstrap.load_settings(site.folder)


def test_behind_a_front_the_address_that_it_saw_counts(site: Site) -> None:
    with (site.folder / "hub.toml").open("a") as file:
        file.write('[console]\ntrusted_proxies = ["127.0.0.1"]\nlogin_tries_per_minute = 2\n')
    site.open()

    def tries(address: str) -> list[int]:
        return [log_in(site.browser(1), f"nobody{n}", "x", X_Forwarded_For=f"9.9.9.9, {address}").status for n in range(3)]

    assert tries("10.0.0.1") == [403, 403, 429]
    assert tries("2001:db8::1") == [403, 403, 429]
    assert tries("2001:db8::2") == [429] * 3
