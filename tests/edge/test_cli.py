"""The command line: every verb speaks JSON, shows an example, fails with one line in both languages and an exit code."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import typer
from cryptography.hazmat.primitives.serialization import Encoding
from sqlalchemy import update
from typer.testing import CliRunner, Result

from hub.edge.cli import app, frame
from hub.errors import NotAllowed
from hub.ledger.tables import journal
from tests.support.hub import PARTNER, SENDER
from tests.support.night_shift import Shift, shift
from tests.support.signers import OTHER_AUTHORITY, Party

runner = CliRunner()


def run(folder: Path | str, *words: str, **variables: str) -> Result:
    return runner.invoke(app, ["--config", str(folder), *words], env=variables or None)


def answer(folder: Path, *words: str) -> Any:
    """Run a verb that ends well; give its JSON."""
    result = run(folder, *words, "--json")
    assert (result.exit_code, result.stderr) == (0, ""), result.stderr
    return json.loads(result.stdout)


def refused(folder: Path | str, *words: str) -> str:
    """Run a verb that fails; give its one line."""
    result = run(folder, *words)
    assert result.exit_code == 1, result.output
    assert result.stdout == ""
    (line,) = result.stderr.splitlines()
    return line


def carry(night: Shift) -> None:
    """Carry out what the command line made due: it goes by the machine's clock."""
    night.clock.advance((datetime.now(UTC) - night.clock()).total_seconds() + 1)
    night.carry()


@pytest.fixture
def night(tmp_path: Path) -> Iterator[Shift]:
    """A dossier delivered, one parked with a follower, one refused by the partner."""
    with shift(tmp_path) as opened:
        opened.send(1, "H01-1")
        opened.unmapped(2, "H01-2")
        opened.send(3, "H01-2")
        opened.faults["H01-3"] = "refuse"
        opened.send(4, "H01-3")
        opened.faults.clear()
        yield opened


# --- every verb ------------------------------------------------------------------------------------------------------


def leaves(command: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Any]]:
    for name, child in command.commands.items():
        if hasattr(child, "commands"):
            yield from leaves(child, (*path, name))
        else:
            yield (*path, name), child


VERBS = dict(leaves(typer.main.get_command(app)))
#: Verb -> words with which it fails for a reason of its own, on a configuration folder that is not there.
FAILING = {
    ("init",): ["/dev/null/config"],
    ("check",): [],
    ("certificates",): [],
    ("serve",): [],
    ("simulate",): ["no_such_system"],
    ("test-partner",): ["no_such_system"],
    ("messages",): [],
    ("show",): ["H01-1"],
    ("failures",): [],
    ("verify-ledger",): [],
    ("seals", "list"): [],
    ("seals", "pin"): ["--to", "/dev/null/roots"],
    ("release",): ["7d0f5b1e", "--why", "x"],
    ("rebuild",): ["7d0f5b1e", "--why", "x"],
    ("settle",): ["7d0f5b1e", "--arrived", "--why", "x"],
    ("abandon",): ["7d0f5b1e", "--why", "x"],
    ("ask",): ["7d0f5b1e", "--why", "x"],
    ("pause",): ["bo", "--why", "x"],
    ("resume",): ["bo", "--why", "x"],
    ("replay", "plan"): ["--endpoint", "bo", "--why", "x"],
    ("replay", "run"): ["5c1e7a90"],
    ("replay", "pause"): ["5c1e7a90", "--why", "x"],
    ("replay", "resume"): ["5c1e7a90", "--why", "x"],
    ("replay", "cancel"): ["5c1e7a90", "--why", "x"],
    ("replay", "show"): ["5c1e7a90"],
    ("border", "list"): [],
    ("border", "show"): ["origin:VN:1"],
    ("border", "print"): ["origin:VN:1", "--output", "/dev/null/a.html", "--why", "x"],
    ("border", "copy"): ["origin:VN:1", "--why", "x"],
    ("border", "decide"): ["origin:VN:1", "late_accepted", "--why", "x"],
    ("bus", "permissions"): [],
    ("retention", "plan"): [],
    ("retention", "run"): ["--why", "x"],
    ("evidence", "export"): ["H01-1", "--why", "thanh tra"],
    ("evidence", "verify"): [__file__, "--anchors", __file__],
    ("trust", "show"): [],
    ("trust", "refresh"): [],
    **dict.fromkeys((("procedures", "show"), ("procedures", "compare"), ("procedures", "worklist")), ()),
    ("procedures", "import"): [__file__, "--owner", "G10", "--why", "x"],
    ("procedures", "pull"): ["bo", "--why", "x"],
    ("procedures", "files"): ["G10", "--why", "x"],
    ("procedures", "plan"): ["bo", "--why", "x"],
    ("procedures", "mend"): ["5c1e7a90", "--why", "x"],
    ("procedures", "claim"): ["bo", "G10", "1.000001", "--why", "x"],
    ("procedures", "template"): ["/not there/danh-muc.xlsx"],
    **dict.fromkeys((("campaign", "show"), ("link", "show"), ("reconcile", "show"), ("codes", "check")), ()),
    ("campaign", "candidates"): ["4f0b6c1e"],
    ("campaign", "make"): ["G10", "x", "--from", "2036-03-03", "--to", "2036-12-26", "--why", "x"],
    ("campaign", "item"): ["4f0b6c1e", "--state", "dropped", "--why", "x"],
    ("campaign", "tick"): ["4f0b6c1e", "payment", "--why", "x"],
    ("campaign", "raise"): ["4f0b6c1e", "--why", "x"],
    ("campaign", "template"): ["/not there/ke-hoach.xlsx"],
    ("codes", "show"): ["H62"],
    ("link", "end"): ["4f0b6c1e", "--why", "x"],
    ("pull", "show"): [],
    ("pull", "now"): ["dvcqg", "--why", "x"],
    ("partner", "lookup"): ["dvcqg"],
    ("codes", "pull"): ["dvcqg", "--why", "x"],
    ("statistics", "send"): ["dvcqg", "--period", "2026-03", "--why", "x"],
    ("reconcile", "run"): ["bo", "--why", "x"],
    **{("reconcile", name): ["4f0b6c1e", "--why", "x"] for name in ("stop", "resume", "mend")},
    ("reconcile", "report"): ["4f0b6c1e", "--out", "/not there/bien-ban.xlsx", "--why", "x"],
    ("statistics", "show"): [],
    ("statistics", "make"): ["II.06a", "--period", "2026-03", "--why", "x"],
    ("statistics", "fill"): ["--why", "x"],
    **dict.fromkeys((("status",), ("doubts",), ("journal",), ("person", "show"), ("token", "show")), ()),
    **dict.fromkeys((("mapping", "show"), ("edit", "show"), ("alert", "show"), ("partner", "show")), ()),
    ("find",): ["H01-1"],
    ("timeline",): ["H01-1"],
    ("reveal",): ["H01-1", "--why", "x"],
    ("group", "show"): ["3fa9c1d2ab"],
    ("group", "take"): ["3fa9c1d2ab"],
    ("group", "leave"): ["3fa9c1d2ab"],
    ("group", "note"): ["3fa9c1d2ab", "x"],
    ("person", "add"): ["an", "--role", "viewer", "--scope", "*", "--sign-in", "none", "--why", "x"],
    ("person", "change"): ["an", "--role", "viewer", "--why", "x"],
    ("person", "password"): ["an", "--generate", "--why", "x"],
    ("token", "make"): ["an", "--title", "x", "--verb", "status", "--why", "x"],
    ("token", "end"): ["5c1e7a90", "--why", "x"],
    ("edit", "propose"): ["7d0f5b1e", "--set", "/dossier/summary=x", "--why", "x"],
    ("edit", "approve"): ["5c1e7a90", "--why", "x"],
    ("edit", "reject"): ["5c1e7a90", "--why", "x"],
    ("mapping", "set"): ["procedures", "1", "2", "--why", "x"],
    ("mapping", "remove"): ["procedures", "1", "--why", "x"],
    ("mapping", "export"): ["procedures"],
    ("dry-run",): [],
    ("partner", "test"): ["bo", "--why", "x"],
    ("partner", "onboard"): ["bo", "contact", "--why", "x"],
    ("partner", "succeed"): ["bo", "so", "--why", "x"],
    ("alert", "mute"): ["5c1e7a90", "--why", "x"],
    ("alert", "test"): ["--why", "x"],
}
#: These need no configuration folder: they make their own and are tested where they are.
OWN_WORLD = {("demo",), ("bench",)}


def test_every_verb_is_listed_in_these_tests() -> None:
    assert set(VERBS) == set(FAILING) | OWN_WORLD


@pytest.mark.parametrize("verb", VERBS, ids=" ".join)
def test_every_verb_has_json_and_an_example_in_its_help(verb: tuple[str, ...]) -> None:
    result = runner.invoke(app, [*verb, "--help"])

    assert result.exit_code == 0
    assert "--json" in result.stdout
    _, _, examples = result.stdout.partition("Ví dụ (Example):")
    assert f"lienthong {' '.join(verb)}" in examples


@pytest.mark.parametrize("verb", VERBS, ids=" ".join)
def test_every_verb_called_wrongly_ends_with_2_and_one_line(verb: tuple[str, ...]) -> None:
    result = runner.invoke(app, [*verb, "--no-such-option"])

    assert result.exit_code == 2
    (line,) = result.stderr.splitlines()
    assert "Sai cách dùng" in line
    assert "--no-such-option" in line


@pytest.mark.parametrize("verb", [verb for verb in FAILING if verb != ("check",)], ids=" ".join)
def test_every_verb_that_fails_ends_with_1_and_one_line_in_both_languages(verb: tuple[str, ...], tmp_path: Path) -> None:
    line = refused(tmp_path / "not there", *verb, *FAILING[verb])

    assert re.fullmatch(r"lienthong: .+ \(.+\)", line)
    assert "Traceback" not in line


def test_a_bug_is_one_line_without_traceback_and_with_its_place(night: Shift, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("hub.registers.history.listing", lambda *_: 1 / 0)
    result = run(night.folder, "messages")

    assert result.exit_code == 70
    assert result.stderr.count("\n") == 1
    assert "ZeroDivisionError test_cli.py:" in result.stderr


def test_what_comes_from_outside_cannot_steer_the_terminal(night: Shift) -> None:
    night.send(9, "H01\x9b31m")

    assert "\x9b" not in run(night.folder, "messages").stdout


# --- looking ---------------------------------------------------------------------------------------------------------


def test_messages_are_listed_and_narrowed(night: Shift) -> None:
    assert [row["subject"] for row in answer(night.folder, "messages")] == [
        "national:H01-3", "national:H01-2", "national:H01-2", "national:H01-1",
    ]  # fmt: skip
    assert [row["deliveries"] for row in answer(night.folder, "messages", "--code", "H01-1")] == [{"delivered": 1}]
    assert answer(night.folder, "messages", "--endpoint", PARTNER) == []


def test_moments_are_shown_in_vietnamese_time(night: Shift) -> None:
    (row,) = answer(night.folder, "messages", "--code", "H01-1")

    assert row["received_at"] == "2026-03-02T09:00:00+07:00"
    assert "02/03/2026 09:00:00" in run(night.folder, "messages").stdout


def test_labels_are_vietnamese_or_english_as_asked(night: Shift) -> None:
    vietnamese, english = (run(night.folder, "messages", LIENTHONG_LANG=lang).stdout for lang in ("vi", "en"))

    assert "Điểm kết nối" in vietnamese
    assert "Endpoint" in english
    assert "Điểm kết nối" not in english


@pytest.mark.parametrize("as_json", [[], ["--json"]], ids=["people", "machines"])
def test_show_tells_the_story_without_personal_data(night: Shift, as_json: list[str]) -> None:
    result = run(night.folder, "show", "H01-2", *as_json)

    assert result.exit_code == 0
    assert "Nguyễn" not in result.stdout
    assert "no_mapping" in result.stdout
    assert "template_procedures" in result.stdout


def test_show_calls_outcomes_and_reasons_in_the_readers_language(night: Shift) -> None:
    shown = run(night.folder, "show", "H01-3", LIENTHONG_LANG="vi", COLUMNS="300").stdout
    told = answer(night.folder, "show", "H01-3")

    assert all(words in shown for words in ("bị từ chối, dừng", "đối tác từ chối", "giao thức này không dùng chữ ký số"))
    assert [each["outcome"] for each in told["notices"]] == ["refused"]
    assert told["deliveries"][0]["attempts"][0]["outcome"] == "park"


def test_show_says_what_can_be_done_and_what_abandoning_would_do(night: Shift) -> None:
    shown = run(night.folder, "show", "H01-2").stdout

    assert "Có thể làm: release, rebuild, settle --arrived, abandon, abandon --followers" in shown
    assert "Nếu từ bỏ: 1 lượt phía sau" in shown


@pytest.mark.parametrize(("services", "asks"), [('[outbound.services.GuiHoSo]\non_doubt = "ask"\n', ["ask"]), ("", [])])
def test_show_offers_ask_only_where_the_partner_can_be_asked(tmp_path: Path, services: str, asks: list[str]) -> None:
    with shift(tmp_path, services=services) as night:
        night.faults["H01-1"] = "garble"
        night.send(1)
        (shown,) = answer(night.folder, "show", "H01-1")["deliveries"]
        words = run(night.folder, "show", "H01-1").stdout

    offered = [*asks, "settle --arrived", "settle --not-arrived"]
    assert shown["possible"] == offered
    assert f"Có thể làm: {', '.join(offered)}\n" in words


def test_texts_name_the_configuration_folder_that_was_given(
    night: Shift, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As it was given, so that it can be copied; nothing of it is in the ledger."""
    monkeypatch.chdir(tmp_path.parent)
    near = Path(tmp_path.name)
    for shown in (run(near, verb, *given).stdout for verb, given in (("failures", []), ("show", ["H01-2"]))):
        assert f" {near}/codes/template_procedures.csv" in shown
        assert "config/codes" not in shown

    assert f" {near}/endpoints/nowhere.toml" in refused(near, "pause", "nowhere", "--why", "thử")
    assert f" {tmp_path}/codes/template_procedures.csv" in run(tmp_path, "failures").stdout
    assert any("config/codes" in group["error_en"] for group in answer(near, "failures")["parked"])


def test_exact_bytes_come_only_when_asked_for(night: Shift) -> None:
    told = answer(night.folder, "show", "H01-1")
    (message,) = told["messages"]
    result = run(night.folder, "show", "H01-1", "--bytes", message["raw_digest"][:20], "--why", "đối chiếu")

    assert message["canonical"][0]["dossier"]["applicant"]["name"] == "***"
    assert json.loads(result.stdout_bytes)["hoSo"]["nguoiNop"]["hoTen"] == "Nguyễn Thử Nghiệm"


def test_bytes_of_another_dossier_are_not_given(night: Shift) -> None:
    other = answer(night.folder, "show", "H01-2")["messages"][0]["raw_digest"]

    assert other in refused(night.folder, "show", "H01-1", "--bytes", other, "--why", "đối chiếu")


def test_failures_are_grouped_for_machines_and_people(night: Shift) -> None:
    found = answer(night.folder, "failures")

    groups = {(group["error_code"], group["count"], group["followers"]) for group in found["parked"]}
    assert groups == {("no_mapping", 1, 1), ("refused", 1, 0)}
    shown = run(night.folder, "failures").stdout
    assert all(group["group"] in shown for group in found["parked"])


def test_a_ledger_that_was_tampered_with_fails_the_verb(night: Shift) -> None:
    assert answer(night.folder, "verify-ledger")["whole"] is True
    with night.hub.ledger._engine.begin() as conn:
        conn.execute(update(journal).where(journal.c.number == 1).values(actor="nobody"))

    result = run(night.folder, "verify-ledger", "--json")

    assert result.exit_code == 1
    assert {each["kind"] for each in json.loads(result.stdout)["wrong"]} == {"journal"}


# --- acting ----------------------------------------------------------------------------------------------------------


def test_the_night_shift_mends_a_list_and_replays(night: Shift) -> None:
    (group,) = [each for each in answer(night.folder, "failures")["parked"] if each["error_code"] == "no_mapping"]
    night.mend()

    plan = answer(night.folder, "replay", "plan", "--group", group["group"], "--verb", "rebuild", "--why", "đã bổ sung mã")
    shown = run(night.folder, "replay", "show", plan["id"][:8]).stdout
    ran = answer(night.folder, "replay", "run", plan["id"], "--at-once", "--as", "lan")
    carry(night)

    assert (plan["goes"], ran["done"]) == (1, 1)
    assert plan["id"][:8] in shown
    assert night.partner.marks("H01-2") == ["#2", "#3"]
    (listed,) = answer(night.folder, "replay", "show")
    assert (listed["id"], listed["goes"], listed["why"]) == (plan["id"], 1, "đã bổ sung mã")
    assert "đã được thực hiện" in refused(night.folder, "replay", "run", plan["id"])


def test_a_plan_says_why_a_follower_cannot_go_alone(night: Shift) -> None:
    head, follower = night.ids("H01-2")
    words = ("replay", "plan", "--id", follower, "--why", "thử")

    (item,) = answer(night.folder, *words)["items"]
    shown = run(night.folder, *words).stdout.replace("\n", " ")

    assert item["skip_en"].startswith(f"cannot go alone: its head {head} is parked")
    assert f"không thể gửi riêng: lượt đầu chuỗi {head[:8]} đang là" in shown
    assert head not in shown


def test_release_rebuild_and_abandon_say_what_became_of_it(night: Shift) -> None:
    (parked,) = night.ids("H01-3")
    head, follower = night.ids("H01-2")

    released = answer(night.folder, "release", parked[:8], "--why", "đối tác đã sửa")
    rebuilt = answer(night.folder, "rebuild", head, "--why", "đã sửa danh mục")
    carry(night)
    abandoned = run(night.folder, "abandon", head, "--why", "không cần nữa")
    carry(night)

    assert (released["id"], released["state"]) == (parked, "pending")
    assert (rebuilt["state"], rebuilt["followers"]) == ("pending", 1)
    assert f"Lượt kế tiếp {follower[:8]} nay là chờ gửi" in abandoned.stdout
    assert night.partner.marks("H01-2") == ["#3"]
    assert night.partner.marks("H01-3") == ["#4"]


def test_settle_keeps_the_evidence_and_teaches_what_the_partner_holds(night: Shift, tmp_path: Path) -> None:
    night.faults["H01-4"] = "garble"
    night.send(5, "H01-4")
    (doubtful,) = night.ids("H01-4")
    proof = tmp_path / "tra-loi.txt"
    proof.write_bytes("Đã nhận".encode())

    stated = ("--arrived", "--evidence", str(proof), "--held", "dossier=H01-4", "--why", "gọi điện", "--as", "lan")
    told = answer(night.folder, "settle", doubtful, *stated)

    assert (told["state"], told["learned"]) == ("delivered", {"dossier": "H01-4"})
    row = answer(night.folder, "show", doubtful)["journal"][-1]
    assert (row["actor"], row["event"]) == ("lan", "operator.settle_arrived")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--why", "x"], "--arrived"),
        (["--arrived"], "--why"),
        (["--arrived", "--why", "x", "--held", "dossier"], "key=value"),
        (["--not-arrived", "--why", "x", "--held", "a=b"], "held"),
    ],
)
def test_settle_requires_outcome_and_reason(night: Shift, words: list[str], said: str) -> None:
    night.faults["H01-4"] = "garble"
    night.send(5, "H01-4")

    assert said in refused(night.folder, "settle", night.ids("H01-4")[0], *words)
    assert night.states("H01-4") == ["in_doubt"]


@pytest.mark.parametrize(
    "words", [[], ["--arrived", "--acknowledged"], ["--not-arrived", "--refused"], ["--acknowledged", "--held", "a=b"]]
)
def test_settle_takes_one_outcome(night: Shift, words: list[str]) -> None:
    refused(night.folder, "settle", night.ids("H01-3")[0], *words, "--why", "x")

    assert night.states("H01-3") == ["parked"]


def test_an_acknowledgement_that_never_comes_is_seen_and_settled(tmp_path: Path) -> None:
    with shift(tmp_path, services='[outbound.services.GuiHoSo]\nadvance_on = "acknowledged"\n') as night:
        night.send(1)
        night.send(2)
        first, second = night.ids()
        proof = tmp_path / "thu.txt"
        proof.write_bytes(b"letter")

        (group,) = answer(night.folder, "failures")["unacknowledged"]
        listed, shown = run(night.folder, "failures").stdout, run(night.folder, "show", "H01-1").stdout
        assert (group["count"], group["followers"], group["samples"]) == (1, 1, [first])
        assert "chờ xác nhận từ 02/03/2026 09:00:00" in listed
        assert f"{first[:8]}: đối tác đã nhận, chờ xác nhận từ" in shown
        assert "Có thể làm: settle --acknowledged, settle --refused\n" in shown

        told = answer(night.folder, "settle", first, "--acknowledged", "--evidence", str(proof), "--why", "thư 12/BC")
        carry(night)

        assert (told["state"], told["next_id"], told["next_state"]) == ("acknowledged", second, "pending")
        assert night.partner.marks("H01-1") == ["#1", "#2"]
        assert "Chuỗi chờ đối tác xác nhận" not in run(night.folder, "settle", second, "--refused", "--why", "gọi").stdout
        assert night.states() == ["acknowledged", "refused_late"]


def test_settled_as_arrived_it_is_said_that_the_chain_still_waits_for_the_acknowledgement(tmp_path: Path) -> None:
    with shift(tmp_path, services='[outbound.services.GuiHoSo]\nadvance_on = "acknowledged"\n') as night:
        night.faults["H01-1"] = "garble"
        night.send(1)
        night.send(2)

        said = run(night.folder, "settle", night.ids()[0], "--arrived", "--why", "gọi điện").stdout

        assert "Chuỗi chờ đối tác xác nhận lượt này; 1 lượt phía sau" in said


def test_what_was_brought_by_hand_is_settled_before_it_is_sent(night: Shift) -> None:
    answer(night.folder, "pause", PARTNER, "--why", "mất mạng")
    night.send(8, "H01-8")
    (pending,) = night.ids("H01-8")

    told = answer(night.folder, "settle", pending, "--arrived", "--held", "dossier=H01-8", "--why", "đã nộp bản giấy")
    answer(night.folder, "resume", PARTNER, "--why", "có mạng")
    carry(night)

    assert told["state"] == "delivered"
    assert night.partner.marks("H01-8") == []


# --- abandoning a chain


def test_a_chain_is_abandoned_after_it_was_shown_and_confirmed(night: Shift) -> None:
    head, follower = night.ids("H01-2")
    words = ["--config", str(night.folder), "abandon", head, "--followers", "--why", "đơn vị rút hồ sơ"]

    no = runner.invoke(app, words, input="n\n")
    silent = runner.invoke(app, words, input="")
    assert (no.exit_code, silent.exit_code) == (1, 1)
    assert night.states("H01-2") == ["parked", "held"]
    assert f"Sẽ từ bỏ {head[:8]} và 1 lượt đang chờ phía sau: {follower[:8]}" in no.stderr

    yes = runner.invoke(app, words, input="y\n")
    assert yes.exit_code == 0
    assert night.states("H01-2") == ["abandoned", "abandoned"]
    assert "Đã từ bỏ cùng 1 lượt phía sau" in yes.stdout


def test_a_chain_is_abandoned_by_machines(night: Shift) -> None:
    head, follower = night.ids("H01-2")

    told = answer(night.folder, "abandon", head, "--followers", "--yes", "--why", "đơn vị rút hồ sơ")

    assert (told["abandoned"], told["followers"], told["next_id"]) == ([head, follower], 0, "")
    assert night.states("H01-2") == ["abandoned", "abandoned"]


def test_what_may_have_arrived_is_not_abandoned_with_its_followers(night: Shift) -> None:
    night.faults["H01-4"] = "garble"
    night.send(5, "H01-4")
    night.send(6, "H01-4")

    said = run(night.folder, "abandon", night.ids("H01-4")[0], "--followers", "--yes", "--why", "x")

    assert said.exit_code == 1
    assert "không thể abandon; có thể: settle --arrived, settle --not-arrived" in said.stderr
    assert night.states("H01-4") == ["in_doubt", "held"]


def test_an_in_doubt_delivery_is_asked_about_but_not_released(night: Shift) -> None:
    night.faults["H01-4"] = "garble"
    night.send(5, "H01-4")
    night.faults.clear()
    (doubtful,) = night.ids("H01-4")

    assert "không thể release" in refused(night.folder, "release", doubtful, "--why", "gấp")
    answer(night.folder, "ask", doubtful, "--why", "gấp")
    carry(night)

    assert night.states("H01-4") == ["delivered"]


def test_pause_and_resume(night: Shift) -> None:
    assert answer(night.folder, "pause", PARTNER, "--why", "bảo trì") == {"endpoint": PARTNER, "paused": True}
    night.send(7, "H01-7")
    assert night.partner.marks("H01-7") == []

    assert answer(night.folder, "resume", PARTNER, "--why", "xong") == {"endpoint": PARTNER, "paused": False}
    carry(night)
    assert night.partner.marks("H01-7") == ["#7"]


@pytest.mark.parametrize("verb", ["release", "rebuild", "abandon", "ask", "pause", "resume"])
def test_no_verb_goes_without_a_reason(night: Shift, verb: str) -> None:
    given = PARTNER if verb in ("pause", "resume") else night.ids("H01-3")[0]

    assert "--why" in refused(night.folder, verb, given)


def test_a_partner_that_has_no_catalogue_to_read_is_said_so(night: Shift) -> None:
    assert SENDER in refused(night.folder, "procedures", "pull", SENDER, "--why", "x")
    assert "--why" in refused(night.folder, "procedures", "plan", PARTNER)


# --- evidence --------------------------------------------------------------------------------------------------------


#: The command line goes by the machine's clock, in any year.
LASTING = Party("Lasting authority", ca=True, days=(-1, 36_500))
SEALER = Party("Sealer", LASTING, days=(-1, 36_500))


@pytest.fixture(scope="module")
def sealing(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shift]:
    """A hub that has a signer, and a message with what became of it."""
    folder = tmp_path_factory.mktemp("sealing")
    SEALER.write(folder)
    signer = '[signers.default]\nkey = "file:key.pem"\ncertificate = "file:certificate.pem"\n'
    with shift(folder, hub=signer) as opened:
        opened.send(1)
        yield opened


def test_exported_evidence_is_verified_without_the_hub_and_tampering_is_noticed(sealing: Shift, tmp_path: Path) -> None:
    told = answer(sealing.folder, "evidence", "export", "H01-1", "--why", "thanh tra", "--out", str(tmp_path / "e.asice"))
    path = Path(told["file"])

    found = answer(tmp_path / "no such folder", "evidence", "verify", str(path))
    assert found["holds"]
    assert (found["name"], found["sealed_by"]) == ("H01-1", "CN=Sealer")
    assert {"evidence.json", "report.html", "verify.sh"} <= set(told["files"])
    octets = bytearray(path.read_bytes())
    octets[len(octets) // 2] ^= 1
    path.write_bytes(octets)
    result = run(tmp_path, "evidence", "verify", str(path))
    assert (result.exit_code, "FAILED" in result.stdout or "SAI" in result.stdout) == (1, True)


def test_evidence_is_for_its_owner_alone_and_never_overwritten(sealing: Shift, tmp_path: Path) -> None:
    words = ("evidence", "export", "H01-1", "--why", "thanh tra", "--out", str(tmp_path / "e.asice"))
    path = Path(answer(sealing.folder, *words)["file"])

    assert path.stat().st_mode & 0o077 == 0
    assert str(path) in refused(sealing.folder, *words)
    assert [each.name for each in tmp_path.iterdir()] == ["e.asice"]


def test_evidence_without_personal_data_says_so(sealing: Shift, tmp_path: Path) -> None:
    words = ("evidence", "export", "H01-1", "--why", "thanh tra", "--without-personal-data", "--out", str(tmp_path / "e.asice"))
    told = answer(sealing.folder, *words)

    assert (told["personal_data"], {each["why"] for each in told["left_out"]}) == (False, {"personal_data"})
    assert answer(tmp_path, "evidence", "verify", told["file"])["personal_data"] is False


def test_whom_the_reader_trusts_decides(sealing: Shift, tmp_path: Path) -> None:
    path = answer(sealing.folder, "evidence", "export", "H01-1", "--why", "thanh tra", "--out", str(tmp_path / "e.asice"))["file"]
    good, bad = tmp_path / "good.pem", tmp_path / "bad.pem"
    good.write_bytes(LASTING.certificate.public_bytes(Encoding.PEM))
    bad.write_bytes(OTHER_AUTHORITY.certificate.public_bytes(Encoding.PEM))

    assert answer(tmp_path, "evidence", "verify", path, "--anchors", str(good))["holds"]
    assert run(tmp_path, "evidence", "verify", path, "--anchors", str(bad)).exit_code == 1


def test_without_a_signer_no_evidence_is_sealed(night: Shift, tmp_path: Path) -> None:
    words = ("evidence", "export", "H01-1", "--why", "thanh tra", "--out", str(tmp_path / "e.asice"))
    assert "[signers.default]" in refused(night.folder, *words)
    assert list(tmp_path.glob("*e.asice*")) == []


# --- reading words ---------------------------------------------------------------------------------------------------

NOW = datetime(2026, 3, 2, 2, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ("30m", NOW - timedelta(minutes=30)),
        ("2h", NOW - timedelta(hours=2)),
        ("7d", NOW - timedelta(days=7)),
        ("2026-03-02", datetime(2026, 3, 1, 17, 0, tzinfo=UTC)),
        ("2026-03-02 08:30", datetime(2026, 3, 2, 1, 30, tzinfo=UTC)),
        ("2026-03-02T01:30:00+00:00", datetime(2026, 3, 2, 1, 30, tzinfo=UTC)),
    ],
)
def test_a_moment_is_ago_or_vietnamese_time(given: str, expected: datetime) -> None:
    assert frame.since(given, now=NOW) == expected.timestamp()


@pytest.mark.parametrize("given", ["yesterday", "2h30", "-1d", "2026-13-01", "9999999d", "999999d"])
def test_what_is_no_moment_is_refused(given: str) -> None:
    with pytest.raises(NotAllowed):
        frame.since(given, now=NOW)
