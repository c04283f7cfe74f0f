"""A schema package is pure data: another one is read by its folder alone, and a broken one says everything that is wrong."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from adapters.asean_window import ADAPTER
from adapters.asean_window.options import AseanWindowOptions
from adapters.asean_window.package import BUILT_IN
from hub.errors import BadSettings
from hub.settings import load

OTHER = Path(__file__).parent / "other_package"
SHIPPED = BUILT_IN / "assumed1"
ENDPOINT = """
adapter = "asean_window"
title = "ASW"
[inbound]
signature = "none"
[options]
package = "{package}"
capabilities = "{capabilities}"
"""


def told(tmp_path: Path, *changes: tuple[str, str], of: Path = SHIPPED) -> str:
    """Change a package's text, read it, and give what is said to be wrong."""
    folder = tmp_path / "changed"
    shutil.copytree(of, folder)
    text = (folder / "package.toml").read_text("utf-8")
    for old, new in changes:
        assert old in text
        text = text.replace(old, new, 1)
    (folder / "package.toml").write_text(text, "utf-8")
    with pytest.raises(BadSettings) as caught:
        AseanWindowOptions(package=str(folder))
    assert str(folder) in caught.value.where
    assert caught.value.vi != caught.value.en
    return caught.value.en


BROKEN = {
    "a canonical path that is none": (
        '"origin.issued_on" = "Certificate/IssueDate"',
        '"origin.issued_day" = "Certificate/IssueDate"',
        "origin.issued_day: there is no such value in the canonical form",
    ),
    "a value without a place": (
        '"origin.carriage.mode" = "Certificate/Transport/ModeCode"\n',
        "",
        "eformd: origin.carriage.mode has no place and is not listed under without",
    ),
    "a place that the schema does not have": (
        "Certificate/Transport/ModeCode",
        "Certificate/Transport/Mode",
        "/EFormD/Certificate/Transport/Mode is not in the schema",
    ),
    "an attribute that the schema does not have": (
        "Certificate/Transport/LoadingPort/@name",
        "Certificate/Transport/LoadingPort/@title",
        "/EFormD/Certificate/Transport/LoadingPort/@title is not in the schema",
    ),
    "a root that the schema does not have": ('root = "EFormD"', 'root = "FormD"', "/FormD is not in the schema"),
    "what the schema asks for and nobody fills": (
        '"head.sender" = "Header/SenderCountry"\n',
        "",
        "the schema asks for /EFormD/Header/SenderCountry, which no value fills",
    ),
    "what cannot be read without": (
        '"head.sender" = "Header/SenderCountry"\n',
        "",
        "head.sender must have a place that is read",
    ),
    "something listed that has a place": (
        '"origin.consignor.types" = "kinds',
        '"origin.consignor" = "kinds',
        "without: origin.consignor has a place",
    ),
    "something listed that there is not": (
        '"origin.consignor.types" = "kinds',
        '"origin.seal" = "kinds',
        "without: there is no origin.seal in the canonical form",
    ),
    "other lists than the place has": (
        '"Certificate/Items/Item[]/Description"',
        '"Certificate/Items/Item/Description"',
        "as many [] as its place",
    ),
    "an unknown prefix": ('prefix = "efd"', 'prefix = "x"', "prefix 'x' is not in [namespaces]"),
    "unknown codes": ('codes = "preference"', 'codes = "preferences"', "codes.preferences is not there"),
    "codes that cannot be read back": ('not_given = "NOT_GIVEN"', 'not_given = "GIVEN"', "two values have one code"),
    "an unknown shared table": ('shared = ["header"]', 'shared = ["head"]', "shared.head is not there"),
    "a schema that is not there": ('schema = "acdd.xsd"', 'schema = "other.xsd"', "schema other.xsd: cannot be read"),
    "an unknown key": ('service = "eFormD"', 'services = "eFormD"', "forms.0.services"),
    "no TOML": ("[namespaces]", "[namespaces", "package.toml"),
    "one event, two forms": (
        'functions = { cancelled = "1" }',
        'functions = { issued = "1" }',
        "eformd_cancellation: origin issued is written by eformd, too",
    ),
    "one document, two forms": (
        'document_type = "ACDD-RESPONSE"',
        'document_type = "ATIGA-EFORMD-RESPONSE"',
        "is read by eformd_response, too",
    ),
}


@pytest.mark.parametrize("broken", BROKEN)
def test_a_broken_package_stops_the_start_and_says_why(broken: str, tmp_path: Path) -> None:
    """Each kind of mistake is named with the form and path at which it is."""
    old, new, expected = BROKEN[broken]

    assert expected in told(tmp_path, (old, new))


def test_all_mistakes_are_told_at_once(tmp_path: Path) -> None:
    """A newcomer mends a package once, not once for each mistake."""
    said = told(tmp_path, ("Certificate/Transport/ModeCode", "Certificate/X"), ("Declaration/TypeCode", "Declaration/Y"))

    assert "eformd: /EFormD/Certificate/X" in said
    assert "acdd: /Acdd/Declaration/Y" in said


def test_another_schema_is_a_folder_beside_the_configuration(tmp_path: Path) -> None:
    """A folder and its name in the options is all: no code, and the endpoint speaks it."""
    shutil.copytree(OTHER, tmp_path / "asw-2021")
    (tmp_path / "countries.csv").write_text(
        "country,documents,functions,answers,fob,max_items,characters,transport,note\nID,declaration,,,false,2,any,,\n"
    )
    (tmp_path / "endpoints").mkdir()
    (tmp_path / "hub.toml").touch()
    text = ENDPOINT.format(package="asw-2021", capabilities="countries.csv")
    (tmp_path / "endpoints/asw.toml").write_text(text)

    options = load(tmp_path, {"asean_window": ADAPTER}).endpoints["asw"].options

    assert options.book.title == "Another schema"
    assert [form.name for form in options.book.forms] == ["paper", "revocation", "verdict", "entry"]
    assert options.capability("ID").most_items == 2
    # The row replaced the whole row; the other countries are the shipped ones.
    assert not options.capability("ID").needs_fob
    assert options.capability("KH").needs_fob


def test_a_package_that_is_not_there_stops_the_start(tmp_path: Path) -> None:
    """Neither a built-in name nor a folder."""
    with pytest.raises(BadSettings, match=r"package\.toml"):
        AseanWindowOptions(package=str(tmp_path / "nothing"))


def test_a_broken_table_of_countries_stops_the_start(tmp_path: Path) -> None:
    """Its row and column are named."""
    path = tmp_path / "countries.csv"
    path.write_text("country,documents,functions,answers,fob,max_items,characters,transport,note\nID,poems,,,,,,,\n")

    with pytest.raises(BadSettings, match="row 2"):
        AseanWindowOptions(capabilities=str(path))


def test_the_check_lists_what_is_assumed_and_what_has_no_place() -> None:
    """``lienthong check`` shows each assumption, and each canonical value that this schema cannot say."""
    lines = ADAPTER.check(AseanWindowOptions(available_after="store"))

    assert any("namespaces, names and nesting" in line and "assumed" in line for line in lines)
    assert any("eformd: assumed to have no place for origin.consignor.types (kinds of parties" in line for line in lines)
    assert any("available_after" in line for line in lines)
    # ``lienthong check`` takes a line without this word for a fault.
    assert all("assumed" in line for line in lines)
