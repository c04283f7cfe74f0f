"""Plots as SVG that the server writes: columns over hours, and shares of one; read aloud by a title and a table beside them."""

from __future__ import annotations

from collections.abc import Sequence

from markupsafe import Markup

#: Size of the drawing's own units; on a page it is as wide as its column.
WIDTH, HEIGHT = 480, 120
_LEFT, _RIGHT, _TOP, _BOTTOM = 34, 4, 6, 18


def columns(series: Sequence[Sequence[int | None]], labels: Sequence[str], title: str) -> Markup:
    """Draw series beside each other, a column for each value; ``labels`` stand below, an empty one is left out.

    A value of None is not known: nothing is drawn there.
    """
    top = max((value for one in series for value in one if value is not None), default=0)
    ceiling = nice(top)
    body = Markup("").join(_series(one, number, len(series), ceiling) for number, one in enumerate(series))
    return Markup(
        '<svg class="plot" viewBox="0 0 {w} {h}" role="img"><title>{title}</title>{grid}{body}{labels}</svg>'
    ).format(w=WIDTH, h=HEIGHT, title=title, grid=_grid(ceiling), body=body, labels=_labels(labels))


def nice(value: int) -> int:
    """Give the round number at or above a value at which an axis ends."""
    size = 1
    while True:
        for step in (1, 2, 5):
            if value <= step * size:
                return step * size
        size *= 10


def _series(values: Sequence[int | None], number: int, count: int, ceiling: int) -> Markup:
    slot = (WIDTH - _LEFT - _RIGHT) / max(1, len(values))
    width = slot * 0.8 / count
    kind = "bar" if number == 0 else "bar two"
    made = Markup("")
    for place, value in enumerate(values):
        if value:
            height = (HEIGHT - _TOP - _BOTTOM) * value / ceiling
            x = _LEFT + slot * place + slot * 0.1 + width * number
            made += Markup('<rect class="{}" x="{}" y="{}" width="{}" height="{}"/>').format(
                kind, _n(x), _n(HEIGHT - _BOTTOM - height), _n(width), _n(height)
            )
    return made


def _grid(ceiling: int) -> Markup:
    made = Markup("")
    for share in (0, 1):
        y = HEIGHT - _BOTTOM - (HEIGHT - _TOP - _BOTTOM) * share
        made += Markup('<line class="axis" x1="{}" x2="{}" y1="{y}" y2="{y}"/>').format(_LEFT, WIDTH - _RIGHT, y=_n(y))
        made += Markup('<text x="{}" y="{}" text-anchor="end">{}</text>').format(_LEFT - 4, _n(y + 4), _short(ceiling * share))
    return made


def _labels(labels: Sequence[str]) -> Markup:
    slot = (WIDTH - _LEFT - _RIGHT) / max(1, len(labels))
    made = Markup("")
    for place, label in enumerate(labels):
        if label:
            x = _LEFT + slot * (place + 0.5)
            made += Markup('<text x="{}" y="{}" text-anchor="middle">{}</text>').format(_n(x), HEIGHT - 4, label)
    return made


def _short(value: int) -> str:
    if value >= 1_000_000:
        return f"{value // 1_000_000}M"
    return f"{value // 1000}k" if value >= 1000 else str(value)


def _n(value: float) -> str:
    return f"{value:.1f}"
