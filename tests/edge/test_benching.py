"""The bench's page, its REST control, and the verb that plays it: as a vendor uses them."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from adapters.single_window.bench import CLAUSES
from hub.edge.benching import page
from hub.edge.cli import app
from hub.simulation import SimulatorServer
from tests.adapters.single_window.test_bench import bench_of, broken, received_whatever_comes
from tests.docs import pages

__all__ = ["bench_of"]  # a fixture
runner = CliRunner()


@pytest.fixture
def careless() -> Iterator[str]:
    """The address of a system that answers everything as received."""
    with SimulatorServer("vendor", received_whatever_comes) as vendor:
        yield f"{vendor.url}/MardService.asmx"


def asked(url: str, body: bytes | None = None, **headers: str) -> tuple[int, str]:
    request = urllib.request.Request(url, data=body, headers=headers)
    try:
        with urllib.request.urlopen(request, timeout=30) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()


def test_a_scenario_is_started_over_rest_and_its_finding_read(bench_of: Any, careless: str) -> None:
    bench = bench_of(careless)
    page.put_on(bench)
    address = f"{bench.play.server.url}/_bench"
    headers = {"Content-Type": "application/json"}

    started = asked(f"{address}/start", json.dumps({"scenarios": ["valid"]}).encode(), **headers)[0]
    while (state := bench.outcomes()["valid"].state) != "done":
        assert state in ("not_run", "running")
    report = json.loads(asked(f"{address}/report.json")[1])

    assert started == 202
    assert {each["id"] for each in report["clauses"] if each["result"] == "broken"} == {"ANS-5"} == broken(bench)
    assert asked(f"{address}/start", b'{"scenarios": ["khac"]}', **headers)[0] == 409
    assert asked(f"{address}/start", b"[1]", **headers)[0] == 400
    assert asked(f"{address}/khac")[0] == 404


def test_another_sites_page_cannot_steer_the_bench(bench_of: Any) -> None:
    bench = bench_of()
    page.put_on(bench)

    assert asked(f"{bench.play.server.url}/_bench/start", b"{}", Origin="http://example.org")[0] == 403
    assert asked(f"{bench.play.server.url}/_bench", None, Host="example.org")[0] == 403


def test_what_a_system_says_is_text_on_the_page(bench_of: Any) -> None:
    def handle(call: Any) -> Any:
        return received_whatever_comes(call).__class__(b"<script>alert(1)</script>", content_type="text/html")

    with SimulatorServer("vendor", handle) as vendor:
        bench = bench_of(vendor.url)
        bench.start(["valid"]).join()
    text = page.render(bench.report())

    assert "<script>" not in text
    assert "&lt;script&gt;alert(1)" in text
    assert "KHÔNG ĐẠT 1 điều" in text


def test_the_verb_plays_at_once_and_writes_the_report(careless: str, tmp_path: Path) -> None:
    report = tmp_path / "report.html"
    words = ["test-partner", "single_window", "--set", f"url={careless}", "--run", "--scenario", "valid", "--scenario", "changed"]

    result = runner.invoke(app, [*words, "--report", str(report), "--json"])

    assert result.exit_code == 1
    told = json.loads(result.stdout)
    assert {each["id"] for each in told["clauses"] if each["result"] == "broken"} == {"ANS-5", "IDE-2"}
    assert "IDE-2" in report.read_text("utf-8")


def test_the_verb_says_that_a_system_could_not_be_reached(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LIENTHONG_LANG", "en")
    report = tmp_path / "report.html"
    words = ["test-partner", "single_window", "--set", "url=http://127.0.0.1:9/x", "--run", "--report", str(report)]

    result = runner.invoke(app, words)

    assert result.exit_code == 1
    assert result.stdout.splitlines()[-1] == "The partner could not be reached; no clause is judged by that."
    assert result.stdout.count("http://127.0.0.1:9/x cannot be reached (ConnectionRefusedError") == 1
    assert "broken" not in result.stdout
    assert "KHÔNG KẾT NỐI ĐƯỢC" in report.read_text("utf-8")


def test_the_page_of_clauses_is_the_list_of_clauses() -> None:
    text = pages.page("docs/vendor-tests.md")

    assert [line for line in text.splitlines() if line.startswith("| ") and "-" in line[:8] and line[2:5].isupper()] == [
        f"| {each.id} | {each.en} |" for each in CLAUSES.values()
    ]
