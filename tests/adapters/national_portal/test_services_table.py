"""The table of services in the adapter's README says what the code does: every service once, with the way it is offered."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from adapters.national_portal import ADAPTER, services
from adapters.national_portal.agency_door import SERVICES
from adapters.national_portal.inbound import BORN as BORN_AT
from adapters.national_portal.inbound import LISTS
from adapters.national_portal.look_ups import code_lists, look_ups
from adapters.national_portal.options import Options, pulls
from hub.rules.verbs import VERBS

#: Dossiers that the portal gives; without the door itself, which takes them too.
BORN = set(BORN_AT) - {""}
README = Path(services.__file__).parent / "README.md"
#: With everything switched on that an option switches on.
WHOLE = Options(
    madonvi="H99",
    results_path="kho/tim",
    result_file_path="kho/tep",
    pull=(services.SHARED_DOSSIERS, services.QUESTIONS_ASKED),
)
_ROW = re.compile(r"\| `([^`]+)`(?: \(our name\))? \| (we tell|we ask|the portal calls) \| (.+?) \| (.+?) \|")


def rows() -> dict[str, tuple[str, str]]:
    """Give direction and way of each service in the table."""
    part = README.read_text(encoding="utf-8").split("## Services")[1].split("\n## ")[0]
    lines = [line for line in part.splitlines() if line.startswith("| `")]
    found = [_ROW.fullmatch(line) for line in lines]
    assert all(found), [line for line, match in zip(lines, found, strict=True) if not match]
    names = [match[1] for match in found if match]
    assert len(names) == len(set(names))
    return {match[1]: (match[2], match[3]) for match in found if match}


TABLE = rows()


def offered(word: str) -> set[str]:
    """Name the services that are offered in a way."""
    return {name for name, (_, way) in TABLE.items() if word in way}


def test_every_service_of_the_code_stands_in_it_and_no_other() -> None:
    named = {getattr(services, name) for name in dir(services) if name.isupper() and isinstance(getattr(services, name), str)}
    code = (named - {services.NO_NAME}) | set(services.CATEGORIES) | set(services.SHAPE_UNKNOWN) | BORN

    assert set(TABLE) == code | {"mapi/login"}


def test_what_is_told_is_a_flow_or_raw() -> None:
    told = {name for name, (direction, _) in TABLE.items() if direction == "we tell"}

    assert told == set(services.WRITES) | {"DongBoDanhGia"}
    assert offered("flow") == set(services.WRITES) | BORN
    assert offered("flow") >= SERVICES


def test_what_is_raw_is_what_nobody_has_described() -> None:
    assert offered("raw:") == set(services.SHAPE_UNKNOWN) == set(Options().raw_services)
    assert all("**shape unknown**" in TABLE[name][1] for name in services.SHAPE_UNKNOWN)
    assert all(name in " ".join(ADAPTER.check(Options())) for name in services.SHAPE_UNKNOWN)


def test_what_is_looked_up_is_what_the_verb_can_ask() -> None:
    assert offered("`partner lookup`") == set(look_ups(WHOLE))
    assert offered("`codes pull`") == set(code_lists(WHOLE))


def test_what_is_pulled_is_what_is_pulled() -> None:
    assert offered("pulled") == set(pulls(WHOLE)) | {services.SHARED_FILE} == set(LISTS) | {services.SHARED_FILE}


@pytest.mark.parametrize("name", TABLE)
def test_every_verb_that_is_named_is_one(name: str) -> None:
    named = re.findall(r"verb `([a-z ]+)`", TABLE[name][1])

    assert set(named) <= set(VERBS)
    assert "verb" not in TABLE[name][1] or named


def test_what_the_portal_calls_is_served_at_the_door() -> None:
    called = {name for name, (direction, _) in TABLE.items() if direction == "the portal calls"}

    assert called == BORN | set(services.SHAPE_UNKNOWN) - {"DongBoDanhGia"}


def test_through_a_relay_that_only_takes_lists_nothing_can_be_asked() -> None:
    bare = WHOLE.model_copy(update={"variant": "relay_bare"})

    assert look_ups(bare) == {} == code_lists(bare)
