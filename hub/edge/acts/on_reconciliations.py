"""Acts on reconciliations: what partners hold is compared with what they were told, mended by replay plans, and reported."""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from pydantic import Field

from hub.app import Hub
from hub.edge.acts.act import Act, Asked, WithWhy
from hub.errors import NotAllowed
from hub.reconcile import dossiers, mending, report
from hub.reconcile.mending import Mended, Wanted
from hub.reconcile.report import Report
from hub.registers import reconciliations
from hub.registers.reconciliations import Run, RunShown, Scope
from hub.rules.people import Person

#: A larger report is had from the console or by the command line: an answer in JSON stands in memory whole.
LARGEST_BYTES = 50_000_000


class Showing(Asked):
    """Which reconciliation is looked at, and which of its findings; nothing: a list."""

    run: str = Field("", max_length=100, description="Mã lần đối chiếu; bỏ trống: danh sách (run; empty: list)")
    endpoint: str = Field("", max_length=100, description="Chỉ với đối tác này (only with this partner)")
    kind: str = Field("", max_length=50, description="Loại kết quả: missing, stale, different, extra, unanswered (kind)")
    cause: str = Field("", max_length=50, description="Nguyên nhân (cause)")
    after: int = Field(0, ge=0, description="Từ sau kết quả số (findings after this number)")
    limit: int = Field(reconciliations.PAGE, ge=1, le=1000, description="Số dòng mỗi trang (rows)")


class Running(WithWhy):
    """With whom is compared, and which dossiers; nothing given: all that the partner was told of."""

    endpoint: str = Field(min_length=1, max_length=100, description="Đối tác (partner)")
    since: float | None = Field(None, description="Chỉ hồ sơ có tin từ lúc, giây từ 1970 UTC (heard of since)")
    only_open: bool = Field(False, description="Chỉ hồ sơ chưa kết thúc (only those that have not ended)")
    sample: int = Field(0, ge=0, le=1_000_000, description="Chỉ chừng này hồ sơ, chọn ngẫu nhiên; 0: tất cả (a sample)")
    seed: str = Field("", max_length=100, description="Hạt giống của mẫu: cùng hạt giống, cùng mẫu (seed of the sample)")
    codes: tuple[str, ...] = Field((), max_length=dossiers.MOST_CODES, description="Chỉ các mã hồ sơ này (only these dossiers)")
    per_minute: int = Field(0, ge=0, description="Số lần tra cứu mỗi phút; 0: theo cấu hình (look-ups a minute)")


class OnRun(WithWhy):
    """A verb on one reconciliation."""

    run: str = Field(min_length=1, max_length=100, description="Mã lần đối chiếu (run)")


class Mending(OnRun):
    """Which findings are to be mended; nothing given: all that the hub can mend."""

    kind: str = Field("", max_length=50, description="Loại kết quả (kind)")
    cause: str = Field("", max_length=50, description="Nguyên nhân (cause)")
    findings: tuple[int, ...] = Field((), max_length=1000, description="Số thứ tự của các kết quả (numbers of findings)")


class Reporting(OnRun):
    """In which form the report is wanted."""

    form: str = Field(
        "xlsx",
        pattern="^(xlsx|html|json|asice)$",
        description="xlsx, html để in, json cho máy, hoặc asice: cả ba, có con dấu (asice: all three, sealed)",
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportFile:
    """A report as it leaves the hub."""

    name: str
    content_type: str
    sha256: str
    findings: int
    sealed_by: str
    content_base64: str


def make_report(hub: Hub, person: Person, asked: Reporting) -> Report:
    """Make a report for a person."""
    return report.make(hub, asked.run, asked.form, actor=person.login, why=asked.why)


def _show(hub: Hub, person: Person, asked: Showing) -> tuple[Run, ...] | RunShown:
    with hub.ledger.read() as conn:
        if not asked.run:
            limit = min(asked.limit, reconciliations.PAGE)
            return reconciliations.listing(conn, endpoint=asked.endpoint, scope=person.scope, limit=limit)
        run = reconciliations.find(conn, asked.run)
        some = {"kind": asked.kind, "cause": asked.cause, "after": asked.after, "limit": asked.limit}
        return RunShown(run=run, findings=reconciliations.findings(conn, run.id, **some))  # type: ignore[arg-type]


def _run(hub: Hub, person: Person, asked: Running) -> Run:
    scope = Scope(
        since=asked.since,
        only_open=asked.only_open,
        sample=asked.sample,
        seed=asked.seed,
        subjects=dossiers.subjects_of(hub, [each for each in asked.codes if each]),
        per_minute=asked.per_minute,
    )
    return dossiers.begin(hub, asked.endpoint, scope, actor=person.login, why=asked.why)


def _mend(hub: Hub, person: Person, asked: Mending) -> Mended:
    wanted = Wanted(kind=asked.kind, cause=asked.cause, numbers=asked.findings)
    said = {"actor": person.login, "why": asked.why, "viewer": person.login}
    return mending.mend(hub, asked.run, wanted, scope=person.scope, **said)


def _report(hub: Hub, person: Person, asked: Reporting) -> ReportFile:
    made = make_report(hub, person, asked)
    if len(made.body) > LARGEST_BYTES:
        raise NotAllowed(
            f"the report has {len(made.body)} bytes; take it from the console or by `lienthong reconcile report`",
            f"biên bản có {len(made.body)} byte; hãy tải từ trang điều hành hoặc dùng `lienthong reconcile report`",
            where="form",
        )
    same = {"name": made.name, "content_type": made.content_type, "sha256": made.sha256, "sealed_by": made.sealed_by}
    return ReportFile(**same, findings=made.findings, content_base64=base64.b64encode(made.body).decode())


def _its_partner(hub: Hub, asked: OnRun | Showing) -> Iterable[str]:
    """Name the partner of a run; a list gives only the runs that the person sees."""
    if not asked.run:
        return ()
    with hub.ledger.read() as conn:
        return (reconciliations.endpoint_of(conn, asked.run),)


def _on_run(verb: str, switch: Callable[..., Run]) -> Act[OnRun]:
    def do(hub: Hub, person: Person, asked: OnRun) -> Run:
        return switch(hub, asked.run, actor=person.login, why=asked.why)

    return Act(verb=verb, asked=OnRun, touches=_its_partner, do=do)


ACTS = (
    Act(verb="reconcile show", asked=Showing, touches=_its_partner, do=_show),
    Act(verb="reconcile run", asked=Running, touches=lambda _hub, asked: (asked.endpoint,), do=_run),
    _on_run("reconcile stop", dossiers.stop),
    _on_run("reconcile resume", dossiers.resume),
    Act(verb="reconcile mend", asked=Mending, touches=_its_partner, do=_mend),
    Act(verb="reconcile report", asked=Reporting, touches=_its_partner, do=_report),
)
