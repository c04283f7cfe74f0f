"""Eighteen environmental procedures of the Single Window: eleven connected, four planned, three piloted in three provinces only.

The pilot widens and ends by configuration with days; what began in it goes on in it. Bắc Giang, Bình Phước and Quảng Nam went
into the three provinces on 1 July 2025: whether their dossiers belong to the pilot is said by the routes, either way.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from pathlib import Path

import pytest

from adapters.single_window.options import Options
from adapters.single_window.samples import generator
from adapters.single_window.send_gateway import SendGateway
from hub import intake
from hub.app import UNROUTED, Hub
from hub.canonical.base import VIETNAM
from hub.canonical.codes import Event
from hub.contract import Request
from hub.trust import keys
from tests.support import hub as hubs
from tests.support.clock import Clock
from tests.support.looking import all_deliveries

#: As the registry has them; the codes of most are stand-ins, so they are counted, too.
CONNECTED = [f"BTNMT06000{number:02}" for number in range(1, 13) if number != 5]
PLANNED = [f"BTNMT06000{number:02}" for number in range(13, 17)]
PILOTED = ["BTNMT0600005", "BTNMT0600017", "BTNMT0600018"]
PROVINCES = {"H05": "bac_ninh", "H19": "dong_nai", "H17": "da_nang"}
PLANNED_FROM, WIDER, ENDED = date(2026, 1, 1), date(2026, 4, 1), date(2026, 10, 1)
_TO = ", ".join(f"{code} = '{name}'" for code, name in PROVINCES.items())
_PROFILE = "dossier.form.RegistrationProfile"


def listed(codes: list[str]) -> str:
    return str(codes).replace("'", '"')


def rules(*, merged: bool = True) -> str:
    """Write the routes; ``merged``: the pilot follows the provinces as they are now."""
    follows = str(merged).lower()
    return f"""
[[route]]
name = "Mười một thủ tục đã kết nối"
from = ["nsw"]
procedures = {listed(CONNECTED)}
to = ["bo"]
[[route]]
name = "Bốn thủ tục dự kiến, giải quyết tại Bộ"
from = ["nsw"]
procedures = {listed(PLANNED)}
valid_from = {PLANNED_FROM}
to = ["bo"]
[[route]]
name = "Thí điểm ba tỉnh"
from = ["nsw"]
procedures = {listed(PILOTED)}
valid_to = {WIDER}
follow_successors = {follows}
place = {{ path = "{_PROFILE}.ProvinceCode", table = "areas", elsewhere = "next", to = {{ {_TO} }} }}
[[route]]
name = "Thí điểm mở rộng thêm Hà Nội"
from = ["nsw"]
procedures = {listed(PILOTED)}
valid_from = {WIDER}
valid_to = {ENDED}
follow_successors = {follows}
place = {{ path = "{_PROFILE}.ProvinceCode", table = "areas", elsewhere = "next", to = {{ {_TO}, H26 = 'ha_noi' }} }}
[[route]]
name = "Hết thí điểm: giải quyết tại Bộ"
from = ["nsw"]
procedures = {listed(PILOTED)}
valid_from = {ENDED}
to = ["bo"]
[[route]]
name = "Kết quả"
from = ["bo", "bac_ninh", "dong_nai", "da_nang", "ha_noi"]
to = ["@origin"]
"""


@dataclass
class Pilot:
    """A hub between the Single Window, the ministry and provinces; the clock is turned by hand."""

    hub: Hub
    clock: Clock
    said: int = 0

    def at(self, day: date) -> None:
        """Turn the clock to a morning."""
        moment = datetime.combine(day, datetime.min.time(), VIETNAM) + timedelta(hours=9)
        self.clock.advance((moment - self.clock()).total_seconds())

    def apply(self, procedure: str, area: str = "27") -> tuple[str, tuple[str, ...]]:
        """Let somebody apply; give the number, and where it goes."""
        self.said += 1
        reference = generator.make_reference(procedure, self.said)
        return reference, self._say(procedure, Event.SUBMITTED, reference, area)

    def follow(self, procedure: str, reference: str, event: Event, area: str = "") -> tuple[str, ...]:
        """Let something be said later of a dossier; give where that goes."""
        self.said += 1
        return self._say(procedure, event, reference, area)

    def _say(self, procedure: str, event: Event, reference: str, area: str) -> tuple[str, ...]:
        known = {each.id for each in all_deliveries(self.hub.ledger)}
        options = Options()
        row = options.book.procedures[procedure].telling(event, "to_ministry")[0]
        document = generator.message(
            procedure,
            row.type,
            row.function,
            seed=self.said,
            reference=reference,
            given={"ProvinceCode": area} if area else {},
            sent_at=f"{self.clock():%Y-%m-%d %H:%M:%S}",
        )
        gateway = SendGateway(options, "http://hub", "1.1", "cdata", addressing=False)
        body = gateway.wrap(document.decode(), procedure, "BTNMT")
        answer = intake.receive(self.hub, Request(endpoint="nsw", body=body, content_type="text/xml"))
        assert b"function>99<" in answer.body.replace(b"&lt;", b"<").replace(b"&gt;", b">")
        return tuple(each.endpoint for each in all_deliveries(self.hub.ledger) if each.id not in known)


@contextmanager
def opened(folder: Path, routes: str) -> Iterator[Pilot]:
    (folder / "endpoints").mkdir(parents=True)
    (folder / "keys").mkdir()
    (folder / "hub.toml").write_text('[ledger]\nurl = "sqlite:///ledger.db"\n', encoding="utf-8")
    (folder / "keys" / "seal.pem").write_bytes(keys.make_seal_key())
    (folder / "routes.toml").write_text(routes, encoding="utf-8")
    for name in ("nsw", "bo", "ha_noi", *PROVINCES.values()):
        role = "gateway" if name == "nsw" else "ministry"
        text = f'adapter = "single_window"\ntitle = "{name}"\n[options]\nrole = "{role}"\n[inbound]\n[outbound]\n'
        (folder / "endpoints" / f"{name}.toml").write_text(text, encoding="utf-8")
    clock = Clock()
    hub = hubs.open_hub(folder, clock)
    try:
        yield Pilot(hub, clock)
    finally:
        hubs.close(hub)


@pytest.fixture(scope="module")
def merged(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pilot]:
    with opened(tmp_path_factory.mktemp("merged") / "config", rules()) as made:
        yield made


@pytest.fixture(scope="module")
def old_area(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pilot]:
    with opened(tmp_path_factory.mktemp("old") / "config", rules(merged=False)) as made:
        yield made


def test_there_are_eighteen_procedures(merged: Pilot) -> None:
    found = {code for code in Options().book.procedures if code.startswith("BTNMT06")}

    assert (len(CONNECTED), len(PLANNED), len(PILOTED)) == (11, 4, 3)
    assert found == {*CONNECTED, *PLANNED, *PILOTED}


def test_each_goes_where_it_is_decided(merged: Pilot) -> None:
    merged.at(date(2026, 2, 2))
    at_the_ministry = {merged.apply(procedure)[1] for procedure in (*CONNECTED, *PLANNED)}
    areas = {"24": "bac_ninh", "75": "dong_nai", "48": "da_nang"}

    assert at_the_ministry == {("bo",)}
    for procedure in PILOTED:
        assert {area: merged.apply(procedure, area)[1] for area in areas} == {area: (name,) for area, name in areas.items()}
        assert merged.apply(procedure, "01")[1] == (UNROUTED,), "it is not offered elsewhere, and an operator learns it"


def test_a_planned_one_has_no_route_before_its_day(merged: Pilot) -> None:
    merged.at(PLANNED_FROM - timedelta(days=1))
    before = merged.apply(PLANNED[0])[1]
    merged.at(PLANNED_FROM)

    assert (before, merged.apply(PLANNED[0])[1]) == ((UNROUTED,), ("bo",))


def test_the_pilot_widens_and_ends_by_its_days_and_what_began_goes_on(merged: Pilot) -> None:
    procedure = PILOTED[0]
    merged.at(WIDER - timedelta(days=1))
    begun, went = merged.apply(procedure, "48")
    assert (went, merged.apply(procedure, "01")[1]) == (("da_nang",), (UNROUTED,))
    merged.at(WIDER)
    wider, there = merged.apply(procedure, "01")
    assert there == ("ha_noi",)

    merged.at(ENDED + timedelta(days=30))
    assert merged.apply(procedure, "48")[1] == ("bo",)
    assert merged.follow(procedure, begun, Event.EDITED, "01") == ("da_nang",), "whatever a later message says of the place"
    assert merged.follow(procedure, wider, Event.EDITED) == ("ha_noi",)
    assert merged.follow(procedure, wider, Event.WITHDRAWN) == ("ha_noi",)


#: Province -> its code before and after 1 July 2025; and of the one that went into it.
BEFORE, AFTER = date(2025, 6, 30), date(2025, 7, 1)
OLD = {"27": "bac_ninh", "75": "dong_nai", "48": "da_nang"}
JOINED = {"24": "bac_ninh", "70": "dong_nai", "49": "da_nang"}


def test_the_pilot_may_follow_the_provinces_as_they_are_now(merged: Pilot) -> None:
    """Old codes that are still written mean the province that has taken theirs in."""
    merged.at(BEFORE)
    before = {area: merged.apply(PILOTED[0], area)[1] for area in OLD | JOINED}
    merged.at(AFTER)
    after = {area: merged.apply(PILOTED[0], area)[1] for area in OLD | JOINED}

    of_before = {area: (name,) for area, name in OLD.items()} | dict.fromkeys(JOINED, (UNROUTED,))
    assert before == of_before, "on that day these provinces were still their own"
    assert after == {area: (name,) for area, name in (OLD | JOINED).items()}


def test_or_keep_to_the_area_that_was_agreed_on(old_area: Pilot) -> None:
    """Codes as they were on the day of submission: what joined the three provinces is not in, while its own code is written."""
    old_area.at(BEFORE)
    before = {area: old_area.apply(PILOTED[0], area)[1] for area in OLD | JOINED}
    old_area.at(date(2026, 2, 2))
    after = {area: old_area.apply(PILOTED[0], area)[1] for area in ("75", "48", "70", "49")}

    assert before == {area: (name,) for area, name in OLD.items()} | dict.fromkeys(JOINED, (UNROUTED,))
    assert after == {"75": ("dong_nai",), "48": ("da_nang",), "70": (UNROUTED,), "49": (UNROUTED,)}
