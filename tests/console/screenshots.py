"""Takes a picture of every page, as a clerk's screen and as a phone shows it: ``make screenshots``."""

from __future__ import annotations

import base64
import struct
import sys
import tempfile
import zlib
from pathlib import Path

from playwright.sync_api import Browser, Page, expect, sync_playwright

from hub.rules.verbs import VERBS
from tests.console import house
from tests.console import night as nights
from tests.console.conftest import started
from tests.console.night import Night

FOLDER = Path(__file__).parents[2] / "docs" / "screenshots"
#: Name's ending -> width and height of the window, and the most of a page that is shown.
WINDOWS = {"": (1280, 800, 1400), "-phone": (390, 844, 1400)}
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
    """Play a night, and take pictures of it."""
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as made, nights.night(Path(made)) as night, sync_playwright() as playwright:
        nights.fail_in_four_ways(night)
        known = _furnished(night)
        browser = started(playwright)
        for ending, (width, height, most) in WINDOWS.items():
            _pictures(browser, night, known, folder, ending, (width, height, most))
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


def _pictures(
    browser: Browser, night: Night, known: dict[str, str], folder: Path, ending: str, window: tuple[int, int, int]
) -> None:
    width, height, most = window
    own = browser.new_context(viewport={"width": width, "height": height}, locale="vi-VN")
    page = own.new_page()
    page.goto(f"{night.console}/login")
    _take(page, folder / f"login{ending}.png", most)
    pages = house.addresses(known)
    pages["running"] = (f"/replays/{known['run']}", "replay show")
    by_login = {"an": [], "quan_tri": []}
    for name, (address, verb) in pages.items():
        by_login["quan_tri" if not _may("an", verb) else "an"].append((name, address))
    for login, listed in by_login.items():
        _log_in(page, night, login)
        for name, address in listed:
            page.goto(night.console + address)
            _take(page, folder / f"{name}{ending}.png", most)
        if login == "an":
            page.goto(f"{night.console}/find")
            page.locator("main [name=q]").fill("000.00.00.H55-260302-0001")
            page.locator("main form button").first.click()
            expect(page.locator("main table, main li a").first).to_be_visible()
            _take(page, folder / f"found{ending}.png", most)
            page.goto(f"{night.console}/failures/{known['group']}")
            page.locator("#mapping [name=value]").fill("TT-02")
            page.locator("#mapping button").first.click()
            expect(page.locator("#result")).to_be_visible()
            _take(page, folder / f"tried{ending}.png", most)
            page.goto(f"{night.console}/?lang=en")
            _take(page, folder / f"dashboard-en{ending}.png", most)
            page.goto(f"{night.console}/?lang=vi")
        own.clear_cookies()
    own.close()


def _may(login: str, verb: str) -> bool:
    return bool({str(each) for each in nights.PEOPLE[login][1]} & VERBS[verb].roles)


def _log_in(page: Page, night: Night, login: str) -> None:
    page.goto(f"{night.console}/login?next=/")
    page.locator("#login").fill(login)
    page.locator("#password").fill(nights.PASSWORD)
    page.locator("main button").click()
    expect(page).to_have_url(f"{night.console}/")


def _take(page: Page, path: Path, most: int) -> None:
    """Take one picture, as much of the page as stays small."""
    width = page.viewport_size["width"] if page.viewport_size else 0
    whole = min(most, page.evaluate("document.documentElement.scrollHeight"))
    for height in range(whole, 0, -STEP):
        taken = page.screenshot(full_page=True, clip={"x": 0, "y": 0, "width": width, "height": height})
        smaller = _with_few_colours(page, taken)
        if len(smaller) < MOST_BYTES:
            path.write_bytes(smaller)
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
