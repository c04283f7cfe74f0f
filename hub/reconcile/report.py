"""The report of a reconciliation for both sides to sign: what was compared and how, what was found, and room for names.

One workbook, one page to read and print, or one file for machines; or all three in a sealed container (ASiC-E). Codes, moments,
states and digests stand in it, nobody's name. What leaves the hub stands in the journal with its SHA-256.
"""

from __future__ import annotations

import hashlib
import io
import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from functools import partial
from html import escape
from typing import Any

import structlog

from hub.app import Hub
from hub.canonical.base import local
from hub.canonical.codes import STATUS_NAMES, Status
from hub.errors import NotAllowed
from hub.ledger import reconciliation_verbs
from hub.operations.said import require
from hub.registers import reconciliations
from hub.registers.container import Sealing
from hub.registers.guides import STYLE
from hub.registers.reconciliations import Finding, Run
from hub.registers.words import Words
from hub.rules import asic, cades, reconciling
from hub.rules.asic import DataObject
from hub.rules.spreadsheets import XLSX, write_workbook
from hub.rules.stored_zip import Writer

log = structlog.get_logger()

#: Form -> ending of the file's name.
FORMS = ("xlsx", "html", "json", "asice")
#: Findings on the page that is read and printed, and in the workbook; all stand in the file for machines.
MOST_ON_PAGE, MOST_IN_WORKBOOK = 2000, 100_000
COLUMNS = (
    "STT",
    "Mã hồ sơ",
    "Kết quả",
    "Nguyên nhân",
    "Nội dung khác",
    "Trục ghi nhận",
    "Đối tác đang giữ",
    "Biên nhận của đối tác",
    "Đề nghị xử lý",
    "Tra cứu lúc",
    "Mã băm trả lời tra cứu",
    "Mã băm biên nhận",
)
FIELD_NAMES = {
    "status": ("trạng thái", "status"),
    "procedure": ("thủ tục", "procedure"),
    "agency": ("cơ quan", "agency"),
    "received_at": ("ngày tiếp nhận", "received"),
    "due_at": ("ngày hẹn trả", "due"),
}
_WIDE = "@page { size: A4 landscape }\nbody { max-width: none }"
_SIGN = ("Họ và tên", "Chức vụ", "Ngày ký", "Chữ ký")


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """A report as it leaves the hub."""

    #: As a file may be called.
    name: str
    content_type: str
    sha256: str
    findings: int
    #: Subject of the certificate of who sealed it; empty: it is not sealed.
    sealed_by: str
    body: bytes


_TYPES = {
    "xlsx": XLSX,
    "html": "text/html; charset=utf-8",
    "json": "application/json",
    "asice": asic.MIMETYPE,
}


def make(hub: Hub, run_id: str, form: str = "xlsx", *, actor: str, why: str) -> Report:
    """Write the report of a run; its SHA-256 stands in the journal before it is given away.

    Raises NotAllowed for a form that there is not, and BadSettings where it is to be sealed and nobody can.
    """
    require(actor, why)
    if form not in FORMS:
        listed = ", ".join(FORMS)
        raise NotAllowed(f"a report is one of {listed}, not {form}", f"báo cáo có dạng {listed}, không có {form}", where="form")
    sealing = hub.evidence_seal(stamped=False) if form == "asice" else None
    with hub.ledger.read() as conn:
        run = reconciliations.find(conn, run_id)
        body = _written(_Facts(hub, run, partial(_all, conn, run.id)), form, sealing)
    digest = hashlib.sha256(body).hexdigest()
    entry = {"why": why, "form": form, "sha256": digest, "findings": run.findings}
    verb = partial(reconciliation_verbs.note, event="reconcile.reported", actor=actor, entry=entry, now=hub.now())
    hub.ledger.change(partial(verb, run_id=run.id), f"reconcile:{run.id}")
    log.info("reconcile.reported", run=run.id, form=form, actor=actor)
    return Report(
        name=f"doi-chieu-{run.endpoint}-{run.id[:8]}.{form}",
        content_type=_TYPES[form],
        sha256=digest,
        findings=run.findings,
        sealed_by=sealing.signer.certificate.subject.rfc4514_string() if sealing else "",
        body=body,
    )


@dataclass(frozen=True, slots=True)
class _Facts:
    """What a report is made of; findings are read when they are written."""

    hub: Hub
    run: Run
    findings: Any

    @property
    def partner(self) -> str:
        endpoint = self.hub.endpoints.get(self.run.endpoint)
        return endpoint.title if endpoint else self.run.endpoint


def _all(conn: Any, run_id: str, most: int = 0) -> Iterator[Finding]:
    after, given = 0, 0
    while page := reconciliations.findings(conn, run_id, after=after, limit=1000):
        for each in page:
            if most and given >= most:
                return
            given += 1
            yield each
        after = page[-1].number


def _written(facts: _Facts, form: str, sealing: Sealing | None) -> bytes:
    if sealing is None:
        return {"xlsx": _workbook, "html": _page, "json": _machine}[form](facts)
    file = io.BytesIO()
    writer = Writer(file)
    writer.add(asic.MIMETYPE_NAME, (asic.MIMETYPE.encode(),))
    parts = {"doi-chieu.xlsx": _workbook, "doi-chieu.html": _page, "doi-chieu.json": _machine}
    objects = []
    for name, write in parts.items():
        body = write(facts)
        writer.add(name, (body,))
        objects.append(DataObject(uri=name, digest=hashlib.sha256(body).hexdigest()))
    manifest = asic.write_manifest(asic.SEAL, asic.SEAL_TYPE, objects)
    writer.add(asic.MANIFEST, (manifest,))
    writer.add(asic.SEAL, (cades.seal(manifest, sealing.signer, sealing.now),))
    writer.close()
    return file.getvalue()


# --- what it says ------------------------------------------------------------------------------------------------


def summary(run: Run, *, partner: str, hub: str) -> list[tuple[str, str]]:
    """Say what was compared, how, and what that came to, line by line."""
    lines = [
        ("Bên thứ nhất", hub),
        ("Bên thứ hai (đối tác)", f"{partner} ({run.endpoint})"),
        ("Lần đối chiếu", run.id),
        ("Phạm vi", scope_in_words(run)),
        ("Bắt đầu", _moment(run.asked_at)),
        ("Kết thúc", _moment(run.ended_at) if run.ended_at else reconciliation_verbs.STATES[run.state][0]),
        ("Cách đối chiếu", "tra cứu từng hồ sơ tại đối tác; so với nội dung đối tác đã xác nhận là nhận"),
        ("Không đối chiếu được", untold_in_words(run)[0]),
        ("Hồ sơ thừa ở đối tác", extras_in_words(run)[0]),
        ("Hồ sơ của đối tác trong sổ cái", str(run.total)),
        ("Số lần tra cứu", str(run.calls)),
    ]
    lines += [(_capital(vi), str(run.counted.get(name, 0))) for name, (vi, _) in reconciling.COUNTED.items()]
    for each in run.groups:
        kind, cause = reconciling.KINDS[each.kind][0], reconciling.CAUSES[each.cause][0]
        lines.append((f"{_capital(kind)}: {cause}", str(each.number)))
    return lines


def scope_in_words(run: Run) -> str:
    """Say in Vietnamese which dossiers were compared."""
    scope, parts = run.scope, []
    if scope.subjects:
        parts.append(f"{len(scope.subjects)} hồ sơ được nêu")
    if scope.since is not None:
        parts.append(f"có tin từ {_moment(scope.since)}")
    if scope.only_open:
        parts.append("chưa kết thúc")
    if scope.sample:
        parts.append(f"mẫu {scope.sample} hồ sơ (hạt giống {scope.seed or 'trống'})")
    return "; ".join(parts) or "mọi hồ sơ đã gửi cho đối tác"


def untold_in_words(run: Run) -> Words:
    """Name the fields that the partner's look-up never showed, and those that it did not always show."""
    differing = (each.number for each in run.groups if each.kind in ("stale", "different") and each.cause != "other_number")
    answered = run.counted.get("same", 0) + sum(differing)
    told = {name: run.counted.get(f"untold/{name}", 0) for name in FIELD_NAMES}
    never = [FIELD_NAMES[name] for name, number in told.items() if answered and number >= answered]
    at_times = [FIELD_NAMES[name] for name, number in told.items() if 0 < number < answered]
    said: tuple[tuple[Words, list[Words]], ...] = (
        (("tra cứu không cho biết: ", "not shown: "), never),
        (("có khi không cho biết: ", "not always shown: "), at_times),
    )
    vi, en = (
        "; ".join(words[place] + ", ".join(each[place] for each in names) for words, names in said if names) for place in (0, 1)
    )
    return vi or "không có", en or "nothing"


def extras_in_words(run: Run) -> Words:
    """Say how many dossiers the partner has that it was not told; or why nobody can know."""
    if run.counted.get(reconciling.NOT_LISTED):
        return (
            "không liệt kê được ở đây: giao thức của đối tác không có dịch vụ liệt kê hồ sơ",
            "extras cannot be listed here: the partner's protocol has no list of dossiers",
        )
    if not run.scope.lists:
        return "không tìm: chỉ đối chiếu một phần hồ sơ", "not looked for: only some dossiers were compared"
    if run.phase:
        return "chưa tìm đến", "not looked for yet"
    number = sum(each.number for each in run.groups if each.kind == "extra")
    return str(number), str(number)


def _row(each: Finding) -> list[Any]:
    return [
        each.number,
        each.code,
        reconciling.KINDS[each.kind][0],
        reconciling.CAUSES[each.cause][0],
        ", ".join(FIELD_NAMES[field.name][0] for field in each.fields),
        "; ".join(shown_value(field.name, field.ours) for field in each.fields),
        "; ".join(shown_value(field.name, field.theirs) for field in each.fields),
        _receipt(each),
        reconciling.MENDINGS[each.mending][0],
        _moment(each.looked_at),
        each.evidence_digest,
        each.receipt_digest,
    ]


def shown_value(name: str, value: str) -> str:
    """Write a value as an official reads it: a status with its name."""
    if name == "status" and value in set(Status):
        return f"{value} {STATUS_NAMES[Status(value)]}"
    return value


def _receipt(each: Finding) -> str:
    about = each.about
    parts = [f"mã {about['receipt']}, {_moment(about['taken_at'])}"] if about.get("receipt") is not None else []
    parts += [f"lỗi {about['error_code']}" for _ in (0,) if about.get("error_code")]
    parts += [f"mã đối tác {about['partner_code']}" for _ in (0,) if about.get("partner_code")]
    parts += [f"{about['actor']} xác nhận {_moment(about['at'])}" for _ in (0,) if about.get("actor")]
    parts += [f"mã số khác: {about['other_code']}" for _ in (0,) if about.get("other_code")]
    parts += [f"đã gửi cho {about['of']}" for _ in (0,) if about.get("of")]
    return "; ".join(parts)


def _moment(at: float) -> str:
    return local(datetime.fromtimestamp(at, UTC)).strftime("%d/%m/%Y %H:%M:%S")


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]


# --- its forms ---------------------------------------------------------------------------------------------------


def _workbook(facts: _Facts) -> bytes:
    lines = summary(facts.run, partner=facts.partner, hub=facts.hub.name)
    if facts.run.findings > MOST_IN_WORKBOOK:
        lines.append(("Lưu ý", f"bảng chỉ có {MOST_IN_WORKBOOK} kết quả đầu; đủ trong tệp JSON"))
    sign = [[side, *("" for _ in _SIGN)] for side in (facts.hub.name, facts.partner)]
    return write_workbook(
        [
            ("Tổng hợp", ("Nội dung", "Giá trị"), lines),
            ("Kết quả", COLUMNS, (_row(each) for each in facts.findings(MOST_IN_WORKBOOK))),
            ("Ký xác nhận", ("Bên", *_SIGN), sign),
        ]
    )


def _machine(facts: _Facts) -> bytes:
    run = asdict(facts.run)
    head = {"format": "lienthong-reconciliation/1", "hub": facts.hub.name, "partner": facts.partner, "run": run}
    file = io.StringIO()
    file.write(json.dumps(head, ensure_ascii=False)[:-1])
    file.write(', "findings": [')
    for place, each in enumerate(facts.findings()):
        file.write(",\n" if place else "\n")
        file.write(json.dumps(asdict(each), ensure_ascii=False))
    file.write("\n]}\n")
    return file.getvalue().encode()


def _page(facts: _Facts) -> bytes:
    run = facts.run
    rows = "".join(
        f"<tr>{''.join(f'<td>{escape(str(value))}</td>' for value in _row(each)[:10])}</tr>\n"
        for each in facts.findings(MOST_ON_PAGE)
    )
    head = "".join(f"<th>{escape(name)}</th>" for name in COLUMNS[:10])
    said = summary(run, partner=facts.partner, hub=facts.hub.name)
    lines = "".join(f"<tr><th>{escape(name)}</th><td>{escape(value)}</td></tr>\n" for name, value in said)
    more = f"<p>Chỉ in {MOST_ON_PAGE} kết quả đầu.</p>" if run.findings > MOST_ON_PAGE else ""
    blanks = "".join(f"<p>{escape(name)}: ……………………………………</p>" for name in _SIGN)
    sides = "".join(f"<td><h3>{escape(side)}</h3>{blanks}</td>" for side in (facts.hub.name, facts.partner))
    title = escape(f"Biên bản đối chiếu hồ sơ với {facts.partner}")
    found = f"<table>\n<tr>{head}</tr>\n{rows}</table>\n" if rows else "<p>Không có khác biệt nào.</p>\n"
    return (
        '<!DOCTYPE html>\n<html lang="vi">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        # Nothing is loaded and nothing runs, whatever a partner wrote.
        "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">\n"
        f"<title>{title}</title>\n<style>\n{STYLE}\n{_WIDE}\n</style>\n</head>\n<body>\n"
        f"<h1>{title}</h1>\n<table>\n{lines}</table>\n<h2>Kết quả</h2>\n{found}{more}"
        f"<h2>Hai bên xác nhận</h2>\n<table>\n<tr>{sides}</tr>\n</table>\n</body>\n</html>\n"
    ).encode()
