"""How values are written on a page: moments, numbers, states, pairs of words; each in the page's language."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping
from decimal import Decimal
from functools import partial
from typing import Any
from urllib.parse import quote

from babel import dates, numbers
from markupsafe import Markup, escape

from hub.edge.console.language import locale, translate
from hub.edge.console.vocabulary import A_DOSSIER, SUBJECTS, TABLES
from hub.edge.plain import local, plain, short
from hub.registers import border_print, border_units, plans
from hub.registers.words import EVENTS, OUTCOMES, STATES, Words, called
from hub.rules.verbs import VERBS

#: As officials write a moment; babel's own Vietnamese form puts the time first.
MOMENT = "dd/MM/yyyy HH:mm"
#: Where one step follows another within a minute.
MOMENT_OF_A_STEP = "dd/MM/yyyy HH:mm:ss"


def of_language(language: str) -> dict[str, Callable[..., Any]]:
    """Give the filters of one language's templates."""
    return {
        "when": partial(when, language),
        "step_at": partial(step_at, language),
        "day": partial(day, language),
        "ago": partial(ago, language),
        "duration": partial(duration, language),
        "number": partial(number, language),
        "percent": partial(percent, language),
        "size": partial(size, language),
        "share": partial(share, language),
        "said": partial(said, language),
        "state": partial(_called, language, STATES),
        "event": partial(_called, language, EVENTS),
        "outcome": partial(_called, language, OUTCOMES),
        "verb": partial(verb, language),
        "word": partial(word, language),
        "skip": partial(skip, language),
        "reason": partial(reason, language),
        "short": short,
        "bare": bare,
        "titled": partial(titled, language),
        "because": partial(because, language),
        "country": partial(border_print.country, language=language),
        "unit": partial(border_units.unit_name, language=language),
        "digits": partial(digits, language),
        "text_day": border_print.text_day,
        "last_day": partial(last_day, language),
        "json": pretty,
        "path": partial(quote, safe=""),
    }


def when(language: str, seconds: float | None) -> Markup:
    """Write a moment in Vietnamese time, with how long ago that is as its title; nothing where there is none."""
    if not seconds:
        return Markup("")
    moment = local(seconds)
    written = dates.format_datetime(moment, MOMENT, tzinfo=moment.tzinfo, locale=locale(language))
    stamp = moment.isoformat(timespec="seconds")
    return Markup('<time datetime="{}" title="{}">{}</time>').format(stamp, ago(language, seconds), written)


def step_at(language: str, seconds: float | None) -> Markup:
    """Write the moment of a step of a history to the second, with all of it as its title; nothing where there is none."""
    if not seconds:
        return Markup("")
    moment = local(seconds)
    written = dates.format_datetime(moment, MOMENT_OF_A_STEP, tzinfo=moment.tzinfo, locale=locale(language))
    return Markup('<time datetime="{0}" title="{0}">{1}</time>').format(moment.isoformat(timespec="milliseconds"), written)


def last_day(language: str, ends: float | None) -> Markup:
    """Write when a clock ends: where that is midnight, the last day that is still in time; nothing where there is none."""
    if not ends:
        return Markup("")
    moment = local(ends)
    if (moment.hour, moment.minute, moment.second) != (0, 0, 0):
        return when(language, ends)
    stamp = Markup('<time datetime="{}" title="{}">{}</time>')
    return stamp.format(moment.isoformat(timespec="seconds"), ago(language, ends), day(language, local(ends - 1).date()))


def day(language: str, date: Any) -> str:
    """Write a day as officials do; nothing where there is none."""
    return str(dates.format_date(date, "dd/MM/yyyy", locale=locale(language))) if date else ""


def ago(language: str, seconds: float | None) -> str:
    """Say how long ago, or in how long, a moment is."""
    if not seconds:
        return ""
    return dates.format_timedelta(round(seconds - time.time()), add_direction=True, locale=locale(language))


def duration(language: str, seconds: float | None) -> str:
    """Say how long something takes; nothing where that is not known."""
    if seconds is None:
        return ""
    if 0 < seconds < 1:
        return f"{number(language, round(seconds * 1000))} ms"
    return dates.format_timedelta(round(seconds), threshold=2, locale=locale(language))


def number(language: str, value: float | None) -> str:
    """Write a number; nothing where there is none."""
    return "" if value is None else str(numbers.format_decimal(value, locale=locale(language)))


def digits(language: str, value: Decimal | None) -> str:
    """Write an amount with the digits that it was certified with, no digit more, none less; nothing where there is none."""
    if value is None:
        return ""
    decimals = len(format(value, "f").partition(".")[2])
    form = "#,##0" + ("." + "0" * decimals if decimals else "")
    return str(numbers.format_decimal(value, form, locale=locale(language)))


def percent(language: str, share: float | None) -> str:
    """Write a share of one as per cent; nothing where there is none."""
    return "" if share is None else str(numbers.format_percent(share, "#,##0.#%", locale=locale(language)))


def share(language: str, percent: float | None) -> str:
    """Write so many of a hundred, as shares of services are told; nothing where there is none."""
    return "" if percent is None else f"{number(language, percent)} %"


def size(language: str, count: int | None) -> str:
    """Write a number of bytes."""
    if count is None:
        return ""
    if count < 1000:
        return f"{number(language, count)} B"
    if count < 1_000_000:
        return f"{number(language, round(count / 1000, 1))} kB"
    return f"{number(language, round(count / 1_000_000, 1))} MB"


def said(language: str, value: Any) -> str:
    """Give the words of a pair (Vietnamese, English), or of what has ``vi`` and ``en``, ``error_vi`` and ``error_en``."""
    if isinstance(value, tuple):
        return str(value[0] if language == "vi" else value[1])
    for name in (language, f"error_{language}"):
        found = value.get(name) if isinstance(value, Mapping) else getattr(value, name, None)
        if found is not None:
            return str(found)
    return translate(str(value), language)


def _called(language: str, words: Mapping[str, Words], name: str) -> str:
    return said(language, called(words, name))


def word(language: str, name: str, table: str) -> str:
    """Give what a value is called, by one of the tables of ``vocabulary``."""
    return said(language, called(TABLES[table], name)) if name else ""


def verb(language: str, name: str) -> str:
    """Give a verb's title."""
    return said(language, VERBS[name])


def skip(language: str, why_not: str) -> str:
    """Say why an item of a plan cannot go."""
    return said(language, plans.explain(why_not, short)) if why_not else ""


def reason(language: str, name: str) -> str:
    """Say why some items of a plan cannot go: what stands before the first colon of their skips."""
    return said(language, plans.reason(name))


def bare(subject: str) -> str:
    """Give a dossier's number without the name of who issued it; another subject as it is."""
    return subject.partition(":")[2] or subject


def titled(language: str, subject: str) -> str:
    """Name what a subject's history is about: an alert, a catalogue, a message that was refused, else a dossier."""
    kind, _, number = subject.partition(":")
    return said(language, SUBJECTS.get(kind, A_DOSSIER)) % {"number": number or subject}


def because(language: str, reason: str) -> str:
    """Say why a signature was judged as it was; reasons that have no other words stay as they were recorded."""
    return "; ".join(word(language, each, "VERDICT_REASONS") for each in reason.split("; "))


def pretty(value: Any) -> Markup:
    """Write a value as JSON for reading."""
    return escape(json.dumps(plain(value), ensure_ascii=False, indent=2))
