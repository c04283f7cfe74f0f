"""The demo's story, chapter by chapter; each says what it expects and finds out whether it was so."""

from __future__ import annotations

import json
from collections import defaultdict
from typing import Any

from hub.edge.demo.watch import Expectations, Watch
from hub.edge.demo.world import World

SEED = 20
DOSSIERS = 18
OWN_DOSSIERS = 4
#: One procedure of the environment ministry at level 4, and one of agriculture whose table is complete.
TRADE, AGRICULTURE, PILOT = "BTNMT0600001", "BNNPTNT0600009", "BTNMT0600003"


def province(world: World, watch: Watch, expect: Expectations) -> None:
    """Dossiers and every status change go from Thái Nguyên's software, and the ministry's own, to the National Portal."""
    said = world.do("thai_nguyen", "generate", seed=SEED, count=DOSSIERS)
    own = json.loads(json.dumps(world.do("thai_nguyen", "generate", seed=SEED + 1, count=OWN_DOSSIERS)).replace("H55.", "G10."))
    answers = [world.do("thai_nguyen", "send", **each) for each in said]
    answers += [world.do("bo_nnmt", "send", **each) for each in own]
    expect.that("every dossier message was taken at the door", all(each["status"] == 202 for each in answers), answers[:1])
    watch.until_quiet()
    _portal_holds(world, expect, [*said, *own])


def _portal_holds(world: World, expect: Expectations, said: list[dict[str, Any]]) -> None:
    held = world.account("dvcqg")["dossiers"]
    wanted_rows, last = _wanted(said)
    wrong = {code: rows for code, rows in wanted_rows.items() if [row["TrangThai"] for row in held[code]["rows"]] != rows}
    expect.that("the portal has every status of every dossier, each once, in order", not wrong, wrong)
    expect.that("no progress row stands twice", not any(kept["duplicate_rows"] for kept in held.values()))
    stale = {
        code: held[code]["record"]["TrangThaiHoSo"]
        for code, status in last.items()
        if held[code]["versions"][-1]["TrangThaiHoSo"] != status
    }
    expect.that("the portal's record is the last one of each dossier", not stale, stale)
    firsts = {kept["versions"][0]["isUpdating"] for kept in held.values() if kept["versions"]}
    expect.that("the first write of a dossier creates it, every later one updates it", firsts == {"False"}, firsts)
    expect.that("a dossier refused before reception is known to the portal", any(status == "3" for status in last.values()))


def _wanted(said: list[dict[str, Any]]) -> tuple[dict[str, list[str]], dict[str, str]]:
    """Give the progress rows and the last status that the portal should hold: what was said, without status 1."""
    rows: dict[str, list[str]] = defaultdict(list)
    last: dict[str, str] = {}
    for each in said:
        record = each["document"]["HoSo"]
        if record["TrangThaiHoSo"] == "1":
            continue
        last[record["MaHoSo"]] = record["TrangThaiHoSo"]
        if record["NgayTiepNhan"]:
            rows[record["MaHoSo"]] += [row["TrangThai"] for row in each["document"].get("TienDo", [])]
    return rows, last


def catalogue(world: World, watch: Watch, expect: Expectations) -> None:
    """The ministry's 82 procedures go to the province and to the portal; the second time only what changed."""
    world.do("bo_nnmt", "catalogue", seed=SEED, count=82)
    watch.until_quiet()
    held = world.account("thai_nguyen")["catalogue"]
    expect.that("the province holds 82 procedures with their levels", len(held) == 82, len(held))
    levels = [row["level"] for row in held.values()]
    expect.that("67 at level 3 and 15 at level 4", (levels.count("3"), levels.count("4")) == (67, 15), levels[:3])
    found = _differing(world)
    expect.that("the portal lacks all 82", len({each["code"] for each in found}) == 82, len(found))
    _mend(world, "lần đầu đồng bộ danh mục")
    watch.until_quiet()
    _only_what_changed(world, watch, expect)


def _only_what_changed(world: World, watch: Watch, expect: Expectations) -> None:
    before = len(world.account("thai_nguyen")["catalogue_parts"])
    written = world.account("dvcqg")["calls"]["DongBoThuTuc"]
    world.do("bo_nnmt", "catalogue", seed=SEED, count=82, changed=3)
    watch.until_quiet()
    parts = world.account("thai_nguyen")["catalogue_parts"][before:]
    expect.that(
        "the second catalogue sends the province one call with 3 procedures", len(parts) == 1 and parts[0].endswith("0-3"), parts
    )
    found = _differing(world)
    expect.that("the comparison names 3 procedures, field by field", len({each["code"] for each in found}) == 3, found[:2])
    _mend(world, "bộ sửa 3 thủ tục")
    watch.until_quiet()
    again = world.account("dvcqg")["calls"]["DongBoThuTuc"]
    expect.that("the portal is written 3 procedures, no more", again - written == 3, again - written)
    expect.that("the next pull confirms it", not _differing(world))


def _differing(world: World) -> list[dict[str, Any]]:
    """Pull what the portal holds, and say in which procedures it differs."""
    world.cli("procedures", "pull", "dvcqg", "--why", "đối soát")
    found: list[dict[str, Any]] = world.cli("procedures", "compare", "dvcqg", "--limit", "500")["procedures"]
    return found


def _mend(world: World, why: str) -> None:
    """Plan the mending of the portal's catalogue, and carry it out."""
    made = world.cli("procedures", "plan", "dvcqg", "--why", why)
    world.cli("procedures", "mend", made["plan"]["id"], "--why", why)


def single_window(world: World, watch: Watch, expect: Expectations) -> None:
    """Traders' signed applications come in, decisions go back; a dossier born on the portal goes both ways."""
    trade = world.do("vnsw", "application", document_type=TRADE, seed=1)
    agriculture = world.do("vnsw", "application", document_type=AGRICULTURE, seed=2)
    withdrawn = world.do("vnsw", "application", document_type=TRADE, seed=3)
    taken = [each["answer"]["function"] for each in (trade, agriculture, withdrawn)]
    expect.that("every application is answered 99 in a full envelope", taken == ["99"] * 3, taken)
    watch.until_quiet()
    _decide(world, watch, trade["reference"], agriculture["reference"], withdrawn["reference"])
    stored = world.account("vnsw")
    codes = {reference: [f"{row['type']}/{row['function']}" for row in rows] for reference, rows in stored["dossiers"].items()}
    wanted = {
        trade["reference"]: ["11/05", "11/07", "17/14"],
        agriculture["reference"]: ["11/05"],
        withdrawn["reference"]: ["11/05", "16/12"],
    }
    expect.that("the Single Window has every decision with the registry's codes, in order", codes == wanted, codes)
    expect.that("it got nothing twice", not stored["duplicates"], stored["duplicates"])
    told = [row["SuKien"] for row in world.account("bo_nnmt")["dossiers"][trade["reference"]]]
    expect.that("the ministry got the application and the supplement", told == ["submitted", "supplemented"], told)
    _born_on_portal(world, watch, expect)


def _decide(world: World, watch: Watch, trade: str, agriculture: str, withdrawn: str) -> None:
    for reference in (trade, agriculture, withdrawn):
        world.do("bo_nnmt", "answer", reference=reference, event="received")
    world.do("bo_nnmt", "answer", reference=trade, event="supplement_asked")
    watch.until_quiet()
    world.do("vnsw", "supplement", reference=trade, seed=4)
    world.do("vnsw", "withdraw", reference=withdrawn, after_receipt=True, seed=5)
    watch.until_quiet()
    world.do("bo_nnmt", "answer", reference=withdrawn, event="withdrawal_agreed")
    world.do("bo_nnmt", "answer", reference=trade, event="licence_issued")
    watch.until_quiet()


def _born_on_portal(world: World, watch: Watch, expect: Expectations) -> None:
    pushed = world.do("dvcqg", "push", path="/doors/dvcqg")
    expect.that("a dossier born on the portal is taken", pushed["status"] == 200, pushed)
    watch.until_quiet()
    number = next(iter(world.account("dvcqg")["born"]))
    for status in (2, 4, 9):
        world.do("thai_nguyen", "answer", reference=number, status=status)
    watch.until_quiet()
    back = world.account("dvcqg")["born"][number]
    local = world.account("thai_nguyen")["numbers"][number]
    expect.that("its status goes back in order", [row["TrangThai"] for row in back] == ["2", "4", "9"], back)
    expect.that("under both numbers", {row["MaHoSoDonVi"] for row in back} == {local}, back[:1])


def place(world: World, watch: Watch, expect: Expectations) -> None:
    """A procedure piloted in three provinces is routed by place and day; elsewhere it goes to the ministry."""
    cases = [
        ("24", "2025-06-30 16:00:00", "bo_nnmt", "area 24 before the reform is Bắc Giang: to the ministry"),
        ("24", "2025-07-01 08:00:00", "bac_ninh", "area 24 from 1 July 2025 is Bắc Ninh: to the province"),
        ("75", "2026-03-02 08:00:00", "dong_nai", "Đồng Nai: to the province"),
        ("48", "2026-03-02 08:00:00", "da_nang", "Đà Nẵng: to the province"),
        ("01", "2026-03-02 08:00:00", "bo_nnmt", "Hà Nội is no pilot: to the ministry"),
    ]
    references = []
    for number, (area, sent_at, _, _) in enumerate(cases):
        sent = world.do("vnsw", "application", document_type=PILOT, area_code=area, sent_at=sent_at, seed=40 + number)
        references.append(sent["reference"])
    watch.until_quiet()
    for reference, (_, _, partner, text) in zip(references, cases, strict=True):
        expect.that(text, reference in world.account(partner)["dossiers"])
    pilot = references[1]
    for status in (2, 9):
        world.do("bac_ninh", "answer", reference=pilot, status=status)
    watch.until_quiet()
    back = [f"{row['type']}/{row['function']}" for row in world.account("vnsw")["dossiers"].get(pilot, [])]
    expect.that("the province's answer and result return to the Single Window", back == ["11/05", "17/14"], back)
