"""The conformance test of an adapter: a vendor subclasses AdapterConformance, and inherits every check.

    class TestPartner(AdapterConformance):
        adapter = ADAPTER
        samples = SAMPLES

Docs: docs/adapters.md.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from hub.conformance import samples
from hub.conformance.inbound import InboundChecks
from hub.conformance.outbound import OutboundChecks
from hub.conformance.receipts import ReceiptChecks
from hub.endpoint import Endpoint, InboundPolicy, OutboundPolicy
from hub.wire import Wire

STOP_DEADLINE_SECONDS = 10.0


class AdapterConformance(InboundChecks, OutboundChecks, ReceiptChecks):
    """Every check that an adapter must pass: of its translators, of its replies, and of itself."""

    def test_there_are_samples_of_every_direction(self) -> None:
        """An adapter that reads has good and bad messages; one that writes has messages and replies."""
        found = {fixture for fixture, cases in self.cases.items() if cases}

        assert found & {"inbound", "outbound"}, f"no sample stands in {self.samples}/in or /out"
        assert ("inbound" in found) == ("bad" in found), "in/ and bad/ belong together"
        assert ("outbound" in found) == ("reply" in found), "out/ and receipts/ belong together"

    def test_every_sample_file_is_used(self) -> None:
        """A file that no check reads is a misspelt name."""
        fixtures = {"in": "inbound", "bad": "bad", "out": "outbound", "receipts": "reply"}
        for folder, fixture in fixtures.items():
            used = {path for sample in self.cases[fixture] for path in samples.files_of(sample)}
            unused = sorted(path.name for path in (self.samples / folder).glob("*") if path not in used)
            assert not unused, f"no sample of {folder}/ uses {', '.join(unused)}"

    def test_the_adapter_is_named_like_its_folder(self) -> None:
        """The name in an endpoint's file leads to the folder."""
        assert self.adapter.name == self._folder.name
        assert self.adapter.title.strip(), "officials read the adapter's title"

    def test_the_options_are_frozen_closed_and_described(self) -> None:
        """A misspelt option is an error at the start of the hub, and each one says what it is for."""
        for model in _models(self.adapter.options):
            assert model.model_config.get("frozen"), f"{model.__name__} is not frozen"
            assert model.model_config.get("extra") == "forbid", f"{model.__name__} takes unknown keys"
            undescribed = [name for name, field in model.model_fields.items() if not field.description]
            assert not undescribed, f"{model.__name__}: no description of {', '.join(undescribed)}"

    def test_the_readme_names_every_option_and_service(self) -> None:
        """An operator finds each word of an endpoint's file in the adapter's README."""
        path = self._folder / "README.md"
        assert path.is_file(), f"{path} is not there"
        readme = path.read_text(encoding="utf-8")
        services = {call["service"] for sample in self.cases["outbound"] for call in sample.expected["calls"]}
        missing = sorted(word for word in services | set(self.adapter.options.model_fields) if word not in readme)

        assert not missing, f"README.md says nothing of {', '.join(missing)}"

    def test_the_hub_finds_the_adapter(self) -> None:
        """An entry point of the group lienthong.adapters leads to this adapter."""
        assert _entry_point("lienthong.adapters", self.adapter.name).name == self.adapter.name

    def test_the_transport_has_what_the_hub_calls(self) -> None:
        """Opening it connects nowhere; it can send, ask, probe and close."""
        endpoint = Endpoint(
            name="conformance",
            adapter=self.adapter.name,
            title="Conformance",
            inbound=InboundPolicy(),
            outbound=OutboundPolicy(),
            options=self.options,
        )
        wire = Wire()
        transport = self.adapter.open_transport(endpoint, wire)
        lacking = [name for name in ("send", "ask", "probe", "close") if not callable(getattr(transport, name, None))]
        transport.close()
        wire.close()

        assert not lacking, f"the transport cannot {', '.join(lacking)}"

    def test_the_simulator_starts_shows_its_account_and_stops(self) -> None:
        """The partner's double of the group lienthong.simulators serves on loopback only."""
        server = _entry_point("lienthong.simulators", self.adapter.name)(port=0)
        wire = Wire()
        with server:
            assert server.url.startswith("http://127.0.0.1:"), f"{server.url} can be reached from other machines"
            reply = wire.call("GET", f"{server.url}/_account", deadline_seconds=STOP_DEADLINE_SECONDS)
        wire.close()

        assert reply.status == 200
        assert json.loads(reply.body) is not None

    # --- steps -----------------------------------------------------------------------------------------------------

    @property
    def _folder(self) -> Path:
        return self.samples.parent


def _entry_point(group: str, name: str) -> Any:
    found = tuple(entry_points(group=group, name=name))
    assert len(found) == 1, f"{len(found)} installed packages name {name!r} under {group!r} (pyproject.toml; then install again)"
    return found[0].load()


def _models(model: type[BaseModel]) -> Iterator[type[BaseModel]]:
    """List a model and those of its fields, however deep."""
    yield model
    for field in model.model_fields.values():
        for part in _parts(field.annotation):
            yield from _models(part)


def _parts(annotation: Any) -> Iterator[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for argument in getattr(annotation, "__args__", ()):
        yield from _parts(argument)
