"""What an endpoint's ``[outbound]`` table says about rate, hours and urgency: read, refused in both languages, and shown."""

from __future__ import annotations

from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from hub import bootstrap
from hub.canonical.base import VIETNAM
from hub.edge.cli.checking import look
from hub.edge.cli.checks.findings import Finding
from hub.errors import BadSettings
from tests.support import hub as support

MONDAY_NINE = datetime(2026, 3, 2, 9, 0, tzinfo=VIETNAM)


def load(folder: Path, more: str) -> bootstrap.Settings:
    return bootstrap.load_settings(support.configure(folder, {support.PARTNER: support.At(more=more)}))


def test_hours_and_days_are_read(tmp_path: Path) -> None:
    more = 'open_hours = ["mon-fri 07:30-17:30", "sat 07:30-11:30"]\nclosed_days = ["2026-09-02", 2026-04-30]\n'
    outbound = load(tmp_path, more).endpoints[support.PARTNER].outbound
    assert outbound is not None

    assert outbound.closed_days == (date(2026, 9, 2), date(2026, 4, 30))
    assert outbound.is_open(MONDAY_NINE)
    assert not outbound.is_open(MONDAY_NINE.replace(hour=18))
    assert not outbound.is_open(datetime(2026, 4, 30, 9, 0, tzinfo=VIETNAM))


def test_who_says_nothing_is_open_at_any_hour_without_rate_and_with_nothing_urgent(tmp_path: Path) -> None:
    outbound = load(tmp_path, "").endpoints[support.PARTNER].outbound
    assert outbound is not None

    assert outbound.is_open(MONDAY_NINE.replace(hour=3))
    assert (outbound.rate_per_minute, outbound.is_urgent("withdrawn")) == (0, False)


def test_urgent_events_are_named_by_patterns(tmp_path: Path) -> None:
    outbound = load(tmp_path, 'urgent = ["withdraw*", "result"]\n').endpoints[support.PARTNER].outbound
    assert outbound is not None

    events = [event for event in ("withdrawn", "withdrawal_asked", "result", "status", "") if outbound.is_urgent(event)]
    assert events == ["withdrawn", "withdrawal_asked", "result"]


@pytest.mark.parametrize(
    ("line", "place", "vi", "en"),
    [
        ('open_hours = ["mon-fri 7h30-17h30"]', "open_hours.0", "'mon-fri 7h30-17h30' không phải khung giờ", "is no window"),
        ('open_hours = ["mon-fri 07:30-17:30", "t7 08:00-11:00"]', "open_hours.1", "không phải khung giờ", "is no window"),
        ('open_hours = ["mon 08:00-08:00"]', "open_hours.0", "hai giờ phải khác nhau", "not at the same time"),
        ("open_hours = [7]", "open_hours.0", "'7' không phải khung giờ", "write it like"),
        ("open_hours = [{ days = [1], opens = 1, closes = 2 }]", "open_hours.0", "không phải khung giờ", "write it like"),
        ('open_hours = "mon 08:00-09:00"', "open_hours", "phải là danh sách", "must be a list"),
        ('closed_days = ["2/9/2026"]', "closed_days.0", 'phải là ngày dạng "2026-09-02"', "date"),
        ('closed_days = ["2026-09-02T07:00:00"]', "closed_days.0", "không kèm giờ", "date"),
        ("closed_days = [true]", "closed_days.0", 'phải là ngày dạng "2026-09-02"', "date"),
        ('urgent = ["withdrawed"]', "urgent.0", "'withdrawed' không khớp sự kiện nào", "'withdrawed' matches no event"),
        ("rate_per_minute = -1", "rate_per_minute", "phải từ 0 trở lên", "greater than or equal to 0"),
        ("rate_per_minute = 1.5", "rate_per_minute", "phải là số nguyên", "a whole number"),
    ],
)
def test_what_is_wrong_is_told_with_its_place_in_both_languages(tmp_path: Path, line: str, place: str, vi: str, en: str) -> None:
    with pytest.raises(BadSettings) as told:
        load(tmp_path, f"{line}\n")

    assert told.value.where.endswith(f"bo.toml: outbound.{place}")
    assert f"[outbound.{place}]" in told.value.vi and vi in told.value.vi
    assert en in told.value.en


def findings(folder: Path, more: str) -> list[Finding]:
    support.configure(folder, {support.PARTNER: support.At(more=more)})
    return [each for each in look(folder, reach=False) if each.where.endswith("open_hours")]


def test_check_says_whether_a_partner_is_open(tmp_path: Path) -> None:
    (open_one,) = findings(tmp_path, 'open_hours = ["mon-sun 00:00-24:00"]\n')
    assert (open_one.level, open_one.vi, open_one.en) == ("ok", "đang trong giờ gửi", "open now")

    today = datetime.now(UTC).astimezone(VIETNAM).date()
    (closed,) = findings(tmp_path, f"closed_days = [{today}]\n")
    assert closed.level == "ok"
    assert closed.en.startswith("closed now; opens at ") and closed.vi.startswith("ngoài giờ gửi; gửi tiếp từ ")

    assert findings(tmp_path, "") == []


def test_check_names_what_is_declared_for_a_service_that_is_not_there(tmp_path: Path) -> None:
    services = '[outbound.services."GuiHoSo.create"]\non_doubt = "park"\n[outbound.services.guiHoSo]\non_doubt = "park"\n'
    support.configure(tmp_path, {support.PARTNER: support.At(services=services)})

    (told,) = (each for each in look(tmp_path, reach=False) if each.where.endswith("[outbound.services]"))

    assert told.level == "warning"
    assert "dịch vụ guiHoSo" in told.vi and "no service guiHoSo" in told.en
    assert all("GuiHoSo, GuiTienTrinh" in text for text in (told.vi, told.en))
