"""The watcher on a whole hub: what stands still is told by e-mail and webhook, threads end when told, kill -9 loses nothing."""

from __future__ import annotations

import hashlib
import hmac
import json
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import insert, select, update
from typer.testing import CliRunner, Result

from hub import alerting, operations
from hub.alert_book import alert_book
from hub.alerting import Alerting
from hub.app import Hub
from hub.edge.acts.act import perform
from hub.edge.acts.everything import ACTS
from hub.edge.cli import app
from hub.edge.heartbeat import Heartbeat
from hub.edge.telling import telling
from hub.edge.watcher import Watcher
from hub.errors import BadSettings, Forbidden, InDoubt, NotAllowed, NotSent, Refused
from hub.ledger.tables import deliveries, endpoint_states, plans
from hub.ledger.working_tables import plan_runs, plan_summaries, processes
from hub.registers import failures
from hub.registers import processes as process_register
from hub.rules.alerts import Letter, What
from hub.rules.lifecycle import State
from hub.rules.people import Person, Role
from hub.simulation import Call, Said, SimulatorServer
from tests.support import dying_watcher
from tests.support import hub as hubs
from tests.support.alert_world import World
from tests.support.clock import START, Clock
from tests.support.engines import ENGINES, ledger_on
from tests.support.hub import PARTNER
from tests.support.mail_server import MailServer
from tests.support.night_shift import Shift, shift

runner = CliRunner()
KEY = b"0123456789abcdef0123456789abcdef"
WHO = {"actor": "lan", "why": "ca đêm"}
#: Before, in and after the commit of a look; before and after a recipient is told; before, in and after the commit of that.
TOUCHES = 8


@dataclass
class Hook:
    """A webhook that keeps what it was given."""

    calls: list[Call] = field(default_factory=list)
    #: Statuses of the next answers.
    answers: list[int] = field(default_factory=list)

    def handle(self, call: Call) -> Said:
        self.calls.append(call)
        return Said(b"", status=self.answers.pop(0) if self.answers else 204)

    def trees(self) -> list[dict[str, Any]]:
        return [json.loads(call.body) for call in self.calls]


@dataclass
class Night:
    """A hub whose alerts go to a mail server and a webhook."""

    shift: Shift
    mail: MailServer
    hook: Hook

    def watch(self, seconds: float = 0.0) -> alerting.Round:
        """Let time pass, and a watcher look once."""
        self.shift.clock.advance(seconds)
        with telling(self.shift.hub) as tell:
            return alerting.watch(Alerting(hub=self.shift.hub, tell=tell))

    def subjects(self) -> list[str]:
        return [str(each["Subject"]) for each in self.mail.messages()]


def tables(mail_port: int, hook_url: str) -> str:
    """Write the tables of alerts."""
    return f"""
[alerts.mail]
host = "127.0.0.1"
port = {mail_port}
security = "none"
sender = "truc@example.org"
[[alerts.to]]
name = "truc_ban"
email = "truc.ban@example.org"
[[alerts.to]]
name = "phan_mem"
webhook = "{hook_url}/bao/bi-mat"
key = "file:keys/hook"
"""


@pytest.fixture
def night(tmp_path: Path) -> Iterator[Night]:
    hook = Hook()
    with ExitStack() as stack:
        mail = stack.enter_context(MailServer())
        server = stack.enter_context(SimulatorServer("hook", hook.handle))
        (tmp_path / "keys").mkdir()
        (tmp_path / "keys" / "hook").write_bytes(KEY + b"\n")
        opened = stack.enter_context(shift(tmp_path, hub=tables(mail.port, server.url)))
        yield Night(opened, mail, hook)


def refused(night: Night, number: int = 1) -> str:
    """Let the partner refuse a dossier; give its delivery."""
    night.shift.faults[f"H01-{number}"] = "refuse"
    night.shift.send(number, f"H01-{number}")
    return night.shift.ids(f"H01-{number}")[0]


# --- from the ledger to the recipients


def test_a_failure_group_is_told_by_mail_and_webhook_and_so_is_its_end_in_the_same_thread(night: Night) -> None:
    delivery = refused(night)
    night.watch()
    operations.abandon(night.shift.hub, delivery, **WHO)
    night.watch(15)
    night.watch(330)

    opened, over = night.mail.messages()
    with night.shift.hub.ledger.read() as conn:
        assert failures.failures(conn).parked == ()
    assert "Bộ thử nghiệm (bo)" in opened.get_payload(decode=True).decode()  # type: ignore[union-attr]
    assert over["In-Reply-To"] == opened["Message-ID"]
    assert [tree["events"][0]["what"] for tree in night.hook.trees()] == ["opened", "over"]
    assert night.hook.trees()[0]["events"][0]["kind"] == "failures"


def test_nothing_of_a_person_is_told(night: Night) -> None:
    refused(night)
    night.watch()
    told = night.mail.messages()[0].get_payload(decode=True).decode() + night.hook.calls[0].body.decode()  # type: ignore[union-attr]

    assert "Nguyễn" not in told
    assert "H01-1" not in told


def test_a_call_is_signed_over_its_moment_and_body(night: Night) -> None:
    refused(night)
    night.watch()
    (call,) = night.hook.calls
    at = call.headers["x-lienthong-timestamp"]

    assert int(at) == int(night.shift.hub.now())
    expected = hmac.new(KEY, at.encode() + b"." + call.body, hashlib.sha256).hexdigest()
    assert call.headers["x-lienthong-signature"] == f"sha256={expected}"
    assert call.headers["idempotency-key"] == json.loads(call.body)["id"]


@pytest.mark.parametrize(("status", "same"), [(500, True), (502, True), (400, False), (503, False), (302, False)])
def test_a_webhook_that_may_have_it_is_called_again_with_the_same_and_one_that_has_not_with_a_new_one(
    night: Night, status: int, same: bool
) -> None:
    refused(night)
    night.hook.answers.append(status)
    night.watch()
    night.watch(400)
    first, second = night.hook.trees()

    assert (first["id"] == second["id"]) is same
    assert [each["what"] for each in second["events"]] == ["opened"]


def test_a_mail_server_that_is_down_holds_nobody_else_up_and_shows(night: Night) -> None:
    refused(night)
    night.mail.answers["connect"] = "421 later"
    night.watch()
    assert (len(night.mail.taken), len(night.hook.calls)) == (0, 1)
    for _ in range(5):
        night.watch(240)

    told = [event for tree in night.hook.trees() for event in tree["events"]]
    assert [each["about"] for each in told if each["kind"] == "not_told"] == ["truc_ban"]
    night.mail.answers.clear()
    night.watch(3600)
    assert "cảnh báo mới: 2" in night.subjects()[0]
    assert "truc.ban" not in json.dumps(night.hook.trees())


def test_the_secret_in_a_webhooks_address_is_in_no_error(night: Night) -> None:
    recipient = next(each for each in night.shift.hub.alerts.recipients if each.url)
    gone = replace(recipient, url="http://127.0.0.1:9/bi-mat")
    letter = Letter(id="1", recipient=gone.name, made_at=0.0, test=True)
    with telling(night.shift.hub) as tell, pytest.raises(NotSent) as told:
        tell(gone, letter)
    night.hook.answers += [404, 500]
    with telling(night.shift.hub) as tell, pytest.raises(Refused) as no:
        tell(recipient, letter)
    with telling(night.shift.hub) as tell, pytest.raises(InDoubt) as unknown:
        tell(recipient, letter)

    for each in (told.value, no.value, unknown.value):
        assert "bi-mat" not in each.en + each.vi + each.where + repr(recipient)


# --- what is seen


@pytest.fixture(params=ENGINES)
def world(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[World]:
    """A hub whose partner cannot be reached."""
    with ledger_on(request.param) as url:
        opened = World.open(tmp_path, url)
        yield opened
        opened.close()


def watch(world: World, seconds: float = 0.0) -> dict[tuple[str, str], str]:
    """Let time pass and a watcher look; give what is open: (kind, about) -> state. Nobody seals here: that is left out."""
    world.clock.advance(seconds)
    alerting.watch(Alerting(hub=world.hub, tell=world.tell))
    return {(each.kind, each.about): each.state for each in world.rows() if each.kind != "seal_late"}


def test_a_partner_that_is_down_late_and_back_is_one_alert(world: World) -> None:
    for number in range(5):
        hubs.send(world.hub, number, f"H01-{number}")
    hubs.carry_all(world.hub)
    assert watch(world) == {("partner_down", PARTNER): "pending"}
    assert watch(world, 301) == {("partner_down", PARTNER): "open"}
    assert watch(world, 3600) == {("partner_down", PARTNER): "open"}
    assert world.told()[0] == ("opened", PARTNER)

    operations.resume(world.hub, PARTNER, **WHO)
    found = watch(world, 60)

    assert found[("partner_down", PARTNER)] == "clearing"
    assert found[("oldest_due", PARTNER)] == "open"


def test_the_same_identifier_with_other_content_is_an_alert_for_an_hour(world: World) -> None:
    """A message that comes again as it was is no conflict, and one that was refused for another cause is none."""
    hubs.send(world.hub, 1)
    hubs.send(world.hub, 1)
    operations.pause(world.hub, PARTNER, **WHO)
    assert ("conflict", hubs.SENDER) not in watch(world, 1)
    tree = json.loads(hubs.document(1))["hoSo"]
    tree["nguoiNop"] = {"hoTen": "Trần Thử Nghiệm"}
    hubs.send(world.hub, 1, hoSo=tree)

    assert watch(world, 1)[("conflict", hubs.SENDER)] == "open"
    assert world.row(hubs.SENDER).endpoints == (hubs.SENDER,)
    assert watch(world, 3601)[("conflict", hubs.SENDER)] == "clearing"


def test_what_is_parked_has_the_name_of_its_group(world: World) -> None:
    tree = json.loads(hubs.document(1))["hoSo"]
    tree["thuTuc"]["ma"] = "9.999999"
    hubs.send(world.hub, 1, hoSo=tree)
    hubs.carry_all(world.hub)
    found = watch(world)

    with world.hub.ledger.read() as conn:
        (group,) = failures.failures(conn).parked
    assert found == {("failures", group.cause.group): "open"}
    assert world.row(group.cause.group).endpoints == (PARTNER,)


def test_what_waits_on_purpose_is_no_alert(world: World) -> None:
    hubs.send(world.hub, 1)
    with world.hub.ledger.apart() as conn:
        conn.execute(update(deliveries).values(state=State.PARKED.value, error_code="trial"))

    assert watch(world) == {}


def test_doubts_are_counted_for_each_partner_when_they_are_old_enough(world: World) -> None:
    for number in range(12):
        hubs.send(world.hub, number, f"H01-{number}")
    with world.hub.ledger.apart() as conn:
        conn.execute(update(deliveries).values(state=State.IN_DOUBT.value, updated_at=world.hub.now()))
    assert watch(world) == {}
    assert watch(world, 901) == {("in_doubt", PARTNER): "open"}

    assert world.row(PARTNER).level == 2


def test_the_journal_without_seal_is_an_alert(world: World) -> None:
    hubs.send(world.hub, 1)
    watch(world, 60)
    assert "seal_late" not in {each.kind for each in world.rows()}
    watch(world, 900)

    assert world.row("ledger").kind == "seal_late"


def test_a_plan_that_stopped_by_itself_is_an_alert_until_somebody_takes_it_up(world: World) -> None:
    now = world.hub.now()
    with world.hub.ledger.apart() as conn:
        conn.execute(insert(plans).values(id="p" * 8, verb="release", actor="an", why="x", chosen_by="{}", created_at=now))
        summary = {"goes": 1, "follows": 0, "skipped": "{}", "more": False, "endpoints": f'["{PARTNER}"]', "estimate": "{}"}
        conn.execute(insert(plan_summaries).values(plan_id="p" * 8, **summary))
        values = {name: 0 for name, column in plan_runs.c.items() if str(column.type) in ("INTEGER", "DOUBLE")}
        texts = {"actor": "an", "changed_by": "hub", "why": "", "steps": "[]", "holder": ""}
        stopped = {"state": "stopped", "watched": True, "stop_vi": "1 lượt lỗi", "stop_en": "1 failed"}
        its = {"plan_id": "p" * 8, "started_at": now, "changed_at": now}
        conn.execute(insert(plan_runs).values(**{**values, **texts, **stopped, **its}))
    assert watch(world) == {("plan_stopped", "p" * 8): "open"}
    assert world.row("p" * 8).endpoints == (PARTNER,)
    with world.hub.ledger.apart() as conn:
        conn.execute(update(plan_runs).values(state="running"))

    assert watch(world, 15) == {("plan_stopped", "p" * 8): "clearing"}


def test_processes_that_fall_silent_and_disks_that_fill_are_alerts(world: World, tmp_path: Path) -> None:
    stopped = Heartbeat(world.hub, ["poll"], tmp_path, name="here:1")
    stopped.beat()
    stopped._thread = threading.Thread(target=lambda: None)
    stopped.start()
    stopped.stop()
    for name, role in (("here:2", "work"), ("here:3", "work"), ("here:4", "dispatch")):
        Heartbeat(world.hub, [role], tmp_path / "not" / "there" / "yet", name=name).beat()
    assert watch(world) == {}
    world.clock.advance(240)
    Heartbeat(world.hub, ["work"], tmp_path, name="here:3").beat()
    found = watch(world, 120)
    host = next(each.about for each in world.rows() if each.kind == "process_silent").partition("@")[2]

    assert found == {("process_silent", f"dispatch@{host}"): "open"}
    with world.hub.ledger.apart() as conn:
        conn.execute(update(processes).where(processes.c.id == "here:3").values(free_bytes=1_000_000))
    assert ("disk_low", host) in watch(world)
    with world.hub.ledger.read() as conn:
        listed = process_register.processes(conn, world.hub.now())
    assert {each.id: (each.roles, each.silent) for each in listed} == {
        "here:1": (("poll",), False),
        "here:2": (("work",), True),
        "here:3": (("work",), False),
        "here:4": (("dispatch",), True),
    }


def test_processes_are_forgotten(world: World, tmp_path: Path) -> None:
    Heartbeat(world.hub, ["work"], tmp_path, name="here:1").beat()
    world.clock.advance(8 * 86_400)
    Heartbeat(world.hub, ["work"], tmp_path, name="here:2").beat()

    with world.hub.ledger.read() as conn:
        assert list(conn.execute(select(processes.c.id)).scalars()) == ["here:2"]


def test_outside_of_a_partners_hours_what_is_late_stays_open(tmp_path: Path) -> None:
    with shift(tmp_path, more='open_hours = ["mon-fri 07:00-17:00"]\n') as opened:
        world = World(opened.hub, opened.clock)
        world.hub = replace(world.hub, alerts=replace(world.hub.alerts, recipients=()))
        hubs.send(world.hub, 1)
        assert watch(world, 1900) == {("oldest_due", PARTNER): "open"}

        assert watch(world, 9 * 3600)[("oldest_due", PARTNER)] == "open"


def test_certificates_of_the_settings_are_watched(night: Night) -> None:
    hub = night.shift.hub
    assert hub.certificates == ()
    from hub.inventory import SIGNING
    from hub.rules.expiry import InUse

    ends = hub.clock() + timedelta(days=6)
    use = InUse(place="signers.default", use=SIGNING, certificate=None, ends=ends, endpoints=(PARTNER,))  # type: ignore[arg-type]
    found = alerting.look(replace(hub, certificates=(use, replace(use, place="next", followed=True))), hub.now())

    assert [(each.place, each.endpoints) for each in found.certificates] == [("signers.default", (PARTNER,))]


# --- threads


def test_the_thread_looks_and_stops_when_told(night: Night) -> None:
    refused(night)
    with telling(night.shift.hub) as tell:
        watchers = [Watcher(Alerting(hub=night.shift.hub, tell=tell)) for _ in range(2)]
        came = threading.Event()
        for each in watchers:
            usual = each.round

            def round_and_tell(usual=usual) -> None:  # type: ignore[no-untyped-def]
                usual()
                if night.mail.taken and night.hook.calls:
                    came.set()

            each.round = round_and_tell  # type: ignore[method-assign]
            each.start()
        assert came.wait(60)
        assert all(each.alive() for each in watchers)
        for each in watchers:
            each.stop()

    assert not any(each.alive() for each in watchers)
    assert (len(night.mail.taken), len(night.hook.calls)) == (1, 1)


def test_a_look_that_fails_is_only_logged(night: Night, capsys: pytest.CaptureFixture[str]) -> None:
    with telling(night.shift.hub) as tell:
        watcher = Watcher(Alerting(hub=replace(night.shift.hub, endpoints=None), tell=tell))  # type: ignore[arg-type]
        watcher.round()

    assert "watcher.bug" in capsys.readouterr().out


# --- kill -9


@pytest.mark.slow
@pytest.mark.parametrize("engine", ENGINES)
def test_wherever_a_watcher_is_killed_the_next_one_tells_each_alert_and_its_end_once(engine: str, tmp_path: Path) -> None:
    with ledger_on(engine) as url, ExitStack() as stack:
        clock = Clock()
        hub = hubs.open_hub(hubs.configure(tmp_path, ledger=url), clock)
        stack.callback(hubs.close, hub)
        nursery = stack.enter_context(dying_watcher.Nursery(tmp_path))
        assert nursery.run(clock(), "p0", 0) == TOUCHES
        for last in range(1, TOUCHES + 1):
            _finish(hub, tmp_path, clock)
            clock.advance(86_400)
            assert nursery.run(clock(), f"p{last}", last) is None
        _finish(hub, tmp_path, clock)

        came = dying_watcher.inbox(tmp_path)
        told = [what for words in dict(came).values() for what in words.split(" ")]
        for number in range(TOUCHES + 1):
            # Who died before its first commit left nothing behind; what it saw ended before anybody else looked.
            known = 0 if number in (1, 2) else 1
            opened, passed = told.count(f"opened:p{number}"), told.count(f"passed:p{number}")
            assert opened + passed == known, number
            assert told.count(f"over:p{number}") == opened, number
        copies = Counter(letter for letter, _ in came)
        assert max(copies.values()) == 2


def _finish(hub: Hub, folder: Path, clock: Clock) -> None:
    """Let another watcher look until everything is over, and everybody knows."""
    world = World(replace(hub, alerts=dying_watcher.ONE), clock)
    parts = Alerting(hub=world.hub, tell=dying_watcher.teller(folder))
    for _ in range(200):
        alerting.carry_out(parts, world.seen())
        if not (world.rows() or world.open_letters() or world.untold()):
            return
        clock.advance(600)
    raise AssertionError("it never ends")


# --- verbs: acts


def person(*roles: Role, scope: frozenset[str] | None = None) -> Person:
    return Person(login="lan", roles=frozenset(roles), scope=scope)


def ask(night: Night, who: Person, verb: str, **given: Any) -> Any:
    act = ACTS[verb]
    return perform(night.shift.hub, who, act, act.asked(**given))


def test_alerts_are_shown_with_who_was_told(night: Night) -> None:
    refused(night)
    night.watch()
    found = ask(night, person(Role.VIEWER), "alert show")

    (alert,) = found.alerts
    assert (alert.kind, alert.state, alert.severity) == ("failures", "open", "warning")
    assert [(row.recipient, row.level) for row in alert.told] == [("phan_mem", 1), ("truc_ban", 1)]
    assert [(row.name, row.how) for row in found.recipients] == [("truc_ban", "email"), ("phan_mem", "webhook")]
    assert [row.failures for row in found.recipients] == [0, 0]
    assert found.silent
    assert ask(night, person(Role.VIEWER), "alert show", alert=alert.id[:8]).alerts == (alert,)


def test_a_scope_bounds_what_is_seen_and_muted(night: Night) -> None:
    refused(night)
    night.watch(4000)
    everything = ask(night, person(Role.OPERATOR), "alert show").alerts
    assert {each.kind for each in everything} == {"failures", "seal_late"}
    ids = {each.kind: each.id for each in everything}
    here, elsewhere = (person(Role.OPERATOR, scope=frozenset({name})) for name in (PARTNER, "another"))

    assert [each.kind for each in ask(night, here, "alert show").alerts] == ["failures"]
    assert ask(night, elsewhere, "alert show").alerts == ()
    assert ask(night, here, "alert show").recipients == ()
    for who, kind in ((elsewhere, "failures"), (here, "seal_late"), (elsewhere, "seal_late")):
        with pytest.raises(Forbidden):
            ask(night, who, "alert mute", alert=ids[kind], why="x")
        with pytest.raises(Forbidden):
            ask(night, who, "alert show", alert=ids[kind])
    assert ask(night, here, "alert mute", alert=ids["failures"], why="đang xử lý").muted.actor == "lan"
    with pytest.raises(Forbidden):
        ask(night, person(Role.ADMINISTRATOR, scope=frozenset({PARTNER})), "alert test", why="x")


def test_what_is_not_there_or_over_cannot_be_muted(night: Night) -> None:
    delivery = refused(night)
    night.watch()
    (alert,) = ask(night, person(Role.OPERATOR), "alert show").alerts
    with pytest.raises(NotAllowed):
        ask(night, person(Role.OPERATOR), "alert mute", alert="not-there", why="x")
    operations.abandon(night.shift.hub, delivery, **WHO)
    night.watch(15)
    night.watch(330)

    with pytest.raises(NotAllowed):
        ask(night, person(Role.OPERATOR), "alert mute", alert=alert.id, why="x")
    assert ask(night, person(Role.VIEWER), "alert show").alerts == ()
    assert [each.id for each in ask(night, person(Role.VIEWER), "alert show", over=True).alerts] == [alert.id]


def test_a_test_message_says_what_became_of_it_and_a_fine_one_lets_what_waits_go(night: Night) -> None:
    refused(night)
    night.mail.answers["rcpt"] = "550 unknown"
    night.watch()
    failed, fine = ask(night, person(Role.ADMINISTRATOR), "alert test", why="kiểm tra")
    assert (failed.sent, failed.error_code, fine.sent) == (False, "refused", True)
    night.mail.answers.clear()
    (again,) = ask(night, person(Role.ADMINISTRATOR), "alert test", recipient="truc_ban", why="kiểm tra")
    night.watch(1)

    assert again.sent
    assert [subject.split("]")[1][:8] for subject in night.subjects()] == [" Tin thử", " Cảnh bá"]
    assert night.hook.trees()[-1]["test"] is True
    with pytest.raises(NotAllowed):
        ask(night, person(Role.ADMINISTRATOR), "alert test", recipient="nobody", why="x")


# --- verbs: command line


def run(night: Night, *words: str) -> Result:
    return runner.invoke(app, ["--config", str(night.shift.folder), *words])


def answer(night: Night, *words: str) -> Any:
    result = run(night, *words, "--json")
    assert (result.exit_code, result.stderr) == (0, ""), result.output
    return json.loads(result.stdout)


def test_the_command_line_shows_mutes_and_tests(night: Night, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LIENTHONG_LANG", "en")
    refused(night)
    night.watch()
    (alert,) = answer(night, "alert", "show")["alerts"]
    assert alert["told"][0]["recipient"] == "phan_mem"
    assert "Failure group" in run(night, "alert", "show").stdout
    assert "truc_ban:" in run(night, "alert", "show", alert["id"][:8]).stdout

    muted = answer(night, "alert", "mute", alert["id"][:8], "--hours", "2", "--why", "đang xử lý")
    assert muted["muted"]["why"] == "đang xử lý"
    assert run(night, "alert", "mute", alert["id"], "--hours", "2").exit_code == 1
    tested = answer(night, "alert", "test", "--why", "thử")
    assert [each["sent"] for each in tested["tested"]] == [True, True]
    night.mail.answers["connect"] = "554 no"
    result = run(night, "alert", "test", "truc_ban", "--why", "thử")

    assert result.exit_code == 1
    assert "FAILED" in result.stdout


def check(folder: Path) -> dict[str, str]:
    result = runner.invoke(app, ["--config", str(folder), "check", "--no-reach", "--json"])
    return {each["where"]: each["level"] for each in json.loads(result.stdout)["findings"]}


def test_check_says_what_is_wrong_with_alerts(night: Night) -> None:
    folder = night.shift.folder
    assert check(folder)["hub.toml [alerts]"] == "ok"
    assert check(folder)["hub.toml [[alerts.to]] phan_mem"] == "warning"
    assert check(folder)["hub.toml [alerts.mail] security"] == "warning"
    text = (folder / "hub.toml").read_text(encoding="utf-8")
    rule = '[[alerts.rule]]\nname = "x"\nkind = "oldest_due"\nendpoints = ["boo"]\nafter_minutes = 5\n'
    (folder / "hub.toml").write_text(text + rule, encoding="utf-8")
    assert check(folder)["hub.toml [[alerts.rule]] x endpoints"] == "warning"
    (folder / "keys" / "hook").unlink()

    assert any(level == "error" and "phan_mem key" in where for where, level in check(folder).items())


WRONG = {
    "nobody of this name": '[[alerts.rule]]\nname = "x"\nkind = "failures"\nto = ["ai_do"]\n',
    "twice": '[[alerts.to]]\nname = "truc_ban"\nemail = "a@example.org"\n',
    "no way": '[[alerts.to]]\nname = "b"\n',
    "two ways": '[[alerts.to]]\nname = "b"\nemail = "a@example.org"\nwebhook = "https://example.org"\n',
    "no such kind": '[[alerts.rule]]\nname = "x"\nkind = "full_moon"\n',
    "a key without effect": '[[alerts.rule]]\nname = "x"\nkind = "failures"\nafter_minutes = 3\n',
    "days of something else": '[[alerts.rule]]\nname = "x"\nkind = "disk_low"\ndays = [3]\n',
    "no hours": '[[alerts.to]]\nname = "b"\nemail = "a@example.org"\nquiet = ["22-6"]\n',
    "no address": '[[alerts.to]]\nname = "b"\nemail = "a@example.org>\\nRCPT TO:<b"\n',
    "short key": '[[alerts.to]]\nname = "b"\nwebhook = "https://example.org"\nkey = "file:short"\n',
    "no http": '[[alerts.to]]\nname = "b"\nwebhook = "file:short"\n',
}


@pytest.mark.parametrize("name", WRONG)
def test_tables_that_could_not_work_are_refused(night: Night, name: str) -> None:
    from hub import bootstrap

    folder = night.shift.folder
    (folder / "short").write_text("short")
    text = (folder / "hub.toml").read_text(encoding="utf-8")
    (folder / "hub.toml").write_text(text + WRONG[name], encoding="utf-8")

    with pytest.raises(BadSettings):
        alert_book(bootstrap.load_settings(folder))


def test_a_password_in_the_clear_is_refused(tmp_path: Path) -> None:
    from hub import bootstrap

    hubs.configure(tmp_path)
    with (tmp_path / "hub.toml").open("a", encoding="utf-8") as file:
        file.write(
            '[alerts.mail]\nhost = "h"\nsender = "a@example.org"\nuser = "u"\npassword = "env:X"\nsecurity = "none"\n'
        )

    with pytest.raises(BadSettings, match="password"):
        bootstrap.load_settings(tmp_path)


def test_settings_become_rules_and_recipients(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from hub import bootstrap

    monkeypatch.setenv("HOOK", "https://example.org/hook")
    hubs.configure(tmp_path)
    with (tmp_path / "hub.toml").open("a", encoding="utf-8") as file:
        file.write(
            "[seals]\nevery_seconds = 600\n[alerts]\nclear_minutes = 10\n"
            '[[alerts.rule]]\nname = "som"\nkind = "certificate"\ndays = [7, 90]\nseverity = "critical"\nto = ["a"]\n'
            '[[alerts.rule]]\nname = "khong"\nkind = "failures"\nendpoints = ["bo"]\nseverity = "off"\n'
            '[[alerts.to]]\nname = "a"\nwebhook = "env:HOOK"\nquiet = ["mon-sun 22:00-06:00"]\ngap_minutes = 10\n'
        )
    book = alert_book(bootstrap.load_settings(tmp_path))
    (to,) = book.recipients

    assert book.rule("certificate").steps == (90, 7)  # type: ignore[union-attr]
    assert book.told_by("som") == ("a",)
    assert book.rule("failures", ("bo",)) is None
    assert book.rule("failures", ("so",)).name == "failures"  # type: ignore[union-attr]
    assert book.rule("seal_late").after_seconds == 1500  # type: ignore[union-attr]
    assert (to.url, to.how, to.gap_seconds) == ("https://example.org/hook", "webhook", 600)
    assert to.is_quiet(datetime(2026, 3, 2, 16, 0, tzinfo=UTC).timestamp())
    assert not to.is_quiet(START.timestamp())


def test_what_recipients_are_told_has_words(night: Night) -> None:
    from hub.rules.alert_kinds import SEVERITIES, STATES, WHATS
    from hub.rules.alerts import Severity

    assert set(WHATS) == {each.value for each in What}
    assert set(SEVERITIES) == {each.value for each in Severity}
    assert set(STATES) == {"pending", "open", "clearing", "over"}


def test_open_alerts_are_in_the_metrics(night: Night) -> None:
    from hub.registers import alerts as register

    refused(night)
    night.watch()
    with night.shift.hub.ledger.read() as conn:
        assert register.by_severity(conn) == {"notice": 0, "warning": 1, "critical": 0}
        assert register.open_count(conn, frozenset({PARTNER}), night.shift.hub.now())["warning"] == 1
        assert register.open_count(conn, frozenset({"another"}), night.shift.hub.now())["warning"] == 0


def test_the_breaker_of_a_paused_partner_is_nobodys_alert(world: World) -> None:
    with world.hub.ledger.apart() as conn:
        values = {"why": "", "actor": "", "failures": 9, "open_until": world.hub.now() + 999, "paced_until": 0.0}
        conn.execute(insert(endpoint_states).values(endpoint=PARTNER, paused=True, **values))

    assert watch(world) == {}
