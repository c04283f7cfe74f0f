"""The kit notices samples that do not say what the adapter does, and shows each sample as a test of its own."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import adapters.template

pytest_plugins = ["pytester"]

FOLDER = Path(adapters.template.__file__).parent
NUMBER = "000.00.01.M01-260302-0001"
Run = Callable[..., None]


@pytest.fixture
def samples(tmp_path: Path) -> Path:
    """A copy of the template's samples that may be spoiled."""
    shutil.copytree(FOLDER, tmp_path / "template", ignore=shutil.ignore_patterns("*.py", "__pycache__"))
    return tmp_path / "template" / "samples"


def change(path: Path, **values: Any) -> None:
    """Change some values of a JSON file."""
    path.write_text(json.dumps({**json.loads(path.read_bytes()), **values}))


@pytest.mark.parametrize(
    ("file", "values", "check"),
    [
        ("in/submitted.expected.json", {"identity": "M-000009"}, "test_a_sample_is_read_as_expected"),
        ("in/submitted.expected.json", {"messages": []}, "test_a_sample_is_read_as_expected"),
        ("bad/many_faults.expected.json", {"faults": ["/suKien"]}, "test_a_bad_sample_has_exactly_its_faults"),
        ("bad/key_twice.expected.json", {"codes": ["missing"]}, "test_a_bad_sample_has_exactly_its_faults"),
        ("out/first_time.expected.json", {"calls": []}, "test_a_message_needs_the_expected_calls"),
        ("out/first_time.expected.json", {"held": {"dossier": NUMBER}}, "test_each_call_has_exactly_the_recorded_bytes"),
        ("out/first_time.0.body.json", {"donVi": "M02"}, "test_each_call_has_exactly_the_recorded_bytes"),
        ("options.json", {"unit": "M02"}, "test_each_call_has_exactly_the_recorded_bytes"),
        ("receipts/taken.expected.json", {"result": "already"}, "test_a_reply_is_read_as_expected"),
        ("receipts/busy.expected.json", {"result": "not_sent"}, "test_a_reply_is_read_as_expected"),
        ("receipts/unknown_procedure.expected.json", {"code": "10"}, "test_a_reply_is_read_as_expected"),
        ("receipts/absent.expected.json", {"result": "unknown"}, "test_a_reply_is_read_as_expected"),
    ],
)  # fmt: skip
def test_an_expectation_that_differs_fails(samples: Path, run_check: Run, file: str, values: Any, check: str) -> None:
    """What stands in a sample is compared, not only read."""
    run_check(check, samples=samples)
    change(samples / file, **values)
    with pytest.raises(AssertionError):
        run_check(check, samples=samples)


def test_a_code_list_decides_the_bytes(samples: Path, run_check: Run) -> None:
    """The writer is given the samples' code lists, valid on the samples' day."""
    path = samples / "codes/template_procedures.csv"
    path.write_text(path.read_text().replace("TT-01A", "TT-02"))
    with pytest.raises(AssertionError):
        run_check("test_each_call_has_exactly_the_recorded_bytes", samples=samples)


@pytest.mark.parametrize("folder", ["in", "bad", "out", "receipts"])
def test_a_direction_without_its_samples_fails(samples: Path, run_check: Run, folder: str) -> None:
    """An empty folder would skip its checks in silence."""
    shutil.rmtree(samples / folder)
    with pytest.raises(AssertionError, match="belong together"):
        run_check("test_there_are_samples_of_every_direction", samples=samples)


def test_no_samples_at_all_fail(samples: Path, run_check: Run) -> None:
    """Also where the folder itself is misspelt."""
    with pytest.raises(AssertionError, match="no sample stands in"):
        run_check("test_there_are_samples_of_every_direction", samples=samples.with_name("sample"))


@pytest.mark.parametrize("file", ["in/submited.expected.json", "out/first_time.9.body.json", "out/a.massage.json", "bad/x.yaml"])
def test_a_misspelt_file_fails(samples: Path, run_check: Run, file: str) -> None:
    """A file that belongs to no sample is one that nobody checks."""
    (samples / file).write_text("{}")
    with pytest.raises(AssertionError, match=file.partition("/")[2]):
        run_check("test_every_sample_file_is_used", samples=samples)


def test_an_adapter_without_readme_fails(samples: Path, run_check: Run) -> None:
    """The README is where an operator looks first."""
    (samples.parent / "README.md").unlink()
    with pytest.raises(AssertionError, match="is not there"):
        run_check("test_the_readme_names_every_option_and_service", samples=samples)


FOUR_LINES = """
from pathlib import Path
from adapters.template import ADAPTER
from hub.conformance.adapter import AdapterConformance

class TestPartner(AdapterConformance):
    adapter = ADAPTER
    samples = Path({samples!r})
"""


def test_each_sample_is_a_test_of_its_own(pytester: pytest.Pytester, samples: Path) -> None:
    """Run by pytest, the four lines give a named test for every sample and hostile variant; one bad sample fails alone."""
    change(samples / "receipts/busy.expected.json", result="taken")
    pytester.makepyfile(FOUR_LINES.format(samples=str(samples)))
    result = pytester.runpytest("-v", "-p", "no:cacheprovider")

    result.assert_outcomes(passed=result.parseoutcomes()["passed"], failed=1)
    result.stdout.fnmatch_lines_random(
        [
            "*::test_a_sample_is_read_as_expected[[]progress[]] PASSED*",
            "*::test_a_hostile_body_is_an_invalid_message[[]submitted-cut-30[]] PASSED*",
            "*::test_a_hostile_body_is_an_invalid_message[[]submitted-utf-16[]] PASSED*",
            "*::test_every_outcome_is_answered[[]*Untrusted*[]] PASSED*",
            "*::test_a_bad_sample_has_exactly_its_faults[[]many_faults[]] PASSED*",
            "*::test_each_call_has_exactly_the_recorded_bytes[[]first_time[]] PASSED*",
            "*::test_a_reply_is_read_as_expected[[]busy[]] FAILED*",
        ]
    )
