"""docs/errors.md has a heading for every code, and no heading without one."""

from __future__ import annotations

from collections.abc import Iterable

import pytest

from hub.errors import HubError, every_error
from tests.docs import fault_codes, pages

PAGE = "docs/errors.md"
#: Letters that only Vietnamese text has.
VIETNAMESE = set("ăâđêôơưạảấầẩẫậắằẳẵặẹẻẽếềểễệỉịọỏốồổỗộớờởỡợụủứừửữựỳỵỷỹ")


def our_errors() -> dict[str, type[HubError]]:
    """Give the classes of the tree by their codes; tests may have classes of their own, which do not count."""
    for _ in pages.every_module():
        pass
    return {error.code: error for error in every_error() if error.__module__.split(".")[0] in ("hub", "adapters")}


def error_sections() -> tuple[pages.Section, ...]:
    return (*pages.below(PAGE, "Errors of the hub"), *pages.below(PAGE, "Calls turned away at a door"))


def test_every_error_has_its_heading_and_no_other_is_there() -> None:
    """One heading for each class, whoever raises it."""
    assert sorted(pages.named(error_sections())) == sorted(our_errors())


def test_every_code_is_one_class() -> None:
    """A code that two errors share could not be looked up."""
    classes = [error for error in every_error() if error.__module__.split(".")[0] in ("hub", "adapters")]
    own = [error.code for error in classes if "code" in vars(error)]

    assert sorted(set(own)) == sorted(own)
    assert [error.__name__ for error in classes if "code" not in vars(error)] == []


@pytest.mark.parametrize("section", error_sections(), ids=lambda section: section.title)
def test_an_error_says_who_acts_next_and_what_to_do(section: pages.Section) -> None:
    """The page and the class name the same one, and both languages are there."""
    who = our_errors()[section.names[0]].who

    assert f"Who acts next: **{who}**." in section.text
    assert "*Tiếng Việt:* " in section.text


def test_every_fault_has_its_heading_and_no_other_is_there() -> None:
    """A fault with the code of an error (``conflict``) is told under the error."""
    wanted = set(fault_codes.collect()) - set(our_errors())

    assert sorted(pages.named(pages.below(PAGE, "Faults of a message"))) == sorted(wanted)


def test_what_the_ledger_writes_has_its_heading() -> None:
    """Beside the codes of errors the ledger has its own."""
    wanted = fault_codes.stopped() - set(our_errors())

    assert wanted == set(pages.named(pages.below(PAGE, "What the ledger itself writes")))


def test_every_verdict_has_its_heading() -> None:
    """The words by which a signature is refused are those of the standard, and explained."""
    assert sorted(pages.named(pages.below(PAGE, "Verdicts of a signature"))) == sorted(fault_codes.indications())


def without_vietnamese(found: Iterable[pages.Section]) -> list[str]:
    return [section.title for section in found if not VIETNAMESE & set(section.text.lower())]


def test_faults_and_verdicts_are_told_in_both_languages() -> None:
    """An official reads Vietnamese."""
    told = (*pages.below(PAGE, "Faults of a message"), *pages.below(PAGE, "Verdicts of a signature"))

    assert without_vietnamese(told) == []


def test_the_search_for_codes_finds_them() -> None:
    """A search that finds nothing would make the tests above true of an empty page."""
    found = fault_codes.collect()

    assert {"missing", "too_many", "not_json", "entity", "must_understand", "beyond_last"} <= set(found)
    assert {"hub/rules/xml.py", "hub/rules/json_door.py", "hub/rules/spreadsheets/reading.py"} <= found["bad_encoding"]
