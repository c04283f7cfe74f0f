"""Prometheus's own tool reads the alarms, the dashboard's expressions and the example of its settings, and tries some alarms.

The tool comes with Debian's ``prometheus``, 20 MB that nothing else needs: where it is absent, in CI too, these tests are
skipped, and pytest's last lines say so.
"""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.deploy.test_monitoring import PANELS
from tests.docs import pages

TOOL = shutil.which("promtool")
ABSENT = "promtool is not installed (Debian: apt-get install prometheus): tests on it are skipped"
ALERTS = "deploy/prometheus/alerts.yml"

pytestmark = pytest.mark.skipif(TOOL is None, reason=ABSENT)


def tool(*words: str) -> None:
    """Let the tool look; fail with what it says."""
    assert TOOL is not None
    done = subprocess.run([TOOL, *words], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_alarms_can_be_read() -> None:
    tool("check", "rules", str(pages.ROOT / ALERTS))


def test_the_dashboards_expressions_can_be_read(tmp_path: Path) -> None:
    """Prometheus has no other way to look at an expression than a rule; Grafana fills in its variables before."""
    asked = [re.sub(r"\$\w+", "5m", target["expr"]) for panel in PANELS for target in panel["targets"]]
    rules = [{"record": f"panel:{number}", "expr": expression} for number, expression in enumerate(asked)]
    path = tmp_path / "panels.yml"
    path.write_text(json.dumps({"groups": [{"name": "panels", "rules": rules}]}), encoding="utf-8")

    assert rules
    tool("check", "rules", str(path))


def test_the_settings_can_be_read(tmp_path: Path) -> None:
    """With files in place of those under /etc; of a token and an authority it only looks whether they are there."""
    text = pages.page("deploy/prometheus/prometheus.yml")
    for name in set(re.findall(r"/etc/prometheus/([\w.-]+)", text)):
        shutil.copy(pages.ROOT / ALERTS, tmp_path / name)
    path = tmp_path / "prometheus.yml"
    path.write_text(text.replace("/etc/prometheus", str(tmp_path)), encoding="utf-8")

    tool("check", "config", str(path))


OLD = {"series": 'lienthong_oldest_due_seconds{endpoint="bo",instance="a"}', "values": "1000x60"}
PAUSED = {"series": 'lienthong_paused{endpoint="bo",instance="b"}', "values": "1x60"}
ELSEWHERE = {"series": 'lienthong_paused{endpoint="so",instance="b"}', "values": "1x60"}
REFUSED = {"series": 'lienthong_received_total{endpoint="tn",outcome="refused"}', "values": "0+1x120"}
ACCEPTED = {"series": 'lienthong_received_total{endpoint="tn",outcome="accepted"}', "values": "0+3x120"}
FEW = {"series": 'lienthong_received_total{endpoint="tn",outcome="accepted"}', "values": "0+30x120"}


@pytest.mark.parametrize(
    ("alarm", "series", "minute", "fires"),
    [
        ("OldestDue", [OLD], 4, False),
        ("OldestDue", [OLD], 6, True),
        ("OldestDue", [OLD, ELSEWHERE], 6, True),
        ("OldestDue", [OLD, PAUSED], 30, False),
        ("Refusing", [REFUSED, ACCEPTED], 60, True),
        ("Refusing", [REFUSED, FEW], 60, False),
        ("LedgerUnread", [], 3, True),
        ("LedgerUnread", [OLD], 3, False),
    ],
)
def test_an_alarm_is_heard_when_it_should_be(
    tmp_path: Path, alarm: str, series: list[dict[str, str]], minute: int, fires: bool
) -> None:
    heard = list(expected(alarm)) if fires else []
    tried = {
        "interval": "1m",
        "input_series": series,
        "alert_rule_test": [{"eval_time": f"{minute}m", "alertname": alarm, "exp_alerts": heard}],
    }
    path = tmp_path / "tried.yml"
    path.write_text(json.dumps({"rule_files": [str(pages.ROOT / ALERTS)], "tests": [tried]}), encoding="utf-8")

    tool("test", "rules", str(path))


def expected(alarm: str) -> Iterator[dict[str, Any]]:
    """Write an alarm as the tool expects it, with the labels of the series above."""
    of = {"OldestDue": {"endpoint": "bo"}, "Refusing": {"endpoint": "tn"}, "LedgerUnread": {}}
    for rule in yaml.safe_load(pages.page(ALERTS))["groups"][0]["rules"]:
        if rule["alert"] == alarm:
            yield {"exp_labels": {**rule["labels"], **of[alarm]}, "exp_annotations": rule["annotations"]}
