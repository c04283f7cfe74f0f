"""Acts on catalogues: show, compare, work-list; import, pull, files, plan, mend, claim."""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial
from typing import Any

from pydantic import ConfigDict, Field

from hub.app import Hub
from hub.edge.acts.act import Act, Asked, WithWhy
from hub.reconcile.procedures import files, importing, looking, mending, pulling
from hub.rules import people
from hub.rules.people import Person

#: Records, and files, that one call fetches: it ends within a minute or two, and the next one goes on.
RECORDS_AT_ONCE, FILES_AT_ONCE = 200, 20

_OWNER = Field("", max_length=50, description="Cơ quan chủ quản, ví dụ G10 (agency whose catalogue it is)")
_HOLDER = Field("", max_length=100, description="Nơi giữ danh mục (holder of procedures)")
_CODE = Field("", max_length=200, description="Mã thủ tục (procedure)")
_AFTER = Field("", max_length=2000, description="Từ chỗ trang trước kết thúc (where the page before ended)")


class CataloguesWanted(Asked):
    """All owners and holders, the procedures of one owner, or one procedure."""

    owner: str = _OWNER
    code: str = _CODE
    containing: str = Field("", max_length=200, description="Đầu mã hoặc một phần của nội dung (begins the code, or is in it)")
    after: str = _AFTER
    limit: int = Field(50, ge=1, le=500, description="Số dòng nhiều nhất (at most so many)")


class DifferencesWanted(Asked):
    """Differences, of an agency, a holder, a procedure; or a plan of mending."""

    owner: str = _OWNER
    holder: str = _HOLDER
    code: str = _CODE
    plan: str = Field("", max_length=100, description="Mã kế hoạch (plan)")
    after: str = _AFTER
    limit: int = Field(50, ge=1, le=500, description="Số thủ tục nhiều nhất (at most so many procedures)")


class WorkWanted(Asked):
    """What people must mend."""

    owner: str = _OWNER
    holder: str = _HOLDER
    state: str = Field("", pattern="^(open|claimed|confirmed)?$", description="Chỉ trạng thái này (only these)")
    after: str = _AFTER
    limit: int = Field(100, ge=1, le=1000, description="Số dòng nhiều nhất (at most so many)")


class Importing(WithWhy):
    """A spreadsheet with an agency's procedures."""

    model_config = ConfigDict(val_json_bytes="base64")

    owner: str = Field(min_length=1, max_length=50, description="Cơ quan chủ quản, ví dụ G10 (agency whose catalogue it is)")
    file: bytes = Field(min_length=1, max_length=20_000_000, description="Tệp XLSX hoặc CSV theo mẫu (spreadsheet)")
    whole: bool = Field(False, description="Danh mục đầy đủ: thủ tục không có trong tệp là hết áp dụng (the whole list)")
    dry_run: bool = Field(False, description="Chỉ xem sẽ thay đổi gì (only show what would change)")


class OnHolder(WithWhy):
    """A verb on one holder of procedures."""

    holder: str = Field(min_length=1, max_length=100, description="Nơi giữ danh mục (holder of procedures)")


class OnOwner(WithWhy):
    """A verb on one agency's catalogue."""

    owner: str = Field(min_length=1, max_length=50, description="Cơ quan chủ quản, ví dụ G10 (agency whose catalogue it is)")


class OnPlan(WithWhy):
    """A verb on one plan of mending."""

    plan: str = Field(min_length=6, max_length=100, description="Mã kế hoạch (plan)")


class Claiming(OnHolder):
    """Work that somebody says is done."""

    owner: str = Field(min_length=1, max_length=50, description="Cơ quan chủ quản, ví dụ G10 (agency whose catalogue it is)")
    codes: tuple[str, ...] = Field(min_length=1, max_length=1000, description="Mã thủ tục, mỗi dòng một mã (procedures)")


def _holder(hub: Hub, asked: OnHolder) -> Iterable[str]:
    return (asked.holder,)


def _of_plan(hub: Hub, asked: OnPlan) -> Iterable[str]:
    return (looking.plan(hub, asked.plan).holder,)


def _of_owner(hub: Hub, asked: OnOwner | Importing) -> Iterable[str]:
    """Name the systems of an agency: who works on a part of the hub only changes the catalogues of that part."""
    return [each.name for each in hub.endpoints.values() if each.agency_code == asked.owner] or [f"agency:{asked.owner}"]


def _show(hub: Hub, person: Person, asked: CataloguesWanted) -> Any:
    if asked.owner and asked.code:
        return looking.show(hub, asked.owner, asked.code, scope=person.scope)
    sought = asked.containing or asked.code
    return looking.catalogues(
        hub, owner=asked.owner, containing=sought, after=asked.after, limit=asked.limit, scope=person.scope
    )


def _compare(hub: Hub, person: Person, asked: DifferencesWanted) -> Any:
    if asked.plan:
        found = looking.plan(hub, asked.plan)
        people.check(person, "procedures compare", (found.holder,))
        return found
    given = {name: getattr(asked, name) for name in ("owner", "holder", "code", "after", "limit")}
    return looking.differences(hub, **given, scope=person.scope)


def _worklist(hub: Hub, person: Person, asked: WorkWanted) -> looking.Worklist:
    given = {name: getattr(asked, name) for name in ("owner", "holder", "state", "after", "limit")}
    return looking.worklist(hub, **given, scope=person.scope)


def _import(hub: Hub, person: Person, asked: Importing) -> importing.Imported:
    take = partial(importing.take, hub, asked.file, "", asked.owner, whole=asked.whole, dry_run=asked.dry_run)
    return take(actor=person.login, why=asked.why)


def _pull(hub: Hub, person: Person, asked: OnHolder) -> pulling.Pulled:
    return pulling.pull(hub, asked.holder, actor=person.login, why=asked.why, most=RECORDS_AT_ONCE)


ACTS: tuple[Act[Any], ...] = (
    Act(verb="procedures show", asked=CataloguesWanted, do=_show),
    Act(verb="procedures compare", asked=DifferencesWanted, do=_compare),
    Act(verb="procedures worklist", asked=WorkWanted, do=_worklist),
    Act(verb="procedures import", asked=Importing, touches=_of_owner, do=_import),
    Act(verb="procedures pull", asked=OnHolder, touches=_holder, do=_pull),
    Act(
        verb="procedures files",
        asked=OnOwner,
        touches=_of_owner,
        do=lambda hub, person, asked: files.check(
            hub, asked.owner, actor=person.login, why=asked.why, most=FILES_AT_ONCE
        ),
    ),
    Act(
        verb="procedures plan",
        asked=OnHolder,
        touches=_holder,
        do=lambda hub, person, asked: mending.plan(hub, asked.holder, actor=person.login, why=asked.why),
    ),
    Act(
        verb="procedures mend",
        asked=OnPlan,
        touches=_of_plan,
        do=lambda hub, person, asked: mending.run(hub, asked.plan, actor=person.login, why=asked.why),
    ),
    Act(
        verb="procedures claim",
        asked=Claiming,
        touches=_holder,
        do=lambda hub, person, asked: mending.claim(
            hub, asked.holder, asked.owner, asked.codes, actor=person.login, why=asked.why
        ),
    ),
)
