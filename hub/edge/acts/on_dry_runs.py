"""Act of the dry run: a changed file or rows of a code list, tried on real messages."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated, Any

from pydantic import BeforeValidator, Field

from hub.app import Hub
from hub.canonical.codes import CodeRow
from hub.edge.acts.act import Act, Asked
from hub.edge.acts.on_mappings import Day
from hub.operations import dry_runs
from hub.operations.dry_runs import Candidate, DryRun
from hub.rules.people import Person

#: Parts of a row, as a form has them in one line.
_PARTS = ("list_name", "code", "value", "name", "valid_from", "valid_to")


class CandidateCode(Asked):
    """One row that would be laid over a code list."""

    list_name: str = Field(min_length=1, max_length=100, description="Danh mục (code list)")
    code: str = Field(min_length=1, max_length=200, description="Mã (code)")
    value: str = Field(max_length=500, description="Giá trị (value)")
    name: str = Field("", max_length=1000, description="Tên (name)")
    valid_from: Day = Field(None, description="Hiệu lực từ ngày (holds from this day on)")
    valid_to: Day = Field(None, description="Hết hiệu lực từ ngày (first day on which it holds no longer)")


def _from_line(given: Any) -> Any:
    """Read a row from a line of a form: ``list;code;value;name;from;to``."""
    if not isinstance(given, str):
        return given
    parts = [part.strip() for part in given.split(";")]
    if not 3 <= len(parts) <= len(_PARTS):
        raise ValueError("must be list;code;value;name;valid_from;valid_to")
    return dict(zip(_PARTS, parts, strict=False))


class Trying(Asked):
    """What is tried, and on which messages."""

    codes: tuple[Annotated[CandidateCode, BeforeValidator(_from_line)], ...] = Field(
        (), max_length=500, description="Dòng danh mục: danh_mục;mã;giá_trị;tên, mỗi dòng một mã (rows: list;code;value;name)"
    )
    file: str = Field(
        "",
        pattern=r"^(routes\.toml|codes/[A-Za-z0-9_-]{1,100}\.csv|endpoints/[A-Za-z0-9_-]{1,100}\.toml)?$",
        description="Tệp cấu hình: routes.toml, codes/TÊN.csv hoặc endpoints/TÊN.toml (file of the configuration folder)",
    )
    text: str = Field("", max_length=500_000, description="Toàn bộ nội dung mới của tệp (the file's whole new text)")
    count: int = Field(200, ge=1, le=500, description="Số thông điệp gần nhất (last messages)")
    endpoint: str = Field("", max_length=100, description="Chỉ thông điệp từ hoặc tới điểm này (from or to this endpoint)")
    procedure: str = Field("", max_length=100, description="Chỉ thủ tục này (only this procedure)")
    group: str = Field("", max_length=100, description="Chỉ các lượt của nhóm lỗi này (only this failure group)")


def candidate_of(asked: Trying) -> Candidate:
    """Make what is tried."""
    rows: dict[str, list[CodeRow]] = {}
    for each in asked.codes:
        row = CodeRow(each.code, each.value, each.name, each.valid_from, each.valid_to)
        rows.setdefault(each.list_name, []).append(row)
    return Candidate(files={asked.file: asked.text.encode()} if asked.file else {}, rows=rows)


def _touched(_hub: Hub, asked: Trying) -> Iterable[str]:
    named = asked.file.removeprefix("endpoints/").removesuffix(".toml") if asked.file.startswith("endpoints/") else ""
    return [name for name in (named, asked.endpoint) if name]


def _run(hub: Hub, person: Person, asked: Trying) -> DryRun:
    return dry_runs.run(
        hub,
        candidate_of(asked),
        count=asked.count,
        endpoint=asked.endpoint,
        procedure=asked.procedure,
        group=asked.group,
        scope=person.scope,
    )


ACTS: tuple[Act[Any], ...] = (Act(verb="dry-run", asked=Trying, touches=_touched, do=_run),)
