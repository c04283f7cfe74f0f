"""The bus seal: bound to one payload, one delivery, one endpoint, one epoch."""

from __future__ import annotations

import base64
import json

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from hypothesis import given, settings
from hypothesis import strategies as st

from hub.canonical.digests import digest_of
from hub.errors import Untrusted
from hub.rules.jws import sign_detached
from hub.rules.seal import SealedHead, open_seal, seal

KEY = ec.generate_private_key(ec.SECP256R1())
OTHER = ec.generate_private_key(ec.SECP256R1())
KEYS = {"hub-1": KEY.public_key(), "hub-2": OTHER.public_key()}
PAYLOAD = '{"kind": "dossier", "note": "Hồ sơ đã nhận"}'.encode()
SAID = {"issuer": "lienthong", "key_id": "hub-1", "endpoint": "moh", "delivery": "d-17", "epoch": 3, "purpose": "deliver"}


def sealed(payload: bytes = PAYLOAD, **changes: object) -> str:
    return seal(payload, **{"key": KEY, **SAID, **changes})


def refused(payload: bytes, token: str) -> str:
    with pytest.raises(Untrusted) as caught:
        open_seal(payload, token, KEYS)
    assert caught.value.where == "seal"
    return caught.value.en


@pytest.mark.parametrize("payload", [PAYLOAD, b"", b"abc-_~", b"\x00\xff.\n", b"x" * 2_000_000])
def test_a_seal_says_what_was_sealed(payload: bytes):
    assert open_seal(payload, sealed(payload), KEYS) == SealedHead(**SAID, digest=digest_of(payload))


def test_all_that_a_seal_says_is_in_its_protected_header():
    first, middle, _ = sealed().split(".")
    head = json.loads(base64.urlsafe_b64decode(first + "=="))

    assert middle == ""
    assert head == {
        **{"alg": "ES256", "typ": "lienthong-seal", "b64": False, "crit": ["b64"], "iss": "lienthong", "kid": "hub-1"},
        **{"endpoint": "moh", "delivery": "d-17", "epoch": 3, "purpose": "deliver", "digest": digest_of(PAYLOAD)},
    }


def test_a_message_without_seal_is_refused():
    assert "has no seal" in refused(PAYLOAD, "")


def test_a_changed_payload_is_refused():
    assert "does not fit" in refused(PAYLOAD + b" ", sealed())


def test_a_seal_by_an_unknown_key_is_refused():
    assert "not known" in refused(PAYLOAD, sealed(key_id="hub-9"))


def test_a_seal_under_another_members_name_is_refused():
    assert "does not fit" in refused(PAYLOAD, sealed(key_id="hub-2"))
    assert open_seal(PAYLOAD, sealed(key=OTHER, key_id="hub-2"), KEYS).key_id == "hub-2"


@pytest.mark.parametrize("name", ["iss", "kid", "endpoint", "delivery", "epoch", "purpose", "digest", "typ"])
def test_a_changed_header_is_refused(name: str):
    first, _, value = sealed().split(".")
    head = json.loads(base64.urlsafe_b64decode(first + "=="))
    head[name] = 4 if name == "epoch" else "hub-2"
    changed = base64.urlsafe_b64encode(json.dumps(head).encode()).rstrip(b"=").decode()

    assert "does not fit" in refused(PAYLOAD, f"{changed}..{value}")


@pytest.mark.parametrize(
    "changes",
    [
        {"typ": "JWT"},
        {"typ": None},
        {"epoch": "3"},
        {"epoch": True},
        {"epoch": None},
        {"endpoint": ""},
        {"delivery": 7},
        {"purpose": None},
        {"iss": ["x"]},
    ],
)
def test_another_signature_by_a_known_key_is_no_seal(changes: dict[str, object]):
    head = {
        **{"alg": "ES256", "typ": "lienthong-seal", "iss": "lienthong", "kid": "hub-1", "endpoint": "moh"},
        **{"delivery": "d-17", "epoch": 3, "purpose": "deliver", "digest": digest_of(PAYLOAD)},
    }

    assert open_seal(PAYLOAD, sign_detached(PAYLOAD, head, KEY), KEYS).epoch == 3
    assert "not a seal" in refused(PAYLOAD, sign_detached(PAYLOAD, {**head, **changes}, KEY))


def test_a_digest_of_another_payload_is_refused_even_under_a_good_signature():
    head = {
        **{"alg": "ES256", "typ": "lienthong-seal", "iss": "lienthong", "kid": "hub-1", "endpoint": "moh"},
        **{"delivery": "d-17", "epoch": 3, "purpose": "deliver", "digest": digest_of(b"another")},
    }

    assert "digest" in refused(PAYLOAD, sign_detached(PAYLOAD, head, KEY))


@pytest.mark.parametrize("token", ["x", "..", "a.b.c", "é", '{"alg":"none"}..'])
def test_rubbish_is_no_seal(token: str):
    assert "does not fit" in refused(PAYLOAD, token)


@pytest.mark.parametrize("algorithm", ["none", "HS256", "PS256"])
def test_another_algorithm_is_refused(algorithm: str):
    first, _, value = sealed().split(".")
    head = {**json.loads(base64.urlsafe_b64decode(first + "==")), "alg": algorithm}
    changed = base64.urlsafe_b64encode(json.dumps(head).encode()).rstrip(b"=").decode()

    assert "does not fit" in refused(PAYLOAD, f"{changed}..{value}")


@pytest.mark.parametrize("kid", [None, 7, ["hub-1"], {"a": 1}])
def test_a_key_id_that_is_no_text_is_refused(kid: object):
    assert "not known" in refused(PAYLOAD, sign_detached(PAYLOAD, {"alg": "ES256", "kid": kid}, KEY))


TEXT = st.text(min_size=1, max_size=20)


@given(st.binary(max_size=200), TEXT, TEXT, TEXT, st.integers(0, 2**63))
@settings(max_examples=50, deadline=None)
def test_any_seal_opens_to_what_it_was_made_of(payload: bytes, endpoint: str, delivery: str, purpose: str, epoch: int):
    said = {**SAID, "endpoint": endpoint, "delivery": delivery, "purpose": purpose, "epoch": epoch}

    assert open_seal(payload, seal(payload, key=KEY, **said), KEYS) == SealedHead(**said, digest=digest_of(payload))


@given(st.data())
@settings(max_examples=200, deadline=None)
def test_no_flipped_bit_passes(data: st.DataObject):
    token = sealed().encode()
    target = data.draw(st.sampled_from([PAYLOAD, token]))
    position, bit = data.draw(st.integers(0, len(target) - 1)), 1 << data.draw(st.integers(0, 6))
    flipped = target[:position] + bytes([target[position] ^ bit]) + target[position + 1 :]

    if target is token:
        refused(PAYLOAD, flipped.decode("latin-1"))
    else:
        refused(flipped, token.decode())
