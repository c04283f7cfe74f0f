"""The demo's second half: things go wrong, and an operator mends them."""

from __future__ import annotations

import copy
import csv
import json
from typing import Any

from hub.edge.demo.story import SEED, TRADE
from hub.edge.demo.watch import Expectations, Watch
from hub.edge.demo.world import REFUSED_PROCEDURE, World
from hub.rules.lifecycle import State

#: A field of activity as the province's software names it, which the national list does not know yet.
LOCAL_FIELD, NATIONAL_FIELD = "TN-DATDAI", "G99-TN10"


def _dossiers(world: World, count: int) -> list[list[dict[str, Any]]]:
    """Invent dossiers that were received, each as its messages from reception on."""
    said = world.do("thai_nguyen", "generate", seed=SEED + 7, count=40, day="2026-03-09")
    found: dict[str, list[dict[str, Any]]] = {}
    for each in said:
        if each["document"]["HoSo"]["NgayTiepNhan"]:
            found.setdefault(each["document"]["HoSo"]["MaHoSo"], []).append(each)
    usual = [
        messages
        for messages in found.values()
        if [m["document"]["HoSo"]["TrangThaiHoSo"] for m in messages] == ["2", "4", "9", "10"]
    ]
    return usual[:count]


def _send(world: World, messages: list[dict[str, Any]]) -> list[int]:
    return [world.do("thai_nguyen", "send", **each)["status"] for each in messages]


def _code(messages: list[dict[str, Any]]) -> str:
    return str(messages[0]["document"]["HoSo"]["MaHoSo"])


def _rows(world: World, code: str) -> list[str]:
    return [row["TrangThai"] for row in world.account("dvcqg")["dossiers"].get(code, {"rows": []})["rows"]]


def things_go_wrong(world: World, watch: Watch, expect: Expectations) -> dict[str, str]:
    """The portal fails in every way it can; give the dossiers that wait for an operator, by what ails them."""
    busy, expired, unmapped, refused, lost_create, lost_update, lost_row, swinging = _dossiers(world, 8)
    _busy_and_expired(world, watch, expect, busy, expired)
    _lost_answers(world, watch, expect, lost_create, lost_update)
    _never_swallowed(world, watch, expect, swinging)
    _at_the_door(world, expect, swinging)
    for each in unmapped:
        each["document"]["HoSo"]["MaLinhVuc"] = LOCAL_FIELD
    for each in refused:
        each["document"]["HoSo"]["MaTTHC"] = REFUSED_PROCEDURE
    world.fault("dvcqg", "hang_after", value=3.0, match=f'CapNhatTienDoHoSoMC","data":[{{"MaHoSo":"{_code(lost_row)}"')
    for messages in (unmapped, refused, lost_row):
        _send(world, messages)
    watch.until_quiet()
    _what_waits(watch, expect, unmapped, refused, lost_row)
    return {"unmapped": _code(unmapped), "refused": _code(refused), "lost_row": _code(lost_row)}


def _busy_and_expired(
    world: World, watch: Watch, expect: Expectations, busy: list[dict[str, Any]], expired: list[dict[str, Any]]
) -> None:
    world.fault("dvcqg", "status", value=503, times=3)
    _send(world, busy)
    watch.until_quiet()
    expect.that(
        "a portal that answers 503 for a while gets everything later, in order",
        _rows(world, _code(busy)) == ["2", "4", "9", "10"],
        _rows(world, _code(busy)),
    )
    logins = world.account("dvcqg")["logins"]
    world.do("dvcqg", "expire_sessions")
    _send(world, expired)
    watch.until_quiet()
    expect.that(
        "an expired session is renewed",
        _rows(world, _code(expired)) == ["2", "4", "9", "10"] and world.account("dvcqg")["logins"] > logins,
    )


def _lost_answers(
    world: World, watch: Watch, expect: Expectations, create: list[dict[str, Any]], update: list[dict[str, Any]]
) -> None:
    world.fault("dvcqg", "hang_after", value=3.0, match=f'"isUpdating":"False","data":[{{"MaHoSo":"{_code(create)}"')
    _send(world, create)
    watch.until_quiet()
    kept = world.account("dvcqg")["dossiers"][_code(create)]
    expect.that(
        "a create whose answer was lost is asked about, not sent again",
        [v["isUpdating"] for v in kept["versions"]].count("False") == 1,
        kept["versions"],
    )
    world.fault("dvcqg", "hang_after", value=3.0, match=f'"isUpdating":"True","data":[{{"MaHoSo":"{_code(update)}"')
    _send(world, update)
    watch.until_quiet()
    kept = world.account("dvcqg")["dossiers"][_code(update)]
    statuses = [version["TrangThaiHoSo"] for version in kept["versions"]]
    expect.that(
        "an update whose answer was lost is sent again with the same bytes", statuses == ["2", "4", "4", "9", "10"], statuses
    )
    expect.that(
        "its progress rows stand once each", _rows(world, _code(update)) == ["2", "4", "9", "10"], _rows(world, _code(update))
    )


def _never_swallowed(world: World, watch: Watch, expect: Expectations, messages: list[dict[str, Any]]) -> None:
    """Send 2, 4, 5, 4 where the second 4 equals the first byte for byte, under keys of their own."""
    world.said_twice += 1
    first, processing = messages[0], messages[1]
    supplement = copy.deepcopy(processing)
    supplement["document"]["HoSo"]["TrangThaiHoSo"] = "5"
    supplement["document"]["TienDo"][0]["TrangThai"] = "5"
    again = copy.deepcopy(processing)
    for number, each in enumerate((first, processing, supplement, again)):
        each["key"] = f"{_code(messages)}.swing.{number}"
        world.do("thai_nguyen", "send", **each)
    watch.until_quiet()
    expect.that(
        "4, 5, 4 with equal bytes are three messages",
        _rows(world, _code(messages)) == ["2", "4", "5", "4"],
        _rows(world, _code(messages)),
    )


def _at_the_door(world: World, expect: Expectations, messages: list[dict[str, Any]]) -> None:
    last = copy.deepcopy(messages[1])
    last["key"] = f"{_code(messages)}.swing.3"
    one, two = (world.do("thai_nguyen", "send", **last) for _ in range(2))
    expect.that(
        "a repeated message gets the same answer, byte for byte", one["status"] == 202 and one["body"] == two["body"], two
    )
    last["document"]["HoSo"]["DanhSachLePhi"] = [
        {"TenPhiLePhi": "Lệ phí", "MaPhiLePhi": "LP01", "HinhThucThu": "1", "Gia": "990000", "LoaiPhiLePhi": "1"}
    ]
    changed = world.do("thai_nguyen", "send", **last)
    expect.that("a changed amount under the same key is refused", changed["status"] == 409, changed)
    twice = world.do("vnsw", "application", document_type=TRADE, seed=60, fault="duplicate")
    expect.that(
        "an envelope that comes twice is answered the same twice",
        twice[0]["answer"] == twice[1]["answer"] and twice[0]["answer"]["function"] == "99",
        twice,
    )
    for fault, text in (("broken_signature", "a broken signature is refused"), ("dtd", "a DTD is refused")):
        answer = world.do("vnsw", "application", document_type=TRADE, seed=61, fault=fault)["answer"]
        expect.that(text, answer["function"] != "99", answer)
    eleven = world.do("vnsw", "application", seed=62, fault="eleven_faults")["answer"]
    expect.that(
        "a message with eleven faults is told all eleven", eleven["function"] == "00" and len(eleven["errors"]) == 11, eleven
    )
    bilingual = all("(" in each["name"] and "/" in each["name"] for each in eleven["errors"])
    expect.that("each with its path, in Vietnamese and English", bilingual, eleven["errors"][:1])


def _what_waits(
    watch: Watch,
    expect: Expectations,
    unmapped: list[dict[str, Any]],
    refused: list[dict[str, Any]],
    lost_row: list[dict[str, Any]],
) -> None:
    for text, messages, state in (
        ("a field code without national mapping is parked, its followers held", unmapped, State.PARKED),
        ("what the portal refuses for good is parked, its followers held", refused, State.PARKED),
        ("a progress row whose answer was lost stays in doubt, its followers held", lost_row, State.IN_DOUBT),
    ):
        subject = f"national:{_code(messages)}"
        stands = watch.count(subject=subject, state=state) == 1 and watch.count(subject=subject, state=State.HELD) > 0
        expect.that(text, stands, watch.states())


def operator(world: World, watch: Watch, expect: Expectations, waiting: dict[str, str]) -> None:
    """An operator sees the groups by cause, mends a mapping, replays, settles a doubt, gives one up."""
    groups = world.cli("failures")
    codes = _error_codes(groups)
    expect.that("failures are grouped by cause", {"no_mapping", "refused", "in_doubt"} <= codes, codes)
    told = [each for each in world.account("thai_nguyen")["notices"] if each["KetQua"] == "refused"]
    expect.that("the sender of the refused dossier is told", any(waiting["refused"] in each["HoSo"] for each in told), told)
    _mend_and_replay(world, watch, expect, waiting["unmapped"])
    _settle(world, watch, expect, waiting["lost_row"])
    _abandon(world, watch, expect, waiting["refused"])


def _error_codes(tree: Any) -> set[str]:
    """Collect the error codes in the groups, wherever the JSON has them."""
    if isinstance(tree, dict):
        found = {tree["error_code"]} if "error_code" in tree else set()
        return found.union(*(_error_codes(each) for each in tree.values()))
    if isinstance(tree, list):
        return set().union(*(_error_codes(each) for each in tree))
    return set()


def _mend_and_replay(world: World, watch: Watch, expect: Expectations, code: str) -> None:
    with (world.folder / "codes" / "fields.csv").open("a", encoding="utf-8", newline="") as file:
        csv.writer(file).writerow([LOCAL_FIELD, NATIONAL_FIELD, "Đất đai", "", ""])
    plan = world.cli("replay", "plan", "--code", code, "--verb", "rebuild", "--why", "đã bổ sung ánh xạ lĩnh vực Đất đai")
    world.cli("replay", "run", plan["id"])
    watch.until_quiet()
    expect.that(
        "the mended one and its followers arrive in order", _rows(world, code) == ["2", "4", "9", "10"], _rows(world, code)
    )
    record = world.account("dvcqg")["dossiers"][code]["record"]
    expect.that("with the national field code", record["MaLinhVuc"] == NATIONAL_FIELD, record["MaLinhVuc"])


def _settle(world: World, watch: Watch, expect: Expectations, code: str) -> None:
    evidence = world.folder / "evidence" / f"{code}.json"
    evidence.parent.mkdir(exist_ok=True)
    seen = world.account("dvcqg")["dossiers"][code]["rows"]
    evidence.write_text(json.dumps(seen, ensure_ascii=False), encoding="utf-8")
    doubtful = watch.only(subject=f"national:{code}", state=State.IN_DOUBT)
    answer = "--arrived" if seen else "--not-arrived"
    world.cli("settle", doubtful, answer, "--evidence", str(evidence), "--why", "đã đối chiếu trên Cổng DVCQG")
    watch.until_quiet()
    expect.that(
        "settled with evidence, the rest follows and nothing stands twice",
        _rows(world, code) == ["2", "4", "9", "10"],
        _rows(world, code),
    )


def _abandon(world: World, watch: Watch, expect: Expectations, code: str) -> None:
    plan = world.cli("replay", "plan", "--code", code, "--verb", "release", "--why", "thử gửi lại")
    skipped = json.dumps(plan, ensure_ascii=False)
    head = watch.only(subject=f"national:{code}", state=State.PARKED)
    expect.that("the plan says why followers cannot go alone", '"skip"' in skipped and head in skipped, skipped[:400])
    world.cli("abandon", head, "--why", "Cổng từ chối thủ tục này, đơn vị sẽ nộp lại theo thủ tục khác")
    watch.until_quiet()
    expect.that(
        "given up with a reason, its followers get their turn",
        watch.count(subject=f"national:{code}", state=State.ABANDONED) == 1,
    )
