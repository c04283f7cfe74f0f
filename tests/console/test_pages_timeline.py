"""Pages of a dossier, a message, a delivery: all that is known, nobody's data without a reason, exact bytes, and evidence."""

from __future__ import annotations

import io
import json
import re
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from hub import operations
from hub.canonical.digests import digest_of
from hub.edge.console import filters
from hub.operations import endpoints
from hub.registers import container_checks, history
from hub.registers.plan_choice import Choice
from hub.registers.records import Filters
from hub.registers.words import VERDICT_REASONS
from hub.rules.lifecycle import State
from tests.console.office import Office, Seat, found, office, text, words
from tests.support import hub as hubs
from tests.support import pki
from tests.support.browser import Page
from tests.support.hub import PARTNER
from tests.support.looking import broken_rows

NAME = "Nguyễn Thử Nghiệm"


def reveal(seat: Seat, about: str, back: str = "/") -> None:
    answer = seat.post("/do/reveal", {"about": about, "why": "người dân khiếu nại", "back": back})
    assert (answer.status, answer.location) == (303, back), words(text(answer))


def test_a_dossier_is_told_in_order_with_links_to_everything(house: Office) -> None:
    house.night.send(101, "H10-1")
    house.night.send(102, "H10-1", status="TIEPNHAN", steps=1)
    (first, *_) = house.night.deliveries("H10-1")
    page = house.seat("an").page("/timeline/H10-1")

    told = words(page)
    assert told.index("Nhận thông điệp") < told.index("Bắt đầu gửi") < told.index("Đối tác đã nhận")
    assert "Khác thông điệp trước ở" in told
    assert f'href="/deliveries/{first.id}"' in page
    assert f'href="/bytes/{first.business_digest}?of={first.id}"'.replace(":", "%3A") in page
    assert "3 / 3" in told
    assert NAME not in page


def test_steps_within_a_minute_can_be_told_apart(house: Office) -> None:
    house.night.send(192, "H10-5")
    (delivery,) = house.night.deliveries("H10-5")
    at = filters.step_at("vi", delivery.attempts[0].started_at)

    assert re.fullmatch(
        r'<time datetime="([^"]+\.\d{3}\+07:00)" title="\1">\d\d/\d\d/\d{4} \d\d:\d\d:\d\d</time>', at
    )
    assert filters.step_at("vi", None) == ""
    for page in ("/timeline/H10-5", f"/deliveries/{delivery.id}"):
        assert at in house.seat("an").page(page)


def test_what_the_sender_was_told_is_said_in_words(house: Office) -> None:
    house.night.faults["H10-6"] = "refuse"
    house.night.send(193, "H10-6")
    (delivery,) = house.night.deliveries("H10-6")
    pages = [words(house.seat("an").page(each)) for each in ("/timeline/H10-6", f"/messages/{delivery.message_id}")]

    assert all("đối tác từ chối" in each for each in pages)
    assert not [line for each in pages for line in re.findall(r".*(?:kết quả|mã|Đã báo)[^\n]*: refused.*", each)]


def test_a_plan_shows_line_by_line_how_what_goes_differs_and_counts_each_delivery_once(tmp_path: Path) -> None:
    with office(tmp_path / "config") as own:
        own.night.faults["H10-7"] = "refuse"
        own.night.send(194, "H10-7")
        own.night.send(195, "H10-7")
        own.act("mapping set", list_name="template_procedures", code="1.000001", value="TT-77", name="Tên mới")
        chosen = Choice(endpoint=PARTNER, ids=tuple(own.night.ids("H10-7")))
        plan = operations.plan(own.hub, chosen, "rebuild", actor="an", why="bổ sung mã")
        page = own.seat("an").page(f"/replays/{plan.id}")

    assert plan.samples[0].diff
    assert re.search(r"<del>- [^<]*</del><ins>[+] [^<]*TT-77", page)
    assert re.findall(r'<div class="card"><b>(\d+)</b>', page)[:3] == ["1", "1", "0"]


def test_what_a_message_is_and_says_is_told_in_words(house: Office) -> None:
    house.night.send(191, "H10-4")
    (delivery,) = house.night.deliveries("H10-4")
    seat = house.seat("an")
    told = words(seat.page("/timeline/H10-4"))

    assert "Hồ sơ H10-4" in told
    assert "loại: hồ sơ" in told and "loại: dossier" not in told
    for page in (f"/messages/{delivery.message_id}", f"/deliveries/{delivery.id}"):
        assert re.search(r"hồ sơ\s+·\s+\w.*\(dossier/\w+\)", words(seat.page(page)))


def test_a_history_of_something_else_is_not_called_a_dossier(house: Office) -> None:
    endpoints.pause(house.hub, PARTNER, actor="an", why="bảo trì")
    told = words(house.seat("an").page(f"/timeline/endpoint:{PARTNER}"))
    endpoints.resume(house.hub, PARTNER, actor="an", why="xong")

    assert f"Điểm kết nối {PARTNER}" in told and f"Hồ sơ {PARTNER}" not in told


@pytest.mark.parametrize("reason", list(VERDICT_REASONS))
def test_why_a_signature_was_judged_so_is_said_in_vietnamese(reason: str) -> None:
    assert filters.because("vi", f"{reason}; own words") == f"{VERDICT_REASONS[reason][0]}; own words"
    assert filters.because("en", reason) == reason


def test_newest_first_turns_the_order_around(house: Office) -> None:
    house.night.send(103, "H10-2")
    told = words(house.seat("an").page("/timeline/H10-2", order="newest"))

    assert told.index("Đối tác đã nhận") < told.index("Bắt đầu gửi")


def test_a_long_history_has_pages(house: Office) -> None:
    for number in range(20):
        house.night.send(500 + number, "H10-3")
    first = house.seat("an").page("/timeline/H10-3")
    later = found(first, r'href="([^"]+)" rel="next"').replace("&amp;", "&")
    second = house.seat("an").page(later)

    events = [page.count("<strong>Nhận thông điệp") for page in (first, second)]
    assert sum(events) == 20
    assert all(events)


def test_a_message_shows_what_was_judged_answered_and_made_of_it(house: Office) -> None:
    house.night.send(104, "H11-1")
    (delivery,) = house.night.deliveries("H11-1")
    page = house.seat("an").page(f"/messages/{delivery.message_id}")

    told = words(page)
    assert "M-000104" in told
    assert "không có chữ ký số" in told
    assert f'href="/deliveries/{delivery.id}"' in page
    assert NAME not in page


def test_a_refused_message_shows_every_fault_with_its_place(house: Office) -> None:
    house.night.send(105, "H11-2", hoSo={"soHoSo": "H11-2"})
    with house.hub.ledger.read() as conn:
        refused = next(row for row in history.listing(conn, Filters(accepted=False, limit=20)) if not row.accepted)
    page = house.seat("an").page(f"/messages/{refused.id}")
    told = words(page)

    assert "Bị từ chối khi tiếp nhận" in told
    assert f'href="/timeline/message%3A{refused.id}"' in page
    assert "Thông điệp bị từ chối" in words(house.seat("an").page(f"/timeline/message:{refused.id}"))
    assert "/hoSo/thuTuc" in told


def test_a_group_of_refused_messages_has_no_link_to_a_dossier_that_nobody_knows(house: Office) -> None:
    house.night.send(190, "H11-4", hoSo={"soHoSo": "H11-4"})
    seat = house.seat("an")
    groups = re.findall(r'href="(/failures/[^"?]+)"', seat.page("/failures"))
    pages = [seat.page(group) for group in groups]

    assert any("bị từ chối khi tiếp nhận" in page for page in pages)
    assert [page for page in pages if 'href="/timeline/"' in page] == []


def test_an_address_of_the_other_kind_leads_to_the_right_page(house: Office) -> None:
    house.night.send(106, "H11-3")
    (delivery,) = house.night.deliveries("H11-3")

    assert house.seat("an").get(f"/messages/{delivery.id}").location == f"/deliveries/{delivery.id}"
    assert house.seat("an").get(f"/deliveries/{delivery.message_id}").location == f"/messages/{delivery.message_id}"
    assert house.seat("an").get("/messages/no-such-one").status == 404
    assert house.seat("an").get("/timeline/no-such-one").status == 404


def test_a_delivery_offers_exactly_what_would_be_accepted_now(house: Office) -> None:
    house.night.unmapped(107, "H12-1")
    house.night.send(108, "H12-1")
    parked, held = house.night.deliveries("H12-1")
    page = house.seat("an").page(f"/deliveries/{parked.id}")

    offered = set(re.findall(r'action="/do/(release|rebuild|settle|abandon|ask)"', page))
    assert offered == {"release", "rebuild", "settle", "abandon"}
    assert f"/deliveries/{parked.id}/edit" in page
    assert f'href="/deliveries/{held.id}"' in page
    behind = house.seat("an").page(f"/deliveries/{held.id}")
    assert set(re.findall(r'action="/do/(\w+)"', behind)) == {"reveal", "abandon"}
    assert "/do/" not in house.seat("xem").page(f"/deliveries/{parked.id}")


def test_a_verb_of_the_page_is_carried_out_and_told_there(house: Office) -> None:
    house.night.unmapped(109, "H12-2")
    (parked,) = house.night.deliveries("H12-2")
    back = f"/deliveries/{parked.id}"
    answer = house.seat("an").post("/do/abandon", {"delivery": parked.id, "why": "bên gửi rút hồ sơ", "back": back})

    assert (answer.status, answer.location) == (303, back)
    assert house.night.state(parked.id) == State.ABANDONED
    assert "Đã thực hiện: Từ bỏ" in words(house.seat("an").page(back))
    assert "bên gửi rút hồ sơ" in words(house.seat("an").page("/timeline/H12-2"))


def test_evidence_is_kept_as_the_file_that_was_attached(house: Office) -> None:
    """A scan is no text: read as one, its bytes would be others."""
    house.night.faults["H12-3"] = "garble"
    house.night.send(110, "H12-3")
    house.night.faults.clear()
    (doubt,) = house.night.deliveries("H12-3")
    scan = b"%PDF-1.7\n\xff\xfe\x00\x81 scan"
    fields = {"delivery": doubt.id, "outcome": "arrived", "why": "công văn của bộ", "csrf": house.seat("an").token()}
    part = '--b\r\nContent-Disposition: form-data; name="{}"\r\n\r\n{}\r\n'
    parts = [part.format(name, value).encode() for name, value in fields.items()]
    file = b'--b\r\nContent-Disposition: form-data; name="attached"; filename="scan.pdf"\r\nContent-Type: application/pdf\r\n\r\n'
    browser = house.seat("an").browser
    headers = {"Content-Type": "multipart/form-data; boundary=b", "Origin": browser.origin}
    answer = browser.call("POST", "/do/settle", b"".join(parts) + file + scan + b"\r\n--b--\r\n", headers)

    assert answer.status == 303, words(text(answer))
    assert house.night.state(doubt.id) == State.DELIVERED
    assert house.bytes_of(digest_of(scan)) == scan
    assert digest_of(scan).replace(":", "%3A") in house.seat("an").page("/timeline/H12-3")


# --- whose data is seen, and by whom -----------------------------------------------------------------------------


def test_bytes_are_hidden_until_a_reason_is_given_and_only_for_who_gave_it(house: Office) -> None:
    house.night.send(111, "H13-1")
    (delivery,) = house.night.deliveries("H13-1")
    page = f"/bytes/{delivery.business_digest}"
    before = house.seat("an").page(page, of=delivery.id, form="raw")
    refused = house.seat("an").get(f"{page}/download", of=delivery.id)
    reveal(house.seat("an"), delivery.id, f"/deliveries/{delivery.id}")
    after = {form: house.seat("an").page(page, of=delivery.id, form=form) for form in ("pretty", "raw", "hex")}
    file = house.seat("an").get(f"{page}/download", of=delivery.id)

    assert NAME not in before
    assert "hoTen" in before
    assert (refused.status, refused.location) == (303, f"{page}?of={delivery.id}".replace(":", "%3A"))
    assert NAME in after["pretty"] and NAME in after["raw"]
    assert "00000000  7b" in after["hex"]
    assert all("Đang hiển thị dữ liệu cá nhân" in text for text in after.values())
    assert file.body == house.bytes_of(delivery.business_digest)
    assert NAME not in house.seat("duyet").page(page, of=delivery.id)
    assert "người dân khiếu nại" in words(house.seat("thanh_tra").page("/journal", person="an"))


def test_after_a_quarter_of_an_hour_it_is_hidden_again(tmp_path: Path) -> None:
    with office(tmp_path / "config") as alone:
        alone.night.send(1, "H1")
        (delivery,) = alone.night.deliveries("H1")
        reveal(alone.seat("an"), "H1")
        seen = alone.seat("an").page(f"/deliveries/{delivery.id}")
        alone.night.clock.advance(15 * 60 + 1)

        assert NAME in seen
        assert NAME not in alone.seat("an").page(f"/deliveries/{delivery.id}")
        assert alone.seat("an").get(f"/bytes/{delivery.business_digest}/download", of=delivery.id).status == 303


def test_a_revealed_history_shows_what_changed(house: Office) -> None:
    house.night.send(112, "H13-2")
    tree = json.loads(house.bytes_of(house.night.deliveries("H13-2")[0].canonical_digest))
    assert tree["dossier"]["applicant"]["name"] == NAME
    house.night.send(113, "H13-2", hoSo={**json.loads(hubs.document(113, "H13-2"))["hoSo"], "nguoiNop": {"hoTen": "Trần Thử"}})
    before = house.seat("an").page("/timeline/H13-2")
    reveal(house.seat("an"), "H13-2")
    after = house.seat("an").page("/timeline/H13-2")

    assert "/dossier/applicant/name" in before
    assert "Trần Thử" not in before
    assert f"<del>{NAME}</del>" in after
    assert "<ins>Trần Thử</ins>" in after


@pytest.mark.parametrize("login", ["xem", "danh_muc", "quan_tri"])
def test_roles_that_may_not_see_persons_are_not_offered_it(house: Office, login: str) -> None:
    house.night.send(114, "H13-3")
    (delivery,) = house.night.deliveries("H13-3")
    page = house.seat(login).page(f"/deliveries/{delivery.id}")

    assert "/do/reveal" not in page
    assert NAME not in page
    answer = house.seat(login).post("/do/reveal", {"about": delivery.id, "why": "tò mò"})
    assert answer.status == 403


def test_without_a_reason_nothing_is_shown(house: Office) -> None:
    house.night.send(115, "H13-4")
    (delivery,) = house.night.deliveries("H13-4")
    answer = house.seat("an").post("/do/reveal", {"about": delivery.id, "why": "  "})

    assert answer.status == 422
    assert 'aria-invalid="true"' in text(answer)
    assert NAME not in house.seat("an").page(f"/deliveries/{delivery.id}")


def test_a_digest_alone_opens_nothing(house: Office) -> None:
    house.night.send(116, "H13-5")
    house.night.send(117, "H13-6")
    (mine,), (other,) = house.night.deliveries("H13-5"), house.night.deliveries("H13-6")
    seat = house.seat("an")

    for of in ("", other.id, other.message_id, "no-such-one"):
        assert seat.get(f"/bytes/{mine.canonical_digest}", of=of).status == 404, of
    for digest in ("sha256:zz", "../../etc/passwd", "sha256:" + "0" * 64):
        assert seat.get(f"/bytes/{digest}", of=mine.id).status == 404


def test_a_download_is_never_a_page(house: Office) -> None:
    house.night.send(118, "H13-7")
    (delivery,) = house.night.deliveries("H13-7")
    reveal(house.seat("an"), delivery.id)
    file = house.seat("an").get(f"/bytes/{delivery.business_digest}/download", of=delivery.id)

    assert file.headers["content-type"] == "application/octet-stream"
    assert file.headers["content-disposition"].startswith("attachment;")
    assert file.headers["x-content-type-options"] == "nosniff"


# --- evidence ----------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def sealed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Office]:
    """An office whose hub has a key to seal evidence with."""
    folder = tmp_path_factory.mktemp("sealed") / "config"
    (folder / "keys").mkdir(parents=True)
    own = pki.leaf(pki.root("Tổ chức thử nghiệm"), "Trục liên thông thử nghiệm")
    (folder / "keys" / "sign.pem").write_bytes(own.key_pem)
    (folder / "keys" / "sign.crt").write_bytes(own.pem)
    signer = '[signers.default]\nkey = "file:keys/sign.pem"\ncertificate = "file:keys/sign.crt"\n'
    with office(folder, hub=signer) as opened:
        yield opened


def files(answer: Page) -> list[bytes]:
    archive = zipfile.ZipFile(io.BytesIO(answer.body))
    return [archive.read(name) for name in archive.namelist()]


def test_evidence_is_one_sealed_file_and_stands_in_the_journal(sealed: Office) -> None:
    sealed.night.send(119, "H14-1")
    answer = sealed.seat("thanh_tra").post("/evidence", {"name": "national:H14-1", "why": "tòa án yêu cầu"})

    assert answer.status == 200, words(text(answer))
    assert ".asice" in answer.headers["content-disposition"]
    verdict = container_checks.verify(io.BytesIO(answer.body), ())
    assert verdict.holds
    assert verdict.personal_data
    assert any(NAME.encode() in file for file in files(answer))
    told = words(sealed.seat("thanh_tra").page("/journal", subject="national:H14-1"))
    assert "Xuất bằng chứng" in told
    assert "tòa án yêu cầu" in told
    assert broken_rows(sealed.hub.ledger) == []


def test_evidence_without_personal_data_has_none(sealed: Office) -> None:
    sealed.night.send(120, "H14-2")
    fields = {"name": "national:H14-2", "without_personal_data": "true", "why": "gửi đối tác"}
    answer = sealed.seat("thanh_tra").post("/evidence", fields)

    assert container_checks.verify(io.BytesIO(answer.body), ()).holds
    assert not any(NAME.encode() in file for file in files(answer))


def test_evidence_needs_a_reason_a_name_and_the_role(sealed: Office) -> None:
    sealed.night.send(121, "H14-3")
    without = sealed.seat("thanh_tra").post("/evidence", {"name": "national:H14-3", "why": ""})
    unknown = sealed.seat("thanh_tra").post("/evidence", {"name": "no-such-one", "why": "x"})

    assert without.status == 422
    assert 'action="/evidence"' in text(without)
    assert unknown.status == 409
    assert sealed.seat("xem").post("/evidence", {"name": "national:H14-3", "why": "x"}).status == 403
    assert "/evidence" not in sealed.seat("xem").page("/timeline/H14-3")
    elsewhere = sealed.seat("noi_khac").post("/evidence", {"name": "national:H14-3", "why": "x"})
    assert elsewhere.status in (403, 404)
