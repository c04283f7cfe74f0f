"""The trust store: it can be read, its anchors last, and the revocation lists that are needed are there."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

from hub.edge.cli import frame
from hub.edge.cli.checks.findings import ERROR, WARNING, Finding, fine, of_error
from hub.errors import HubError
from hub.settings import TRUST_FILE, Settings
from hub.trust.book import Standing, TrustBook
from hub.trusted import open_book

#: An authority that ends so soon is said.
SOON = timedelta(days=90)


def look(settings: Settings) -> Iterator[Finding]:
    """Look at trust/, where it has a store; one without anchors (the example) says nothing."""
    if not (settings.folder / TRUST_FILE).is_file():
        return
    try:
        book = open_book(settings)
    except HubError as error:
        yield of_error(error.where or TRUST_FILE, error)
        return
    if not book.store.anchors:
        return
    lines = sum(len(each) for each in book.store.register.values())
    yield fine(
        TRUST_FILE,
        f"{len(book.store.anchors)} tổ chức gốc, {len(book.store.between)} tổ chức trung gian, {lines} chứng thư đã đăng ký",
        f"{len(book.store.anchors)} anchors, {len(book.store.between)} authorities below them, {lines} registered certificates",
    )
    now = datetime.now(UTC)
    for standing in book.standings():
        yield _ends(standing, now)
        if standing.needed:
            yield _list(book, standing, now)
    for name, why in book.files.current().unusable.items():
        where = f"{settings.trust.revocation.folder}/{name}"
        yield Finding(level=WARNING, where=where, vi=f"không dùng được: {why}", en=f"of no use: {why}")


def _ends(standing: Standing, now: datetime) -> Finding:
    where, end = f"{TRUST_FILE} {standing.name}", standing.until
    day = frame.moment(end.timestamp())
    if end < now:
        return Finding(level=ERROR, where=where, vi=f"đã hết hạn lúc {day}", en=f"ended on {day}")
    if end - now < SOON:
        return Finding(level=WARNING, where=where, vi=f"sắp hết hạn: {day}", en=f"ends soon: {day}")
    return fine(where, f"tin cậy đến {day}", f"trusted until {day}")


def _list(book: TrustBook, standing: Standing, now: datetime) -> Finding:
    where = f"{TRUST_FILE} {standing.name}"
    mend_vi, mend_en = "chạy lienthong trust refresh, hoặc chép tệp CRL vào", "run lienthong trust refresh, or put its CRL into"
    folder = book.files.folder
    if standing.ends is None:
        return Finding(
            level=WARNING,
            where=where,
            vi=f"chưa có danh sách thu hồi (OCSP vẫn được dùng nếu có): {mend_vi} {folder}",
            en=f"no revocation list is held (OCSP answers are used where there are any): {mend_en} {folder}",
        )
    until = frame.moment(standing.ends.timestamp())
    if standing.ends <= now:
        vi, en = f"danh sách thu hồi đã hết hiệu lực lúc {until}", f"the revocation list ended on {until}"
        return Finding(level=ERROR, where=where, vi=f"{vi}: {mend_vi} {folder}", en=f"{en}: {mend_en} {folder}")
    if standing.ends - now < timedelta(hours=book.store.revocation.alarm_hours):
        vi, en = f"danh sách thu hồi sắp hết hiệu lực: {until}", f"the revocation list ends soon: {until}"
        return Finding(level=WARNING, where=where, vi=vi, en=en)
    return fine(where, f"danh sách thu hồi dùng được đến {until}", f"the revocation list is good until {until}")
