"""The seal between the hub and a member: bound to one payload, one identifier, one purpose, from one side to the other."""

from __future__ import annotations

import base64
import json
from dataclasses import replace
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from hub.canonical.digests import digest_of
from hub.errors import Untrusted
from hub.rules import seal as bus_seal
from hub.rules.jws import sign_detached
from hub.rules.member_seal import MemberHead, open_seal, seal

KEY, OTHER = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
KEYS = {"k-1": KEY.public_key(), "k-2": OTHER.public_key()}
PAYLOAD = '{"hoSo": "Hồ sơ đã nhận"}'.encode()
SAID = MemberHead(
    issuer="bo",
    audience="lienthong",
    key_id="k-1",
    purpose="message",
    id="m-1",
    service="GuiHoSo",
    content_type="application/json",
)


def refused(token: str, payload: bytes = PAYLOAD) -> str:
    with pytest.raises(Untrusted) as caught:
        open_seal(payload, token, KEYS)
    assert caught.value.where == "seal"
    return caught.value.en


@pytest.mark.parametrize("payload", [PAYLOAD, b"", b"abc-_~", b"\x00\xff.\n"])
@pytest.mark.parametrize("head", [SAID, replace(SAID, purpose="acknowledged", about="d-1", service="", content_type="")])
def test_a_seal_says_what_was_sealed(payload: bytes, head: MemberHead) -> None:
    assert open_seal(payload, seal(payload, head, KEY), KEYS) == replace(head, digest=digest_of(payload))


def test_all_that_a_seal_says_is_in_its_protected_header() -> None:
    first, middle, _ = seal(PAYLOAD, SAID, KEY).split(".")

    assert middle == ""
    assert json.loads(base64.urlsafe_b64decode(first + "==")) == {
        **{"alg": "ES256", "typ": "lienthong-member", "b64": False, "crit": ["b64"], "iss": "bo", "aud": "lienthong"},
        **{"kid": "k-1", "purpose": "message", "id": "m-1", "service": "GuiHoSo", "cty": "application/json"},
        "digest": digest_of(PAYLOAD),
    }


def test_what_does_not_fit_is_refused() -> None:
    token = seal(PAYLOAD, SAID, KEY)

    assert "has no seal" in refused("")
    assert "does not fit" in refused(token, PAYLOAD + b" ")
    assert "not known" in refused(seal(PAYLOAD, replace(SAID, key_id="k-9"), KEY))
    assert "does not fit" in refused(seal(PAYLOAD, replace(SAID, key_id="k-2"), KEY))
    assert open_seal(PAYLOAD, seal(PAYLOAD, replace(SAID, key_id="k-2"), OTHER), KEYS).key_id == "k-2"


@pytest.mark.parametrize(
    "changes",
    [
        {"id": ""},
        {"id": "a b"},
        {"id": "x" * 201},
        {"id": "m\n1"},
        {"issuer": ""},
        {"purpose": "deliver"},
        {"purpose": "acknowledged"},
        {"about": "d-1"},
        {"purpose": "acknowledged", "about": "đ"},
        {"service": "Gửi"},
        {"content_type": "a\r\nb"},
    ],
)
def test_a_seal_by_the_right_key_that_says_something_else_is_refused(changes: dict[str, str]) -> None:
    assert "not a seal of a member" in refused(seal(PAYLOAD, replace(SAID, **changes), KEY))


def _head(**changes: Any) -> dict[str, Any]:
    first = seal(PAYLOAD, SAID, KEY).partition(".")[0]
    return {**json.loads(base64.urlsafe_b64decode(first + "==")), **changes}


@pytest.mark.parametrize("name", ["iss", "aud", "purpose", "id", "digest", "about", "service", "cty", "status"])
@pytest.mark.parametrize("value", [None, 1, ["x"], {"x": 1}, True])
def test_a_value_of_another_kind_is_refused(name: str, value: Any) -> None:
    assert "not a seal of a member" in refused(sign_detached(PAYLOAD, _head(**{name: value}), KEY))


def test_a_digest_of_other_bytes_is_refused() -> None:
    assert "digest" in refused(sign_detached(PAYLOAD, _head(digest=digest_of(b"")), KEY))


def test_the_seal_of_a_delivery_between_the_hubs_own_processes_is_no_members_seal_and_the_other_way_round() -> None:
    """Both may be made with the hub's one key."""
    given = {"issuer": "bo", "key": KEY, "key_id": "k-1", "endpoint": "bo", "delivery": "d-1", "epoch": 1, "purpose": "message"}

    assert "not a seal of a member" in refused(bus_seal.seal(PAYLOAD, **given))
    with pytest.raises(Untrusted):
        bus_seal.open_seal(PAYLOAD, seal(PAYLOAD, SAID, KEY), KEYS)


def test_two_seals_over_the_same_say_the_same() -> None:
    tokens = (seal(PAYLOAD, replace(SAID, key_id=key_id), key) for key_id, key in (("k-1", KEY), ("k-2", OTHER)))
    first, second = (open_seal(PAYLOAD, token, KEYS) for token in tokens)

    assert first.meaning() == second.meaning()
    assert replace(first, about="x").meaning() != first.meaning()
