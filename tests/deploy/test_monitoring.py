"""Alarms and dashboard ask for metrics that the hub has, by labels that these have, with the limits that the page tells."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest
import yaml
from prometheus_client import REGISTRY

from hub import telemetry
from hub.edge.http import turned_away
from tests.deploy import units
from tests.docs import pages
from tests.docs.test_operating_page import rows

ALERTS = yaml.safe_load(pages.page("deploy/prometheus/alerts.yml"))["groups"][0]["rules"]
BOARD: dict[str, Any] = json.loads(pages.page("deploy/grafana/lienthong.json"))
PANELS = [each for each in BOARD["panels"] if each["type"] != "row"]
TOLD = {row[0].strip("`"): row[1] for row in rows("What to alarm on")}
_METRIC = re.compile(r"\blienthong_\w+")
_LIMIT = re.compile(r"([<>]) ([\d.]+)")
#: What Prometheus and its client add by themselves.
OTHERS = {"up", "process_resident_memory_bytes"}


def exposed() -> dict[str, set[str]]:
    """Give the names under which samples are exposed, with their labels."""
    found: dict[str, set[str]] = {}
    for value in vars(telemetry).values():
        if isinstance(value, telemetry.Counter | telemetry.Gauge | telemetry.Histogram):
            name, labels = value._name, set(value._labelnames)
            if isinstance(value, telemetry.Counter):
                found[f"{name}_total"] = labels
            elif isinstance(value, telemetry.Gauge):
                found[name] = labels
            else:
                found |= {f"{name}_bucket": labels | {"le"}, f"{name}_sum": labels, f"{name}_count": labels}
    return found


def base(name: str) -> str:
    """Give a metric's name as the page tells it."""
    return re.sub(r"_(bucket|sum|count)$", "", name)


def expressions() -> Iterator[tuple[str, str]]:
    yield from ((rule["alert"], rule["expr"]) for rule in ALERTS)
    yield from ((panel["title"], target["expr"]) for panel in PANELS for target in panel["targets"])


@pytest.mark.parametrize(("where", "expression"), list(expressions()))
def test_what_is_asked_for_exists(where: str, expression: str) -> None:
    """Each metric, and each label that it is grouped or chosen by."""
    known = exposed()
    named = set(_METRIC.findall(expression))
    labels = {label.strip() for group in re.findall(r"(?:by|on) \(([^)]*)\)", expression) for label in group.split(",")}
    labels |= set(re.findall(r"[{,] ?(\w+)=", expression)) - {"job"}

    assert named <= set(known), where
    assert labels - {"instance"} <= set().union(*(known[name] for name in named)), where
    assert expression.count("(") == expression.count(")") and expression.count("{") == expression.count("}")
    assert named or any(other in expression for other in OTHERS), where


def test_every_metric_is_on_the_dashboard() -> None:
    shown = {base(name) for panel in PANELS for target in panel["targets"] for name in _METRIC.findall(target["expr"])}

    assert shown == {base(name) for name in exposed()}


@pytest.mark.parametrize("rule", ALERTS, ids=lambda rule: rule["alert"])
def test_an_alarm_is_the_one_that_the_page_tells(rule: dict[str, Any]) -> None:
    """Its limit, and for how long."""
    names = sorted({base(name) for name in _METRIC.findall(rule["expr"])} - {"lienthong_paused"}) or ["lienthong_paused"]
    limit = _LIMIT.search(rule["expr"])
    if "lienthong" not in rule["expr"].replace('job="lienthong"', ""):
        assert f"(`up`) is an alarm after {rule['for']}" in pages.page("docs/operating.md")
        return
    told = TOLD[names[0]]

    assert len(names) == 1
    assert limit is None or f"`{limit[1]} {limit[2]}`" in told
    assert limit is not None or "absent" in told
    assert rule["for"] == "0m" or f"for {rule['for']}" in told
    assert all(f"in {window}" in told for window in re.findall(r"increase\([^[]*\[(\w+)\]", rule["expr"]))


def test_every_alarm_that_the_page_tells_is_one() -> None:
    with_limits = {name for name, told in TOLD.items() if _LIMIT.search(told)}

    assert with_limits == {
        base(name) for rule in ALERTS for name in _METRIC.findall(rule["expr"]) if _LIMIT.search(rule["expr"])
    }


@pytest.mark.parametrize("rule", ALERTS, ids=lambda rule: rule["alert"])
def test_an_alarm_says_what_it_means_in_both_languages(rule: dict[str, Any]) -> None:
    assert set(rule) == {"alert", "expr", "for", "labels", "annotations"}
    assert set(rule["labels"]) == {"severity"} and rule["labels"]["severity"] in ("page", "ticket")
    assert rule["annotations"]["summary"] and rule["annotations"]["description"]


def limits(panel: dict[str, Any]) -> list[float]:
    return [step["value"] for step in panel["fieldConfig"]["defaults"]["thresholds"]["steps"] if step["value"] is not None]


@pytest.mark.parametrize("panel", [each for each in PANELS if limits(each)], ids=lambda panel: panel["title"])
def test_a_panel_turns_red_where_its_alarm_begins(panel: dict[str, Any]) -> None:
    """Anything above nothing is drawn from a thousandth on: Grafana's limits include themselves."""
    names = {base(name) for target in panel["targets"] for name in _METRIC.findall(target["expr"])}
    told = {float(found[2]) for name in names for found in _LIMIT.finditer(TOLD[name])}
    (limit,) = limits(panel)

    assert (0.0 if limit == 0.001 else limit) in told


@pytest.mark.parametrize("panel", PANELS, ids=lambda panel: panel["title"])
def test_a_panel_is_titled_in_vietnamese_and_described_in_english(panel: dict[str, Any]) -> None:
    assert panel["description"].isascii()
    assert not panel["title"].isascii()
    assert panel["datasource"]["uid"] == "${source}"


def test_panels_lie_beside_each_other() -> None:
    """No two cover the same place."""
    taken: set[tuple[int, int]] = set()
    for panel in BOARD["panels"]:
        at = panel["gridPos"]
        cells = {(x, y) for x in range(at["x"], at["x"] + at["w"]) for y in range(at["y"], at["y"] + at["h"])}
        assert at["x"] + at["w"] <= 24 and not cells & taken, panel["title"]
        taken |= cells
    assert len({panel["id"] for panel in BOARD["panels"]}) == len(BOARD["panels"])


def test_codes_that_an_alarm_names_are_codes_of_the_doors() -> None:
    codes = {each.code for each in vars(turned_away).values() if isinstance(each, type) and hasattr(each, "code")}
    named = {code for rule in ALERTS for found in re.findall(r'code=~"([^"]+)"', rule["expr"]) for code in found.split("|")}

    assert named and named <= codes


def test_labels_are_few_and_ours() -> None:
    """Names of endpoints, and words of our own: no id, no number, no text from outside can become one."""
    labels = set().union(*exposed().values())

    of_messages = {"endpoint", "outcome", "state", "error", "reason", "purpose", "code", "cause"}
    assert labels == of_messages | {"authority", "certificate", "step", "le", "severity", "recipient", "list"}


def test_every_metric_is_of_the_room_of_telemetry() -> None:
    """So that this file sees them all."""
    registered = {each.name for each in REGISTRY.collect() if each.name.startswith("lienthong_")}

    assert registered == {re.sub(r"_total$", "", base(name)) for name in exposed()}


def test_the_monitoring_host_reaches_every_process_through_the_front() -> None:
    """Each path that is scraped is one that the front of a machine passes on to the port of that unit."""
    jobs = yaml.safe_load(pages.page("deploy/prometheus/prometheus.yml"))["scrape_configs"]
    (job,) = (each for each in jobs if each["job_name"] == "lienthong")
    front = pages.page("deploy/nginx/lienthong.conf")
    passes = re.findall(r'location ~ "(.+?)" +\{ proxy_pass http://127\.0\.0\.1:(\d\d)\$number', front)
    patterns = [(re.compile(pattern.replace("(?<", "(?P<")), port) for pattern, port in passes]
    digits = dict(_ports())
    asked = {group["labels"]["__metrics_path__"].split("/")[1] for group in job["static_configs"]}
    assert asked == set(digits)

    for group in job["static_configs"]:
        path = group["labels"]["__metrics_path__"]
        found = [(pattern.match(path), port) for pattern, port in patterns if pattern.match(path)]

        assert [port for _, port in found] == [digits[path.split("/")[1]]]


def _ports() -> Iterator[tuple[str, str]]:
    for path in units.SERVICES:
        found = re.search(r"--port (\d\d)%i", path.read_text(encoding="ascii"))
        assert found is not None
        yield units.role(path), found[1]
