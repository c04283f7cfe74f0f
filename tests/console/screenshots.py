"""Takes a picture of every page, as a clerk's screen and as a phone shows it: ``make screenshots``."""

from __future__ import annotations

import base64
import struct
import sys
import tempfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import Browser, Page, expect, sync_playwright

from hub.rules.verbs import VERBS
from tests.console import house, showcase
from tests.console import night as nights
from tests.console.conftest import started
from tests.console.night import Night
from tests.console.showcase import Shown

FOLDER = Path(__file__).parents[2] / "docs" / "screenshots"
#: Name's ending -> width and height of the window, and the most of a page that is shown.
WINDOWS = {"": (1280, 800, 1400), "-phone": (390, 844, 1400)}
#: Pages on which nothing stands at night. Of the first three there are pictures from elsewhere (``showcase.py``).
EMPTY_AT_NIGHT = {"pulls", "lookup", "border", "links", "worklist", "candidates", "procedures_compared"}
EMPTY_AT_NIGHT |= {"statistics_form", "statistics_checks"}
#: Who looks: the first of these who may see a page.
LOGINS = ("an", "quan_tri", "danh_muc")
#: A picture stays below this many bytes; what is longer is cut off at the bottom.
MOST_BYTES = 150_000
STEP = 100
#: Finds the 256 colours that a picture has most of, and which of them each of its points is nearest to.
_COLOURS = """async (address) => {
  const image = new Image();
  image.src = address;
  await image.decode();
  const { width, height } = image;
  const drawn = new OffscreenCanvas(width, height).getContext("2d");
  drawn.drawImage(image, 0, 0);
  const { data } = drawn.getImageData(0, 0, width, height);
  const counts = new Map();
  const points = new Uint32Array(width * height);
  for (let i = 0; i < points.length; i++) {
    points[i] = (data[4 * i] << 16) | (data[4 * i + 1] << 8) | data[4 * i + 2];
    counts.set(points[i], (counts.get(points[i]) || 0) + 1);
  }
  const palette = [...counts].sort((a, b) => b[1] - a[1]).slice(0, 256).map((each) => each[0]);
  const near = new Map(palette.map((colour, place) => [colour, place]));
  const apart = (a, b) => Math.hypot((a >> 16) - (b >> 16), ((a >> 8) & 255) - ((b >> 8) & 255), (a & 255) - (b & 255));
  let said = "";
  for (const point of points) {
    if (!near.has(point)) {
      const nearer = (best, each, place) => (apart(point, each) < apart(point, palette[best]) ? place : best);
      near.set(point, palette.reduce(nearer, 0));
    }
    said += String.fromCharCode(near.get(point));
  }
  return { width, height, palette, points: btoa(said) };
}"""


def main(folder: Path = FOLDER) -> None:
    """Play a night, and take pictures of it; then of what is not seen at night."""
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as made, sync_playwright() as playwright:
        browser = started(playwright)
        with nights.night(Path(made) / "night") as night:
            nights.fail_in_four_ways(night)
            known = _furnished(night)
            for ending in WINDOWS:
                with _window(browser, ending) as page:
                    _of_the_night(page, night, known, folder, ending)
        for hub in showcase.HUBS:
            with hub(Path(made) / hub.__name__) as shown:
                for ending in WINDOWS:
                    with _window(browser, ending) as page:
                        _of_pages(page, shown, folder, ending)
        browser.close()


def _furnished(night: Night) -> dict[str, str]:
    """Let a replay run, an answer be lost, and somebody work on the rest."""
    groups = {each.cause.partner_code: each for each in house.act(night, "failures").parked}
    refused = house.act(night, "replay plan", group=groups["13"].name, verb="release", why="bộ đã bổ sung thủ tục")
    # In the third step: 1 and 5 have gone well, and the other 24 of this one do.
    night.fault("hang_after", times=1, value=0.1, match=f'"000.00.00.H55-260302-{nights.UNMAPPED + 10:04}"')
    house.act(night, "replay run", plan=refused.id, why="gửi lại theo đợt")
    parked = nights.UNMAPPED + nights.UNKNOWN_THERE + nights.FAULTY + nights.ORPHANED - 31
    night.until({"held": nights.FOLLOWERS, "parked": parked, "delivered": 30, "in_doubt": 1})
    missing = groups[""]
    house.act(night, "group take", group=missing.name)
    house.act(night, "group note", group=missing.name, text="Đã gọi đầu mối của bộ: mã mới theo công văn, bổ sung trong đêm.")
    return {**house.known(night, missing, groups["10"]), "run": refused.id}


@contextmanager
def _window(browser: Browser, ending: str) -> Iterator[Page]:
    width, height, _ = WINDOWS[ending]
    own = browser.new_context(viewport={"width": width, "height": height}, locale="vi-VN")
    yield own.new_page()
    own.close()


def _of_the_night(page: Page, night: Night, known: dict[str, str], folder: Path, ending: str) -> None:
    page.goto(f"{night.console}/login")
    _take(page, folder, "login", ending)
    pages = house.addresses(known)
    pages["running"] = (f"/replays/{known['run']}", "replay show")
    at_night = {name: each for name, each in pages.items() if name not in EMPTY_AT_NIGHT}
    _of_pages(page, Shown(night.console, at_night), folder, ending)
    _log_in(page, night.console, "an")
    page.goto(f"{night.console}/find")
    page.locator("main [name=q]").fill("000.00.00.H55-260302-0001")
    page.locator("main form button").first.click()
    expect(page.locator("main table, main li a").first).to_be_visible()
    _take(page, folder, "found", ending)
    page.goto(f"{night.console}/failures/{known['group']}")
    page.locator("#mapping [name=value]").fill("TT-02")
    page.locator("#mapping button").first.click()
    expect(page.locator("#result")).to_be_visible()
    _take(page, folder, "tried", ending)
    page.goto(f"{night.console}/?lang=en")
    _take(page, folder, "dashboard-en", ending)


def _of_pages(page: Page, shown: Shown, folder: Path, ending: str) -> None:
    """Take a picture of each page, as somebody sees it who may."""
    by_login: dict[str, list[tuple[str, str]]] = {}
    for name, (address, verb) in shown.pages.items():
        by_login.setdefault(next(login for login in LOGINS if _may(login, verb)), []).append((name, address))
    for login, listed in by_login.items():
        _log_in(page, shown.console, login)
        for name, address in listed:
            page.goto(shown.console + address)
            _take(page, folder, name, ending)
        page.context.clear_cookies()


def _may(login: str, verb: str) -> bool:
    return bool({str(each) for each in nights.PEOPLE[login][1]} & VERBS[verb].roles)


def _log_in(page: Page, console: str, login: str) -> None:
    page.goto(f"{console}/login?next=/")
    page.locator("#login").fill(login)
    page.locator("#password").fill(nights.PASSWORD)
    page.locator("main button").click()
    expect(page).to_have_url(f"{console}/")


def _take(page: Page, folder: Path, name: str, ending: str) -> None:
    """Take one picture, as much of the page as stays small."""
    width, _, most = WINDOWS[ending]
    whole = min(most, page.evaluate("document.documentElement.scrollHeight"))
    for height in range(whole, 0, -STEP):
        taken = page.screenshot(full_page=True, clip={"x": 0, "y": 0, "width": width, "height": height})
        smaller = _with_few_colours(page, taken)
        if len(smaller) < MOST_BYTES:
            (folder / f"{name}{ending}.png").write_bytes(smaller)
            return


def _with_few_colours(page: Page, picture: bytes) -> bytes:
    """Write a picture with 256 colours, a third as large; another window of the browser counts them."""
    other = page.context.new_page()
    try:
        found = other.evaluate(_COLOURS, "data:image/png;base64," + base64.b64encode(picture).decode())
    finally:
        other.close()
    return _png(found["width"], found["height"], found["palette"], base64.b64decode(found["points"]))


def _png(width: int, height: int, palette: list[int], points: bytes) -> bytes:
    """Write a PNG (RFC 2083) whose points are places in a list of colours."""
    lines = b"".join(b"\0" + points[start : start + width] for start in range(0, width * height, width))
    head = struct.pack(">IIBBBBB", width, height, 8, 3, 0, 0, 0)
    colours = b"".join(struct.pack(">I", each)[1:] for each in palette)
    parts = ((b"IHDR", head), (b"PLTE", colours), (b"IDAT", zlib.compress(lines, 9)), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(_chunk(*each) for each in parts)


def _chunk(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))


if __name__ == "__main__":
    main(*(Path(each) for each in sys.argv[1:2]))
