"""What a code was on a day, and who answers for it now: the shipped lists say what the laws say, and no list leads in circles."""

from __future__ import annotations

import csv
import unicodedata
from datetime import UTC, date, datetime
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub import settings
from hub.canonical.base import local
from hub.canonical.codes import CodeRow, CodeTables
from hub.rules import administration as adm
from hub.rules.administration import AGENCIES, AREA_SUCCESSORS, AREAS, Standing

CODES = CodeTables(settings.shipped_lists())
BEFORE, REFORM, TODAY = date(2025, 6, 30), date(2025, 7, 1), date(2026, 5, 4)
OLD = tuple(row.code for row in adm.current(CODES, "H", BEFORE))
NEW = tuple(row.code for row in adm.current(CODES, "H", REFORM))
OLD_AREAS = sorted({row.code for row in CODES.tables[AREAS] if len(row.code) == 2})
#: New area <- old ones, as the law lists them (provinces that took nobody in are left out).
MERGED = (
    "08<02,08 15<10,15 19<06,19 24<24,27 25<17,25,26 31<30,31 33<33,34 37<35,36,37 44<44,45 48<48,49 51<51,62 52<52,64 "
    "56<56,58 66<54,66 68<60,67,68 75<70,75 79<74,77,79 80<72,80 82<82,87 86<83,84,86 91<89,91 92<92,93,94 96<95,96"
)
#: The new province bears the code of the partner that it took in.
EXCEPTIONS = {
    "15": "Lào Cai", "24": "Bắc Ninh", "44": "Quảng Trị", "52": "Gia Lai", "80": "Tây Ninh", "82": "Đồng Tháp", "91": "An Giang",
}


# --- the shipped lists -----------------------------------------------------------------------------------------------


def test_63_provinces_became_34() -> None:
    assert (len(OLD), len(NEW)) == (63, 34)
    assert set(NEW) < set(OLD)


@pytest.mark.parametrize("code", OLD)
def test_every_old_province_has_exactly_one_successor_which_succeeds_itself(code: str) -> None:
    owner = adm.owner_on(CODES, code, REFORM)

    assert owner in NEW
    assert adm.owner_on(CODES, owner, REFORM) == owner
    assert adm.owner_on(CODES, code, BEFORE) == code
    assert len(list(CODES.rows(AGENCIES, code, REFORM))) == 1


def test_areas_were_merged_as_the_law_says() -> None:
    merged = dict(pair.split("<") for pair in MERGED.split())
    expected = {old: new for new, olds in merged.items() for old in olds.split(",")}

    found = {area: adm.area_today(CODES, area, REFORM) for area in OLD_AREAS}
    assert found == {area: expected.get(area, area) for area in OLD_AREAS}


@pytest.mark.parametrize("area", OLD_AREAS)
def test_agencies_and_areas_tell_the_same_merger(area: str) -> None:
    """Area -> agency -> its successor is the agency of the area's successor: two lists, one law."""
    was = adm.area_on(CODES, area, BEFORE)
    assert was is not None
    now = adm.area_on(CODES, adm.area_today(CODES, area, REFORM), REFORM)

    assert now is not None
    assert adm.area_owner(CODES, area, BEFORE, REFORM) == now.value == adm.owner_on(CODES, was.value, REFORM)


def test_seven_area_codes_mean_another_province_since_and_are_ambiguous_without_a_day() -> None:
    found = {area for area in OLD_AREAS if adm.ambiguous(CODES, AREAS, area)}

    assert found == set(EXCEPTIONS)
    for area, name in EXCEPTIONS.items():
        before, after = adm.area_on(CODES, area, BEFORE), adm.area_on(CODES, area, REFORM)
        assert before is not None and after is not None
        assert (after.name, before.name == name) == (name, False)


@pytest.mark.parametrize(
    ("moment", "province"),
    [
        (datetime(2025, 6, 30, 16, 59, 59, tzinfo=UTC), "Yên Bái"),  # 23:59:59 in Việt Nam
        (datetime(2025, 6, 30, 17, 0, tzinfo=UTC), "Lào Cai"),  # midnight there, still June in UTC
    ],
)
def test_the_border_is_midnight_in_vietnam(moment: datetime, province: str) -> None:
    row = adm.area_on(CODES, "15", local(moment).date())

    assert row is not None
    assert row.name == province


def test_a_name_and_a_type_change_while_the_code_stays() -> None:
    dong_nai = [adm.area_on(CODES, "75", day) for day in (date(2026, 4, 29), date(2026, 4, 30))]

    assert [(row.value, row.name, row.type) for row in dong_nai if row] == [
        ("H19", "Đồng Nai", "tỉnh"), ("H19", "Đồng Nai", "thành phố"),
    ]
    assert adm.name_on(CODES, "H57", date(2024, 12, 31)) == "Thừa Thiên Huế"
    assert adm.name_on(CODES, "H57", date(2025, 1, 1)) == "Huế"
    assert [row.type for row in CODES.rows(AREAS, "26248", TODAY)] == ["phường"]


def test_what_is_recalled_or_inferred_says_so() -> None:
    assert adm.uncorroborated(CODES, AGENCIES, "H62", TODAY)
    assert adm.uncorroborated(CODES, AGENCIES, "H62.14", TODAY)
    assert not adm.uncorroborated(CODES, AGENCIES, "H55", TODAY)
    provinces = {row.code for row in CODES.tables[AGENCIES] if row.code[0] == "H"}
    assert sum(not adm.uncorroborated(CODES, AGENCIES, code, BEFORE) for code in provinces) == 23
    assert all(row.corroborated for row in CODES.tables[AREA_SUCCESSORS])


def test_shipped_files_can_be_read_by_a_person() -> None:
    for path in settings.SHIPPED_LISTS.glob("*.csv"):
        with path.open(encoding="utf-8", newline="") as file:
            rows = list(csv.DictReader(file))
        assert list(rows[0]) == ["code", "value", "name", "valid_from", "valid_to", "type", "corroborated", "note"]
        assert {row["corroborated"] for row in rows} <= {"yes", "no"}
        assert all(unicodedata.is_normalized("NFC", row["name"]) for row in rows)
        for code in {row["code"] for row in rows}:
            days = sorted((row["valid_from"], row["valid_to"] or "9999") for row in rows if row["code"] == code)
            assert all(before[1] <= after[0] for before, after in pairwise(days)), (path.name, code)


# --- agencies of lower levels and of both forms -----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("code", "owner", "standing", "name"),
    [
        ("H62", "H44", Standing.CLOSED, "Phú Thọ"),
        ("H62.14", "H44", Standing.CLOSED, "Phú Thọ"),
        ("000.00.14.H62", "H44", Standing.CLOSED, "Phú Thọ"),
        ("000.00.00.H62", "H44", Standing.CLOSED, "Phú Thọ"),
        ("H44.14", "H44.14", Standing.LEVEL_ONE, "Phú Thọ"),
        ("000.00.14.H44", "H44", Standing.LEVEL_ONE, "Phú Thọ"),
        ("000.00.00.H44", "H44", Standing.CURRENT, "Phú Thọ"),
        ("G13.02", "G10", Standing.CLOSED, "Bộ Nông nghiệp và Môi trường"),
        ("K54", "K54", Standing.CLOSED, ""),  # closed, and nobody says who follows
        ("H99", "H99", Standing.UNKNOWN, ""),
        ("0101234567", "0101234567", Standing.UNKNOWN, ""),  # an enterprise's own number
        ("", "", Standing.UNKNOWN, ""),
    ],
)
def test_who_answers_for_a_code_today(code: str, owner: str, standing: Standing, name: str) -> None:
    assert adm.owner_on(CODES, code, TODAY) == owner
    assert adm.standing(CODES, AGENCIES, code, TODAY) == standing
    assert code == "K54" or adm.name_on(CODES, code, TODAY) == name


def test_a_lower_level_that_a_province_lists_goes_to_its_own_successor() -> None:
    own = CodeTables({**CODES.tables, AGENCIES: (CodeRow("H62.14", "H44.31", "", REFORM), *CODES.tables[AGENCIES])})

    assert adm.owner_on(own, "H62.14", TODAY) == "H44.31"
    assert adm.owner_on(own, "H62.15", TODAY) == "H44"
    assert adm.province_today(own, "H62.14", TODAY) == "H44"


@pytest.mark.parametrize(("old", "new"), [("000.00.12.H23", "H23.12"), ("000.02.18.G12", "G12.18.02"), ("H23.12", ""), ("x", "")])
def test_cutting_an_old_identifier_is_a_suggestion_that_nothing_follows(old: str, new: str) -> None:
    assert adm.suggested(old) == new
    assert adm.owner_on(CODES, old, TODAY) != new or new == ""


def test_an_alias_of_the_table_is_followed() -> None:
    own = CodeTables({**CODES.tables, "aliases": (CodeRow("000.00.14.H44", "H44.09"), *CODES.tables["aliases"])})

    assert adm.chain_on(own, "000.00.14.H44", TODAY) == ("000.00.14.H44", "H44.09")


@given(st.lists(st.tuples(st.sampled_from("ABCDEF"), st.sampled_from("ABCDEF")), max_size=8), st.sampled_from("ABCDEF"))
def test_no_list_leads_in_circles(pairs: list[tuple[str, str]], code: str) -> None:
    rows = tuple(CodeRow(one, other) for one, other in pairs)
    codes = CodeTables({AGENCIES: rows, AREA_SUCCESSORS: rows})

    owner = adm.owner_on(codes, code, TODAY)
    chain = adm.chain_on(codes, code, TODAY)

    assert len(set(chain)) == len(chain)
    assert adm.owner_on(codes, owner, TODAY) == owner
    adm.area_today(codes, code, TODAY)


@given(st.dates(date(2015, 1, 1), date(2035, 1, 1)), st.sampled_from(sorted({row.code for row in CODES.tables[AGENCIES]})))
def test_who_answers_answers_for_itself_on_every_day(day: date, code: str) -> None:
    owner = adm.owner_on(CODES, code, day)

    assert adm.owner_on(CODES, owner, day) == owner


@given(st.text(max_size=40), st.dates())
def test_anything_may_come_as_a_code(text: str, day: date) -> None:
    adm.read_dossier_number(text)
    for table in (AGENCIES, AREAS, "postal", "none"):
        adm.standing(CODES, table, text, day)
        adm.uncorroborated(CODES, table, text, day)
    assert adm.owner_on(CODES, text, day) == text or adm.level_one(text)


# --- numbers ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("number", "agency", "day", "sequence"),
    [
        ("000.00.06.H56-231027-0361", "000.00.06.H56", date(2023, 10, 27), "0361"),
        ("H56.14-240823-0001", "H56.14", date(2024, 8, 23), "0001"),
        ("H15.50.05.13-240823-00012", "H15.50.05.13", date(2024, 8, 23), "00012"),
        ("G09.20-20260609-0092637", "G09.20", date(2026, 6, 9), "0092637"),
        (" h56.14-240823-0001 ", "H56.14", date(2024, 8, 23), "0001"),
    ],
)
def test_numbers_of_the_usual_shapes_can_be_taken_apart(number: str, agency: str, day: date, sequence: str) -> None:
    read = adm.read_dossier_number(number)

    assert read is not None
    assert (read.agency.text, read.day, read.sequence) == (agency, day, sequence)


@pytest.mark.parametrize(
    "number", ["", "TS-2026-1", "H56.14-241323-0001", "H56-240823-01", "KQ.G07.000123", "1.004616.000.00.00.H26"]
)
def test_any_other_number_is_opaque(number: str) -> None:
    assert adm.read_dossier_number(number) is None


# --- names -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Hòa Bình", "Hoà Bình"), ("Thanh Thủy", "Thanh Thuỷ"), ("Ủy ban", "Uỷ ban"), ("Khe Húy", "Khe Huý"),
        ("Xã Hòe", "xã  Hoè"),
        ("Ea H'Leo", "Ea H’Leo"), ("Bà Rịa – Vũng Tàu", "Bà Rịa - Vũng Tàu"), ("Hòa", unicodedata.normalize("NFD", "Hoà")),
    ],
)
def test_spellings_of_one_name_are_one_name(one: str, other: str) -> None:
    assert adm.same_name(one, other)


@pytest.mark.parametrize(("one", "other"), [("Hòa", "Hóa"), ("Hoa", "Hòa"), ("Quý", "Quỳ"), ("Mùa", "Muà"), ("Tân An", "Tấn An")])
def test_other_names_are_others(one: str, other: str) -> None:
    assert not adm.same_name(one, other)


@given(st.text(alphabet="aăâbcdđeêghiklmnoôơpqrstuưvxyàáảãạằắẳẵặềếểễệòóỏõọùúủũụỳýỷỹỵ HĐỦ'’-", max_size=20))
def test_a_key_is_its_own_key(text: str) -> None:
    assert adm.name_key(adm.name_key(text)) == adm.name_key(text)
