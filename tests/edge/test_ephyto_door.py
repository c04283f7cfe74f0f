"""The ePhyto Hub calls us (PUSH): its own contract at our door, over HTTP, and our word on each envelope afterwards."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from adapters.ephyto.simulator import PATH, simulator
from adapters.ephyto.simulator_certificates import certificate
from hub.edge.acknowledger import Acknowledger
from hub.simulation import SimulatorServer

from .conftest import HubFolder, Serve, Served

TOLD = {"from": "ID", "to": "VN", "number": "ID-PUSHED-1"}


@pytest.fixture
def post() -> Iterator[SimulatorServer]:
    with simulator() as server:
        yield server


@pytest.fixture
def at(hub_folder: HubFolder, serve: Serve, post: SimulatorServer) -> Served:
    options = {"url": f"{post.url}{PATH}", "pull": False}
    hub_folder.endpoint("ephyto", "ephyto", outbound={}, options=options)
    return serve()


def push(at: Served, post: SimulatorServer, verb: str = "push", **given: Any) -> Any:
    """Let the ePhyto Hub call our door."""
    door = {"hub_url": at.url, "endpoint": "ephyto", "token": at.folder.tokens["ephyto"]}
    return post.verbs[verb]({**TOLD, "content": certificate(TOLD), **door, **given})


def words(at: Served, post: SimulatorServer) -> list[str]:
    while Acknowledger(at.hub, at.hub.endpoint("ephyto"), "one").round():
        pass
    return [each["state"] for each in post.account()["words"]]


@pytest.mark.parametrize("operation", ["DeliverEnvelope", "ValidateAndDeliverEnvelope"])
def test_an_envelope_is_taken_and_acknowledged_afterwards(operation: str, at: Served, post: SimulatorServer) -> None:
    said = push(at, post, operation=operation)

    assert (said["status"], said["state"], said["error"]) == (200, "PendingDelivery", "")
    assert f"{operation}Response" in said["body"]
    assert post.account()["words"] == []
    assert words(at, post) == ["Delivered"]


def test_what_cannot_be_read_is_said_so_at_once_and_by_our_word(at: Served, post: SimulatorServer) -> None:
    said = push(at, post, content="<a")

    assert (said["status"], said["state"]) == (200, "DeliveredNotReadable")
    assert words(at, post) == ["DeliveredNotReadable"]


@pytest.mark.parametrize("body", ["<a", "<!DOCTYPE a [<!ENTITY b SYSTEM 'file:///etc/passwd'>]><a>&b;</a>", "<a/>"])
def test_what_is_no_soap_is_a_fault_and_owed_nothing(body: str, at: Served, post: SimulatorServer) -> None:
    said = push(at, post, body=body)

    assert said["status"] == 500
    assert "Client" in said["body"]
    assert "root:" not in said["body"]
    assert words(at, post) == []


def test_who_has_no_credential_is_turned_away(at: Served, post: SimulatorServer) -> None:
    said = push(at, post, token="another")

    assert said["status"] == 401
    assert at.recorded() == 0


def test_the_contract_is_served_at_the_door(at: Served) -> None:
    said = at.call("GET", "/doors/ephyto?wsdl", headers=at.folder.authorized("ephyto"))

    assert said.status == 200
    assert b"AdvancedAcknowledgeEnvelopeReceipt" in said.body
    assert b"/doors/ephyto" in said.body
