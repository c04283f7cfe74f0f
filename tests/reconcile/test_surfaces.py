"""Command line, console and report: what a person does with a reconciliation from its beginning to the signed report."""

from __future__ import annotations

import base64
import hashlib
import io
import json
import re
import socket
import subprocess
import zipfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.serialization import Encoding
from openpyxl import load_workbook
from typer.testing import CliRunner

from hub import bootstrap
from hub.edge.cli import app
from hub.edge.console.server import make_console
from hub.edge.http.server import HttpServer
from hub.errors import BadSettings, NotAllowed
from hub.reconcile import report
from hub.registers import history
from hub.registers.reconciliations import Run, Scope
from hub.rules import asic
from hub.rules.signing import Ring
from tests.console.office import ELSEWHERE, Office, words
from tests.console.office import text as shown
from tests.support.hub import PARTNER
from tests.support.reconciled import House, house
from tests.support.signers import AUTHORITY, NOW, SIGNER

PERSON = "Nguyễn Thử Nghiệm"


@pytest.fixture
def at(tmp_path: Path) -> Iterator[House]:
    (tmp_path / "endpoints").mkdir()
    (tmp_path / "endpoints" / f"{ELSEWHERE}.toml").write_text('adapter = "template"\ntitle = "Nơi khác"\n[inbound]\n', "utf-8")
    with house(tmp_path) as made:
        yield made


def differing(at: House) -> Run:
    """Compare where one is lost, one is stale and one is extra."""
    for number in (1, 2, 3):
        at.send(number, f"H01-{number}", "TIEPNHAN")
        at.send(10 + number, f"H01-{number}", "XULY")
    at.lose("H01-1")
    at.put("H01-2", trangThai="TIEPNHAN")
    at.put("=H09-7", soHoSo="=H09-7", trangThai="XULY", thuTuc={"ma": "TT-01"})
    return at.compare()


# --- the report --------------------------------------------------------------------------------------------------


def test_the_workbook_has_every_finding_and_room_to_sign_and_names_nobody(at: House) -> None:
    run = differing(at)

    made = report.make(at.hub, run.id, "xlsx", actor="lan", why="gửi đối tác")

    book = load_workbook(io.BytesIO(made.body))
    rows = [[cell.value for cell in row] for row in book["Kết quả"].iter_rows()]
    assert rows[0] == list(report.COLUMNS)
    assert [row[1] for row in rows[1:]] == ["H01-1", "H01-2", "=H09-7"]
    assert book["Kết quả"]["B4"].data_type == "s", "a partner's text is no formula"
    assert rows[2][5:7] == ["4 Đang xử lý", "2 Được tiếp nhận"]
    assert "Chữ ký" in [cell.value for cell in book["Ký xác nhận"][1]]
    assert not any(PERSON in str(cell.value) for page in book for row in page.iter_rows() for cell in row)


def test_its_digest_stands_in_the_journal_before_it_leaves(at: House) -> None:
    run = differing(at)

    made = report.make(at.hub, run.id, "html", actor="lan", why="gửi đối tác")

    with at.hub.ledger.read() as conn:
        (row,) = [each for each in history.journal_of(conn, f"reconcile:{run.id}") if each.event == "reconcile.reported"]
    assert made.sha256 == hashlib.sha256(made.body).hexdigest()
    assert (row.actor, dict(row.entry)["sha256"]) == ("lan", made.sha256)


def test_the_page_says_what_cannot_be_compared_and_names_nobody(at: House) -> None:
    run = differing(at)

    page = report.make(at.hub, run.id, "html", actor="lan", why="in").body.decode()

    assert "tra cứu không cho biết: cơ quan, ngày tiếp nhận, ngày hẹn trả" in page
    assert "đã gửi, đối tác đã nhận nhưng nay không có" in page
    assert PERSON not in page


def test_the_file_for_machines_has_both_sides(at: House) -> None:
    run = differing(at)

    tree = json.loads(report.make(at.hub, run.id, "json", actor="lan", why="máy đọc").body)

    assert tree["run"]["id"] == run.id
    assert [each["code"] for each in tree["findings"]] == ["H01-1", "H01-2", "=H09-7"]
    assert tree["findings"][1]["fields"] == [{"name": "status", "ours": "4", "theirs": "2"}]


def unpacked(at: House, run: Run, folder: Path) -> Path:
    """Take the sealed report apart as anybody does: with unzip."""
    hub = replace(at.hub, signers={"default": Ring("default", (SIGNER.signer,))})
    made = report.make(hub, run.id, "asice", actor="lan", why="hai bên ký")
    assert made.sealed_by == SIGNER.certificate.subject.rfc4514_string()
    folder.mkdir()
    (folder / "report.asice").write_bytes(made.body)
    subprocess.run(["unzip", "-q", "report.asice", "-d", "opened"], cwd=folder, check=True)
    (folder / "authority.pem").write_bytes(AUTHORITY.certificate.public_bytes(Encoding.PEM))
    return folder / "opened"


def seal_holds(opened: Path) -> bool:
    """Verify the seal and each file that the manifest names, with openssl and sha256sum alone."""
    seal = ["openssl", "cms", "-verify", "-binary", "-inform", "DER", "-in", asic.SEAL, "-content", asic.MANIFEST]
    # The certificate is judged as of the day on which it was sealed.
    trust = ["-CAfile", "../authority.pem", "-purpose", "any", "-attime", str(int(NOW.timestamp())), "-out", "/dev/null"]
    if subprocess.run([*seal, *trust], cwd=opened, capture_output=True, check=False).returncode:
        return False
    manifest = (opened / asic.MANIFEST).read_text("utf-8")
    told = re.findall(r'DataObjectReference[^>]*URI="([^"]+)".*?DigestValue>([^<]+)<', manifest, re.DOTALL)
    assert len(told) == 3
    lines = "".join(f"{base64.b64decode(digest).hex()}  {name}\n" for name, digest in told)
    return subprocess.run(["sha256sum", "-c", "--quiet"], input=lines, text=True, cwd=opened, check=False).returncode == 0


def test_the_sealed_report_is_verified_by_public_tools_and_no_byte_of_it_can_be_another(at: House, tmp_path: Path) -> None:
    opened = unpacked(at, differing(at), tmp_path / "court")
    assert sorted(each.name for each in opened.glob("*")) == [
        "META-INF", "doi-chieu.html", "doi-chieu.json", "doi-chieu.xlsx", "mimetype"
    ]
    assert (opened / "mimetype").read_text() == asic.MIMETYPE
    tree = json.loads((opened / "doi-chieu.json").read_text("utf-8"))
    assert [each["code"] for each in tree["findings"]] == ["H01-1", "H01-2", "=H09-7"]
    page = (opened / "doi-chieu.html").read_text("utf-8")
    assert page.count("Chữ ký: ……") == 2, "a blank for each side"
    assert seal_holds(opened)

    for name in ("doi-chieu.html", "doi-chieu.json", "doi-chieu.xlsx", asic.MANIFEST, asic.SEAL):
        kept = (opened / name).read_bytes()
        (opened / name).write_bytes(kept[:-9] + bytes([kept[-9] ^ 1]) + kept[-8:])
        assert not seal_holds(opened), name
        (opened / name).write_bytes(kept)
    assert seal_holds(opened)


def test_a_report_that_nobody_can_seal_is_refused(at: House) -> None:
    run = differing(at)

    with pytest.raises(BadSettings):
        report.make(replace(at.hub, signers={}), run.id, "asice", actor="lan", why="hai bên ký")


def test_the_report_says_how_many_are_extra_and_where_nobody_looked(at: House) -> None:
    def extras(run: Run) -> tuple[str, str]:
        page = report.make(at.hub, run.id, "html", actor="lan", why="in").body.decode()
        vi, en = report.extras_in_words(run)
        assert f"<tr><th>Hồ sơ thừa ở đối tác</th><td>{vi}</td></tr>" in page
        return vi, en

    assert extras(differing(at)) == ("1", "1")
    assert extras(at.compare(Scope(sample=1)))[1].startswith("not looked for")


def test_a_form_that_there_is_not_is_refused(at: House) -> None:
    run = differing(at)

    with pytest.raises(NotAllowed):
        report.make(at.hub, run.id, "docx", actor="lan", why="x")


# --- the command line --------------------------------------------------------------------------------------------


def cli(at: House, *words: str, code: int = 0) -> str:
    found = CliRunner().invoke(app, ["--config", str(at.folder), *words])
    assert found.exit_code == code, found.output
    return found.output


def test_a_partner_is_compared_by_its_name_alone(at: House) -> None:
    at.send(1, "H01-1")
    at.lose("H01-1")

    told = json.loads(cli(at, "reconcile", PARTNER, "--why", "đối chiếu tuần", "--json"))

    assert (told["state"], told["findings"]) == ("done", 1)
    assert told["first_findings"][0]["cause"] == "lost"
    listed = json.loads(cli(at, "reconcile", "show", "--json"))
    assert [each["id"] for each in listed] == [told["id"]]


def test_what_was_found_is_shown_mended_and_reported(at: House, tmp_path: Path) -> None:
    run = differing(at)

    assert "H01-1" in cli(at, "reconcile", "show", run.id[:8], "--kind", "missing")
    mended = json.loads(cli(at, "reconcile", "mend", run.id, "--why", "đối tác làm mất", "--json"))
    assert (mended["made"], mended["rebuild"]) == (2, "")
    assert json.loads(cli(at, "replay", "show", mended["release"], "--json"))["goes"] == 2
    told = json.loads(cli(at, "reconcile", "report", run.id, "--out", str(tmp_path / "a.xlsx"), "--why", "ký", "--json"))
    assert hashlib.sha256((tmp_path / "a.xlsx").read_bytes()).hexdigest() == told["sha256"]
    cli(at, "reconcile", "report", run.id, "--out", str(tmp_path / "a.xlsx"), "--why", "ký", code=1)


def test_a_run_that_is_left_to_serve_can_be_stopped_and_resumed(at: House) -> None:
    at.send(1, "H01-1")
    begun = json.loads(cli(at, "reconcile", "run", PARTNER, "--no-wait", "--why", "đối chiếu", "--json"))

    assert json.loads(cli(at, "reconcile", "stop", begun["id"], "--why", "bận", "--json"))["state"] == "stopped"
    assert json.loads(cli(at, "reconcile", "resume", begun["id"], "--why", "rảnh", "--json"))["state"] == "done"


def test_without_a_reason_nothing_is_compared(at: House) -> None:
    assert "--why" in cli(at, "reconcile", PARTNER, code=1)


# --- the console -------------------------------------------------------------------------------------------------


@pytest.fixture
def office(at: House) -> Iterator[Office]:
    console = make_console(at.hub, bootstrap.load_settings(at.folder))
    with HttpServer(console, socket.create_server(("127.0.0.1", 0)), None, lambda _url: None) as server:
        yield Office(at, server.url)  # type: ignore[arg-type]


def test_the_page_leads_from_findings_to_the_plan(at: House, office: Office) -> None:
    run = differing(at)
    an = office.seat("an")

    page = an.page(f"/reconciliations/{run.id}")
    assert "đã gửi, đối tác đã nhận nhưng nay không có" in words(page)
    assert PERSON not in page
    some = an.page(f"/reconciliations/{run.id}", kind="missing", cause="lost")
    assert "H01-1" in words(some)
    assert "=H09-7" not in words(some)
    answer = an.post("/do/reconcile/mend", {"run": run.id, "why": "đối tác làm mất", "back": "/"})

    assert answer.status == 303
    assert re.fullmatch(r"/replays/[0-9a-f-]{36}", answer.location)
    assert "H01-1" in words(an.page(answer.location))


def test_one_is_begun_stopped_and_listed_on_its_pages(at: House, office: Office) -> None:
    at.send(1, "H01-1")
    an = office.seat("an")

    begun = an.post("/do/reconcile/run", {"endpoint": PARTNER, "why": "đối chiếu", "back": "/"})
    stopped = an.post("/do/reconcile/stop", {"run": begun.location.rpartition("/")[2], "why": "bận", "back": begun.location})

    assert (begun.status, stopped.status) == (303, 303)
    assert "đã dừng" in words(an.page(begun.location))
    assert PARTNER in words(an.page("/reconciliations"))


def test_the_report_is_had_as_a_file(at: House, office: Office) -> None:
    run = differing(at)

    answer = office.seat("an").post("/reconciliations/report", {"run": run.id, "form": "xlsx", "why": "gửi đối tác", "back": "/"})

    assert answer.status == 200
    assert zipfile.is_zipfile(io.BytesIO(answer.body))


def test_who_works_elsewhere_sees_none_of_it(at: House, office: Office) -> None:
    run = differing(at)
    elsewhere = office.seat("noi_khac")

    assert elsewhere.get(f"/reconciliations/{run.id}").status == 404
    assert PARTNER not in words(elsewhere.page("/reconciliations"))
    posted = elsewhere.post("/reconciliations/report", {"run": run.id, "form": "xlsx", "why": "xem", "back": "/"})
    assert posted.status == 403
    assert b"PK" not in posted.body[:4]


def test_a_verb_that_cannot_be_done_says_why_in_the_form(at: House, office: Office) -> None:
    at.begin()

    answer = office.seat("an").post("/do/reconcile/run", {"endpoint": PARTNER, "why": "đối chiếu", "back": "/"})

    assert answer.status == 409
    assert "đang đối chiếu" in words(shown(answer))
