"""The language of a page: Vietnamese stands in the templates, English beside it in a catalogue that is read at the start."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from pathlib import Path

from babel import Locale
from babel.messages.pofile import read_po
from starlette.requests import Request

#: The first one is what a page is in that says nothing else.
LANGUAGES = ("vi", "en")
#: Remembers what a person chose by ``?lang=``.
COOKIE = "lang"
#: One year.
COOKIE_SECONDS = 365 * 86400
CATALOGUES = Path(__file__).with_name("locale")


def asked_for(request: Request) -> str:
    """Give the language that the address chooses; empty where it chooses none."""
    asked = request.query_params.get("lang", "")
    return asked if asked in LANGUAGES else ""


def of(request: Request) -> str:
    """Give the language of a request: its address, else what was chosen before, else Vietnamese."""
    chosen = asked_for(request) or request.cookies.get(COOKIE, "")
    return chosen if chosen in LANGUAGES else LANGUAGES[0]


@cache
def locale(language: str) -> Locale:
    """Give how dates and numbers are written; English with the day first, as everywhere in this house."""
    return Locale.parse("vi_VN" if language == "vi" else "en_GB")


@cache
def catalogue(language: str) -> Mapping[str, str]:
    """Read the translations of the Vietnamese texts; Vietnamese itself has none."""
    path = CATALOGUES / language / "LC_MESSAGES" / "console.po"
    if language == LANGUAGES[0]:
        return {}
    with path.open("rb") as file:
        return {str(each.id): str(each.string) for each in read_po(file) if each.id and each.string}


def translate(text: str, language: str) -> str:
    """Give a text of the templates in a language."""
    return catalogue(language).get(text, text)


def N_(text: str) -> str:  # gettext's own name for: this text is translated elsewhere
    """Mark a text of the code as one to be translated where it is shown."""
    return text
