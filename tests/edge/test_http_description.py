"""The OpenAPI document and its page: true, whole, and silent about who is connected."""

from __future__ import annotations

import json
from collections.abc import Iterator
from html import unescape
from html.parser import HTMLParser
from typing import Any

import pytest
from fastapi.openapi.models import OpenAPI

from hub.edge.http.sender import Acknowledged, Acknowledgement, NoticeList

from .conftest import HubFolder, Serve, Served


@pytest.fixture
def described(hub_folder: HubFolder, serve: Serve) -> Served:
    """A hub with a door of each JSON system."""
    hub_folder.endpoint("ministry_secret", "ministry")
    hub_folder.endpoint("sample_secret", "template")
    hub_folder.endpoint("vnsw", "single_window")
    for adapter in ("ministry_secret", "sample_secret"):
        hub_folder.route(f"from {adapter}", **{"from": [adapter], "to": ["commune"]})
    hub_folder.route("catalogues", kind="catalogue", to=["commune"])
    return serve()


@pytest.fixture
def document(described: Served) -> Any:
    said = described.call("GET", "/openapi.json")
    assert said.status == 200
    return said.json


def _values(tree: Any) -> Iterator[tuple[str, Any]]:
    pairs = tree.items() if isinstance(tree, dict) else enumerate(tree) if isinstance(tree, list) else ()
    for name, value in pairs:
        yield str(name), value
        # What an example says is its sender's.
        yield from _values(value) if name != "examples" else ()


def test_the_document_is_openapi(document: Any) -> None:
    OpenAPI.model_validate(document)
    operations = [operation for path in document["paths"].values() for operation in path.values()]

    assert document["openapi"].startswith("3.1")
    assert len({operation["operationId"] for operation in operations}) == len(operations) == 9
    assert document["security"] == [{"token": []}] and "token" in document["components"]["securitySchemes"]


def test_every_reference_leads_somewhere(document: Any) -> None:
    references = {value for name, value in _values(document) if name == "$ref"}

    assert references == {f"#/components/schemas/{name}" for name in document["components"]["schemas"]}


DOORS = {"one_stop": "province_a", "ministry": "ministry_secret", "template": "sample_secret"}


def _examples(document: Any) -> dict[str, Any]:
    content = document["paths"]["/doors/{endpoint}"]["post"]["requestBody"]["content"]
    return dict(content["application/json"]["examples"])


def test_every_json_system_that_is_connected_has_examples(document: Any) -> None:
    assert {name.partition(".")[0] for name in _examples(document)} == set(DOORS)


@pytest.mark.parametrize("adapter", DOORS)
def test_every_example_is_taken_by_the_door_it_is_for(document: Any, described: Served, adapter: str) -> None:
    for name, example in _examples(document).items():
        if name.startswith(f"{adapter}."):
            said = described.send(DOORS[adapter], example["value"], f"key-of-{name}")
            assert said.status in (200, 202), (name, said.json)


def test_the_answers_shown_are_the_adapters_own(document: Any, described: Served) -> None:
    answers = document["paths"]["/doors/{endpoint}"]["post"]["responses"]
    shown = answers["400"]["content"]["application/json"]["examples"]["one_stop.answer"]["value"]
    said = described.send("province_a", {}, "k1").json

    moving = {"MaThongDiep": "", "ThoiDiem": ""}
    assert shown | moving == said | moving
    assert {"202", "400", "401", "409", "413", "503"} <= set(answers)


def test_a_sender_sees_how_notices_are_read_and_acknowledged(document: Any, described: Served) -> None:
    listed, kept = document["paths"]["/notices"]["get"], document["paths"]["/notices/ack"]["post"]
    shown = NoticeList.model_validate(listed["responses"]["200"]["content"]["application/json"]["example"])
    asked = kept["requestBody"]["content"]["application/json"]["example"]
    wrong = kept["responses"]["400"]["content"]["application/json"]["example"]

    said = described.call("POST", "/notices/ack", json.dumps(asked).encode(), described.folder.authorized("province_a"))

    assert (said.status, said.json["DanhSachLoi"][0]["Ma"]) == (400, wrong["DanhSachLoi"][0]["Ma"]) == (400, "beyond_last")
    assert shown.next == asked["up_to"] == Acknowledgement.model_validate(asked).up_to
    assert Acknowledged.model_validate(kept["responses"]["200"]["content"]["application/json"]["example"]).acknowledged == 1
    page = described.call("GET", "/docs").body.decode()
    assert json.dumps(asked, indent=2) in unescape(page)


def test_titles_are_vietnamese(document: Any) -> None:
    texts = [value for name, value in _values(document) if name in ("summary", "description") and isinstance(value, str)]

    assert [text for text in texts if text.isascii()] == []


@pytest.mark.parametrize("path", ["/openapi.json", "/docs"])
def test_strangers_learn_nothing_about_who_is_connected(described: Served, path: str) -> None:
    text = described.call("GET", path).body.decode()

    assert not [name for name in described.hub.endpoints if name in text and name != "vnsw"]


class _Page(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.links: list[str] = []
        self.text = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.links += [str(value) for name, value in attrs if name in ("src", "href")]

    def handle_data(self, data: str) -> None:
        self.text += data


def test_the_page_shows_the_document_and_loads_nothing(document: Any, described: Served) -> None:
    said = described.call("GET", "/docs")
    page = _Page()
    page.feed(said.body.decode())

    assert said.headers["content-security-policy"].startswith("default-src 'none'")
    assert (page.links, "script" in page.tags) == (["openapi.json"], False)
    for example in _examples(document).values():
        assert example["summary"] in page.text
        assert json.dumps(example["value"], ensure_ascii=False, indent=2) in page.text
