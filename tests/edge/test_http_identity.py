"""Who may open which door: nothing of a call is read before its sender is known."""

from __future__ import annotations

import base64
import hashlib
import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from urllib.parse import quote

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID
from lxml import etree

from hub.app import Hub
from hub.contract import Opened, Request
from hub.errors import BadSettings
from hub.telemetry import UNAUTHENTICATED

from .conftest import HubFolder, Said, Serve, Served, dossier

BODY = json.dumps(dossier()).encode()
RIGHT = "Bearer token-of-province_a"


def post(served: Served, door: str = "province_a", body: bytes = BODY, **headers: str) -> Said:
    given = {"Content-Type": "application/json", "Idempotency-Key": "k1", **headers}
    return served.call("POST", f"/doors/{door}", body, {name.replace("_", "-"): value for name, value in given.items()})


def refused_count(door: str) -> float:
    return UNAUTHENTICATED.labels(door)._value.get()


@pytest.mark.parametrize("authorization", [RIGHT, "bearer  token-of-province_a"])
def test_a_doors_own_token_opens_it(served: Served, authorization: str) -> None:
    assert post(served, Authorization=authorization).status == 202
    assert served.recorded() == 1


@pytest.mark.parametrize(
    "authorization",
    ["", "Bearer", "Bearer ", "Bearer token-of-province_b", "Bearer TOKEN-OF-PROVINCE_A", "Basic token-of-province_a", "\xff"],
)
def test_anything_else_is_turned_away_counted_and_not_recorded(served: Served, authorization: str) -> None:
    before = refused_count("province_a")
    said = post(served, Authorization=authorization)

    assert said.status == 401
    assert said.headers["www-authenticate"].startswith("Bearer")
    assert "token" in said.json["message"] or "mã truy cập" in said.json["message"]
    assert said.json["message_en"].startswith("nothing proves who is calling")
    assert (served.recorded(), refused_count("province_a")) == (0, before + 1)


def test_two_tokens_prove_nothing(served: Served) -> None:
    head = f"POST /doors/province_a HTTP/1.1\r\nHost: x\r\nAuthorization: {RIGHT}\r\nAuthorization: {RIGHT}\r\n"
    with served.connect() as connection:
        connection.sendall(f"{head}Content-Length: 0\r\n\r\n".encode())
        assert connection.recv(1000).startswith(b"HTTP/1.1 401 ")


def test_an_unknown_door_answers_as_a_wrong_token_does(served: Served) -> None:
    wrong, unknown = post(served, Authorization="Bearer x"), post(served, "nobody", Authorization=RIGHT)

    def comparable(said: Said) -> object:
        return said.status, said.body, {name: value for name, value in said.headers.items() if name != "date"}

    assert comparable(unknown) == comparable(wrong)
    documents = [served.call("GET", f"/doors/{door}?wsdl") for door in ("province_a", "nobody")]
    assert comparable(documents[0]) == comparable(documents[1])


def test_names_that_strangers_ask_for_do_not_become_labels(served: Served) -> None:
    before = refused_count("unknown")
    post(served, "nobody-asked-for-this")

    assert refused_count("unknown") == before + 1
    assert b"nobody-asked-for-this" not in served.call("GET", "/metrics").body


def test_an_endpoint_without_a_door_is_no_door(hub_folder: HubFolder, serve: Serve) -> None:
    hub_folder.endpoint("silent", token=False)
    text = (hub_folder.path / "endpoints" / "silent.toml").read_text().replace("[inbound]\n", "")
    (hub_folder.path / "endpoints" / "silent.toml").write_text(text)

    assert post(serve(), "silent", Authorization=RIGHT).status == 401


def test_a_stranger_is_answered_before_its_body_is_sent(served: Served) -> None:
    with served.connect() as connection:
        connection.sendall(b"POST /doors/province_a HTTP/1.1\r\nHost: x\r\nContent-Length: 10000000\r\n\r\n")
        assert connection.recv(1000).startswith(b"HTTP/1.1 401 ")


@pytest.mark.parametrize(
    ("content_type", "namespace", "reason"),
    [
        ("text/xml; charset=utf-8", "http://schemas.xmlsoap.org/soap/envelope/", "faultstring"),
        ("application/soap+xml", "http://www.w3.org/2003/05/soap-envelope", "{*}Reason/{*}Text"),
    ],
)
def test_a_caller_that_speaks_soap_gets_a_fault(served: Served, content_type: str, namespace: str, reason: str) -> None:
    said = post(served, body=b"<x/>", **{"Content_Type": content_type})
    fault = etree.fromstring(said.body).find(f"{{{namespace}}}Body/{{{namespace}}}Fault")

    assert said.status == 401
    assert said.headers["content-type"].partition(";")[0] == content_type.partition(";")[0]
    assert "không xác định được bên gọi" in fault.findtext(reason)


def test_credentials_do_not_reach_an_adapter(serve: Serve) -> None:
    seen: list[Request] = []

    def watched(hub: Hub) -> Hub:
        adapter = hub.adapters["one_stop"]

        def open_request(request: Request, options: object) -> Opened:
            seen.append(request)
            return adapter.open_request(request, options)

        return replace(hub, adapters={**hub.adapters, "one_stop": replace(adapter, open_request=open_request)})

    headers = {"Authorization": RIGHT, "Cookie": "a=b", "Proxy_Authorization": RIGHT, "X_Trace": "7"}
    post(serve(watched), "province_a/so/mot?ma=1", **headers)

    assert "token-of-province_a" not in repr(seen) and "cookie" not in seen[0].headers
    assert (seen[0].headers["x-trace"], seen[0].path, seen[0].query) == ("7", "/so/mot", {"ma": "1"})
    assert (seen[0].idempotency_key, seen[0].content_type) == ("k1", "application/json")


# --- addresses and fronts ----------------------------------------------------------------------------------------


def test_an_exact_address_opens_a_door_without_token(hub_folder: HubFolder, serve: Serve) -> None:
    hub_folder.endpoint("province_a", inbound={"addresses": ["127.0.0.1"]})
    hub_folder.endpoint("province_b", inbound={"addresses": ["127.0.0.2"]})
    served = serve()

    assert post(served).status == 202
    assert post(served, "province_b").status == 401


def test_a_call_that_a_front_passed_on_has_not_the_fronts_address(hub_folder: HubFolder, serve: Serve) -> None:
    hub_folder.endpoint("province_a", inbound={"addresses": ["127.0.0.1"]})

    assert post(serve(), X_Forwarded_For="127.0.0.1").status == 401


def test_nobody_gives_itself_an_address(hub_folder: HubFolder, serve: Serve) -> None:
    hub_folder.endpoint("province_a", inbound={"addresses": ["192.0.2.7"]})

    assert post(serve(), X_Forwarded_For="192.0.2.7").status == 401


@pytest.mark.parametrize(
    ("passed_on", "status"),
    [
        ("192.0.2.7", 202),
        ("127.0.0.9, ::ffff:192.0.2.7", 202),
        ("192.0.2.7, 192.0.2.8", 401),
        ("192.0.2.7, rubbish", 401),
        ("", 401),
    ],
)
def test_only_what_a_trusted_front_itself_saw_is_the_callers_address(
    hub_folder: HubFolder, serve: Serve, passed_on: str, status: int
) -> None:
    hub_folder.hub(doors={"trusted_proxies": ["127.0.0.1"]})
    hub_folder.endpoint("province_a", inbound={"addresses": ["192.0.2.7"]})

    assert post(serve(), X_Forwarded_For=passed_on).status == status


def test_a_trusted_fronts_own_address_opens_nothing(hub_folder: HubFolder, serve: Serve) -> None:
    hub_folder.hub(doors={"trusted_proxies": ["127.0.0.1"]})
    hub_folder.endpoint("province_a", inbound={"addresses": ["127.0.0.1"]})

    assert post(serve()).status == 401


# --- client certificates that a front passes ---------------------------------------------------------------------


def client_certificate() -> x509.Certificate:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "thu-nghiem")])
    begin = datetime(2026, 1, 1, tzinfo=UTC)
    built = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
    built = built.serial_number(1).not_valid_before(begin).not_valid_after(begin + timedelta(days=3650))
    return built.sign(key, hashes.SHA256())


def as_passed(certificate: x509.Certificate, manner: str) -> str:
    der = certificate.public_bytes(Encoding.DER)
    pem = certificate.public_bytes(Encoding.PEM).decode()
    digest = hashlib.sha256(der).hexdigest()
    colons = ":".join(digest[at : at + 2].upper() for at in range(0, 64, 2))
    encoded = base64.b64encode(der).decode()
    return {"hex": digest, "colons": colons, "nginx": quote(pem, safe=""), "rfc9440": f":{encoded}:"}[manner]


def behind_front(hub_folder: HubFolder, certificate: x509.Certificate, *, front: str = "127.0.0.1") -> None:
    hub_folder.hub(doors={"trusted_proxies": [front], "client_certificate_header": "X-Client-Cert"})
    hub_folder.endpoint("province_a", inbound={"client_certificate_sha256": [as_passed(certificate, "colons")]})


@pytest.mark.parametrize("manner", ["hex", "colons", "nginx", "rfc9440"])
def test_a_certificate_that_a_trusted_front_passes_opens_its_door(hub_folder: HubFolder, serve: Serve, manner: str) -> None:
    certificate = client_certificate()
    behind_front(hub_folder, certificate)
    served = serve()

    assert post(served, X_Client_Cert=as_passed(certificate, manner)).status == 202
    assert post(served, X_Client_Cert=as_passed(client_certificate(), manner)).status == 401


def test_a_certificate_that_anyone_else_passes_proves_nothing(hub_folder: HubFolder, serve: Serve) -> None:
    certificate = client_certificate()
    behind_front(hub_folder, certificate, front="192.0.2.1")

    assert post(serve(), X_Client_Cert=as_passed(certificate, "hex")).status == 401


@pytest.mark.parametrize("given", ["0" * 64, "", ":", "::", ":!:", "%zz", "-----BEGIN CERTIFICATE-----"])
def test_rubbish_in_the_certificates_header_proves_nothing(hub_folder: HubFolder, serve: Serve, given: str) -> None:
    behind_front(hub_folder, client_certificate())
    hub_folder.endpoint("province_b")
    served = serve()

    assert post(served, X_Client_Cert=given).status == 401
    assert post(served, "province_b", X_Client_Cert=given).status == 401


def test_a_certificates_header_that_stands_twice_proves_nothing(hub_folder: HubFolder, serve: Serve) -> None:
    certificate = client_certificate()
    behind_front(hub_folder, certificate)
    line = f"X-Client-Cert: {as_passed(certificate, 'hex')}\r\n"
    with serve().connect() as connection:
        connection.sendall(f"POST /doors/province_a HTTP/1.1\r\nHost: x\r\n{line}{line}Content-Length: 0\r\n\r\n".encode())
        assert connection.recv(1000).startswith(b"HTTP/1.1 401 ")


# --- settings ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("inbound", "where"),
    [
        ({"token_sha256": ["token-of-province_a"]}, "token_sha256"),
        ({"client_certificate_sha256": ["ab"]}, "client_certificate_sha256"),
        ({"addresses": ["10.0.0.0/8"]}, "addresses"),
    ],
)
def test_a_proof_that_can_never_fit_stops_the_start(
    hub_folder: HubFolder, serve: Serve, inbound: dict[str, list[str]], where: str
) -> None:
    hub_folder.endpoint("province_a", token=False, inbound=inbound)

    with pytest.raises(BadSettings) as caught:
        serve()

    assert caught.value.where == f"endpoints/province_a.toml [inbound] {where}"
    assert "token-of-province_a" not in caught.value.en
