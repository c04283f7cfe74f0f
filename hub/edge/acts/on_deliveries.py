"""Acts on one delivery, and on one endpoint."""

from __future__ import annotations

from collections.abc import Iterable

from pydantic import ConfigDict, Field

from hub import operations
from hub.app import Hub
from hub.edge.acts.act import Act, WithWhy


class OnDelivery(WithWhy):
    """A verb on one delivery."""

    delivery: str = Field(max_length=100, description="Mã lượt chuyển (identifier of the delivery)")


class OnEndpoint(WithWhy):
    """A verb on one endpoint."""

    endpoint: str = Field(max_length=100, description="Tên điểm kết nối (name of the endpoint)")


class Settling(OnDelivery):
    """What a person found out about a delivery."""

    # A scan or a letter is kept as it is; JSON has no bytes.
    model_config = ConfigDict(val_json_bytes="base64")

    outcome: str = Field(
        pattern="^(arrived|not_arrived|acknowledged|refused)$", description="Kết quả (what became of it)"
    )
    evidence: str = Field("", max_length=1_000_000, description="Bằng chứng dạng văn bản (evidence, as text)")
    attached: bytes = Field(b"", max_length=10_000_000, description="Tệp bằng chứng, thay cho văn bản (evidence, as a file)")


class Abandoning(OnDelivery):
    """A delivery that is given up, alone or with those behind it."""

    with_followers: bool = Field(False, description="Cả các lượt chờ sau nó (also those that wait behind it)")


def its_endpoint(hub: Hub, asked: OnDelivery) -> Iterable[str]:
    """Name the endpoint of the delivery that is asked about."""
    return (operations.find(hub, asked.delivery).endpoint,)


def _named(_hub: Hub, asked: OnEndpoint) -> Iterable[str]:
    return (asked.endpoint,)


def _settle(hub: Hub, login: str, asked: Settling) -> operations.Done:
    evidence = asked.attached or asked.evidence.encode()
    if asked.outcome in ("arrived", "not_arrived"):
        arrived = asked.outcome == "arrived"
        return operations.settle(hub, asked.delivery, arrived=arrived, evidence=evidence, actor=login, why=asked.why)
    acknowledged = asked.outcome == "acknowledged"
    return operations.settle_answer(
        hub, asked.delivery, acknowledged=acknowledged, evidence=evidence, actor=login, why=asked.why
    )


def _abandon(hub: Hub, login: str, asked: Abandoning) -> operations.Done:
    if asked.with_followers:
        seen = operations.followers(hub, asked.delivery)
        return operations.abandon_all(hub, asked.delivery, seen, actor=login, why=asked.why)
    return operations.abandon(hub, asked.delivery, actor=login, why=asked.why)


ACTS = (
    Act(
        verb="release",
        asked=OnDelivery,
        touches=its_endpoint,
        do=lambda hub, person, asked: operations.release(hub, asked.delivery, actor=person.login, why=asked.why),
    ),
    Act(
        verb="rebuild",
        asked=OnDelivery,
        touches=its_endpoint,
        do=lambda hub, person, asked: operations.rebuild(hub, asked.delivery, actor=person.login, why=asked.why),
    ),
    Act(
        verb="settle",
        asked=Settling,
        touches=its_endpoint,
        do=lambda hub, person, asked: _settle(hub, person.login, asked),
    ),
    Act(
        verb="abandon",
        asked=Abandoning,
        touches=its_endpoint,
        do=lambda hub, person, asked: _abandon(hub, person.login, asked),
    ),
    Act(
        verb="ask",
        asked=OnDelivery,
        touches=its_endpoint,
        do=lambda hub, person, asked: operations.ask(hub, asked.delivery, actor=person.login, why=asked.why),
    ),
    Act(
        verb="pause",
        asked=OnEndpoint,
        touches=_named,
        do=lambda hub, person, asked: operations.pause(hub, asked.endpoint, actor=person.login, why=asked.why),
    ),
    Act(
        verb="resume",
        asked=OnEndpoint,
        touches=_named,
        do=lambda hub, person, asked: operations.resume(hub, asked.endpoint, actor=person.login, why=asked.why),
    ),
)
