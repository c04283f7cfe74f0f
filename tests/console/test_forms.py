"""Forms: what a browser posts becomes what a verb is asked, and what cannot be is named at its field."""

from __future__ import annotations

from collections.abc import Mapping

import pytest
from pydantic import Field

from hub.edge.acts.act import WithWhy
from hub.edge.acts.everything import ACTS
from hub.edge.console import forms, rendering, rooms
from hub.edge.console.forms import kind_of, read


class Sample(WithWhy):
    """One field of each kind."""

    name: str = Field(max_length=100, description="Tên (name)")
    text: str = Field("", max_length=5000, description="Nội dung (text)")
    count: int = Field(5, description="Số lượng (count)")
    since: float | None = Field(None, description="Từ lúc (since)")
    followers: bool = Field(True, description="Cả các lượt sau (followers)")
    outcome: str = Field("arrived", pattern="^(arrived|not_arrived)$", description="Kết quả (outcome)")
    ids: tuple[str, ...] = Field((), description="Danh sách mã (ids)")
    held: Mapping[str, str] = Field({}, description="Đang giữ (held)")
    attached: bytes = Field(b"", description="Tệp (file)")


def test_each_type_is_asked_for_in_its_own_way() -> None:
    kinds = {name: kind_of(name, declared) for name, declared in Sample.model_fields.items()}

    assert kinds == {
        "why": "text", "name": "text", "text": "area", "count": "number", "since": "moment", "followers": "check",
        "outcome": "choice", "ids": "lines", "held": "lines", "attached": "file",
    }  # fmt: skip


def test_what_a_browser_posts_is_what_the_verb_is_asked() -> None:
    posted = {
        "csrf": ["x"], "back": ["/"], "name": ["a"], "count": [""], "since": ["2026-03-02T08:30"], "followers.shown": ["1"],
        "ids": [" one \ntwo\n\n", "three"], "held": ["code=12\nname = Hồ sơ=1 "], "attached": [b"%PDF \xff"], "why": ["vì thế"],
    }  # fmt: skip

    asked = Sample.model_validate(read(Sample, posted))

    assert (asked.count, asked.followers, asked.ids) == (5, False, ("one", "two", "three"))
    assert asked.since == 1772415000.0
    assert asked.held == {"code": "12", "name": "Hồ sơ=1"}
    assert asked.attached == b"%PDF \xff"


def test_what_is_left_empty_and_must_be_there_is_named() -> None:
    with pytest.raises(ValueError, match="why"):
        Sample.model_validate(read(Sample, {"name": ["a"], "why": [" "]}))


def test_a_field_that_the_verb_does_not_know_is_refused() -> None:
    with pytest.raises(ValueError, match="admin"):
        Sample.model_validate(read(Sample, {"name": ["a"], "why": ["b"], "admin": ["1"]}))


@pytest.mark.parametrize("verb", sorted(verb for verb, act in ACTS.items() if act.changes))
def test_every_verb_that_changes_something_has_a_form_with_words_in_both_languages(verb: str) -> None:
    shown = forms.fields(verb)

    assert shown[-1].name == "why"
    assert [each.name for each in shown if not all(each.label) or (each.label[0] == each.label[1] and not each.choices)] == []


@pytest.mark.parametrize(
    "address", ["//evil.example", "https://evil.example", "\\\\evil", "/\\evil", "javascript:alert(1)", "", "/a\nb", "a"]
)
def test_one_never_goes_back_to_another_site(address: str) -> None:
    assert rooms.local(address) == "/"


def test_addresses_are_quoted_part_by_part() -> None:
    assert rendering.url("timeline", "national:H55/1?x#y") == "/timeline/national%3AH55%2F1%3Fx%23y"
    assert rendering.url("find", q="a&b", after="") == "/find?q=a%26b"
