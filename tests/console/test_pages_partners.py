"""Pages of partners and alerts: health, pause with a reason, tests step by step, onboarding, and a succession asked twice."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from hub import partner_tests
from hub.alerting import Alerting, watch
from hub.edge.heartbeat import Heartbeat
from hub.registers import partner_health, partners
from tests.console.office import ELSEWHERE, Office, found, office, text, words
from tests.support import hub as hubs
from tests.support.hub import PARTNER, At


@pytest.fixture
def own(tmp_path: Path) -> Iterator[Office]:
    """An office of its own, with a partner that could take the other's place."""
    folder = tmp_path / "config"
    (folder / "endpoints").mkdir(parents=True)
    (folder / "endpoints" / "bo_moi.toml").write_text(hubs.outbound(At()), encoding="utf-8")
    with office(folder) as opened:
        opened.night.send(1, "H1")
        opened.night.unmapped(2, "H2")
        yield opened


def test_the_list_and_the_page_tell_how_a_partner_is_doing(own: Office) -> None:
    listed = words(own.seat("xem").page("/partners"))
    page = own.seat("xem").page(f"/partners/{PARTNER}")

    assert "dừng 1" in listed
    assert "Tỷ lệ thành công" in words(page)
    assert '<svg class="plot"' in page
    assert "/do/" not in page


def test_a_rate_of_some_calls_says_of_how_many(own: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    for number in range(4):
        own.night.send(300 + number, f"H30-{number}")
    whole = words(own.seat("an").page("/partners"))
    monkeypatch.setattr(partner_health, "SMALL_SAMPLE", 2)
    some = words(own.seat("an").page("/partners"))

    assert "lượt gọi gần nhất" not in whole
    assert "của 2 lượt gọi gần nhất" in some


def test_pause_and_resume_need_a_reason_which_everybody_sees(own: Office) -> None:
    seat, back = own.seat("an"), f"/partners/{PARTNER}"
    silent = seat.post("/do/pause", {"endpoint": PARTNER, "why": "", "back": back})
    paused = seat.post("/do/pause", {"endpoint": PARTNER, "why": "bộ bảo trì", "back": back})
    told = words(own.seat("xem").page(back))
    resumed = seat.post("/do/resume", {"endpoint": PARTNER, "why": "bộ xong việc", "back": back})

    assert (silent.status, paused.status, resumed.status) == (422, 303, 303)
    assert "Tạm dừng bởi an: bộ bảo trì" in told
    assert "Tạm dừng bởi" not in words(own.seat("xem").page(back))


def test_a_test_message_is_followed_step_by_step(own: Office) -> None:
    answer = own.seat("an").post("/do/partner/test", {"endpoint": PARTNER, "why": "sau bảo trì", "back": "/"})
    waiting = own.seat("an").page(answer.location.partition("#")[0])
    partner_tests.carry_out(own.hub)
    done = own.seat("an").page(answer.location.partition("#")[0])

    assert answer.location.startswith(f"/partners/{PARTNER}?test=")
    assert 'hx-trigger="every 2s"' in waiting
    assert 'hx-trigger="every 2s"' not in done
    assert "Mở kết nối" in words(done)


def test_steps_of_onboarding_are_ticked_with_evidence_and_taken_back(own: Office) -> None:
    seat, page = own.seat("an"), f"/partners/{PARTNER}"
    link = found(seat.page(page), r'href="(/do/partner/onboard\?[^"]*step=contact[^"]*)"').replace("&amp;", "&")
    assert 'value="contact"' in seat.page(link)
    fields = {"endpoint": PARTNER, "step": "contact", "done": "true", "why": "đã gặp", "back": page}
    bare = seat.post("/do/partner/onboard", fields)
    ticked = seat.post("/do/partner/onboard", {**fields, "evidence": "Ông Thử, 0000000000"})

    assert bare.status == 409
    assert (ticked.status, ticked.location) == (303, page)
    assert "an đánh dấu" in words(seat.page(page))
    back = seat.post("/do/partner/onboard", {**fields, "done": "", "done.shown": "1", "why": "nhầm"})
    assert back.status == 303
    assert "an đánh dấu" not in words(seat.page(page))


def test_a_succession_is_looked_at_again_before_it_is_done(own: Office) -> None:
    seat = own.seat("quan_tri")
    asked = seat.page(f"/partners/{PARTNER}/succeed", successor="bo_moi")
    with own.hub.ledger.read() as conn:
        assert partners.succession_of(conn, PARTNER) is None
    fields = {"endpoint": PARTNER, "successor": "bo_moi", "back": f"/partners/{PARTNER}"}
    answer = seat.post("/do/partner/succeed", {**fields, "why": "sáp nhập bộ"})

    assert "không hoàn lại được" in words(asked)
    assert "Xác nhận chuyển bo sang bo_moi" in asked
    assert answer.status == 303, words(text(answer))
    assert "Đang chuyển sang bo_moi" in words(seat.page(f"/partners/{PARTNER}"))
    assert "bo_moi" in words(seat.page("/partners"))
    again = seat.post("/do/partner/succeed", {**fields, "why": "lần hai"})
    assert again.status == 409


@pytest.mark.parametrize("successor", ["", PARTNER, "no_such", ELSEWHERE])
def test_a_successor_must_be_one_that_can_take_dossiers(own: Office, successor: str) -> None:
    assert own.seat("quan_tri").get(f"/partners/{PARTNER}/succeed", successor=successor).status == 404
    assert own.seat("an").get(f"/partners/{PARTNER}/succeed", successor="bo_moi").status in (403, 404)


def test_that_no_process_is_at_work_is_said_where_one_looks_first(own: Office, tmp_path: Path) -> None:
    seat = own.seat("xem")
    before = [words(seat.page(address)) for address in ("/", "/failures")]
    here = Heartbeat(own.hub, ["doors", "dispatch"], tmp_path, name="may-1:1")
    here.beat()
    without_work = [words(seat.page(address)) for address in ("/", "/failures")]
    Heartbeat(own.hub, ["work"], tmp_path, name="may-1:2").beat()
    whole = [words(seat.page(address)) for address in ("/", "/failures")]

    assert all("Không có tiến trình nào đang chạy" in each for each in before)
    assert all("Không có tiến trình nào đang đảm nhận: gửi cho đối tác (work)" in each for each in without_work)
    assert all("Không có tiến trình nào" not in each for each in whole)


# --- alerts ------------------------------------------------------------------------------------------------------


def watched(own: Office) -> None:
    """Let the watcher look until what is wrong has been so for long enough."""
    alerting = Alerting(hub=own.hub, tell=lambda _recipient, _letter: None)
    for _ in range(3):
        watch(alerting)
        own.night.clock.advance(600)
    # Meanwhile their sessions were idle for too long.
    own.seats.clear()


def test_an_alert_leads_to_what_is_wrong_and_is_muted_with_a_reason(own: Office) -> None:
    before = words(own.seat("an").page("/alerts"))
    watched(own)
    page = own.seat("an").page("/alerts")
    link = found(page, r'href="(/failures/[0-9a-f]{10})"')
    form = found(page, r'href="(/do/alert/mute[^"]+)"').replace("&amp;", "&")
    alert = found(form, r"alert=([^&]+)")
    silent = own.seat("an").post("/do/alert/mute", {"alert": alert, "hours": "8", "why": "", "back": "/alerts"})
    muted = own.seat("an").post("/do/alert/mute", {"alert": alert, "hours": "8", "why": "đang xử lý", "back": "/alerts"})

    assert "Không có cảnh báo nào đang diễn ra" in before
    assert own.seat("an").get(link).status == 200
    asked = words(own.seat("an").page(form))
    assert 'value="8"' in own.seat("an").page(form)
    assert all(each in asked for each in ("Từ lúc", "Đã báo", "chưa báo nơi nào")), asked
    assert found(own.seat("an").page("/alerts"), r'data-label="Về">([^<]+)<') in asked
    assert (silent.status, muted.status) == (422, 303)
    assert "an: đang xử lý" in words(own.seat("xem").page("/alerts"))
    assert own.seat("an").page(f"/alerts/{alert}")


def test_an_alert_about_others_is_not_there(own: Office) -> None:
    watched(own)
    alert = found(own.seat("an").page("/alerts"), r"/do/alert/mute\?alert=([^&]+)")

    assert "/failures/" not in words(own.seat("noi_khac").page("/alerts"))
    assert f"alert-{alert}" not in own.seat("noi_khac").page("/alerts", over="1")
    assert own.seat("noi_khac").get(f"/alerts/{alert}").status == 404
    assert own.seat("noi_khac").post("/do/alert/mute", {"alert": alert, "hours": "8", "why": "x"}).status in (403, 404, 409)
