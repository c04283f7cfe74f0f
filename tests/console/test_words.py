"""Every text of the console has an English one, and none stands in the catalogue that nobody shows."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from babel.messages.extract import extract_from_dir
from babel.messages.pofile import read_po

from hub.edge.console import language, rendering

CONSOLE = Path(rendering.__file__).parent
METHODS = [("**.py", "python"), ("**.html", "jinja2.ext.babel_extract")]
EXTENSIONS = "jinja2.ext.do,jinja2.ext.loopcontrols"
OPTIONS = {"**.html": {"silent": "false", "extensions": EXTENSIONS, "newstyle_gettext": "true"}}
KEYWORDS = {"_": None, "gettext": None, "N_": None, "say": None}
_VALUES = re.compile(r"%\(\w+\)s")


def shown() -> set[str]:
    """Give every Vietnamese text of templates and code."""
    return {str(found[2]) for found in extract_from_dir(str(CONSOLE), METHODS, OPTIONS, keywords=KEYWORDS)}


def translated() -> dict[str, str]:
    with (language.CATALOGUES / "en" / "LC_MESSAGES" / "console.po").open("rb") as file:
        return {str(each.id): str(each.string) for each in read_po(file, abort_invalid=True) if each.id}


def test_every_text_that_is_shown_has_an_english_one() -> None:
    known = translated()

    assert sorted(text for text in shown() if not known.get(text)) == []


def test_no_translation_is_left_of_what_is_not_shown_any_more() -> None:
    assert sorted(set(translated()) - shown()) == []


def test_a_translation_has_the_values_of_its_text() -> None:
    wrong = [text for text, english in translated().items() if _VALUES.findall(text) and
             sorted(_VALUES.findall(text)) != sorted(_VALUES.findall(english))]

    assert wrong == []


def test_no_vietnamese_stands_in_a_template_outside_of_its_texts() -> None:
    """Else English pages would show it."""
    assert list(_loose()) == []


def _loose() -> Iterator[str]:
    letters = re.compile(r"[ăâđêôơưàáảãạằắẳẵặầấẩẫậèéẻẽẹềếểễệìíỉĩịòóỏõọồốổỗộờớởỡợùúủũụừứửữựỳýỷỹỵ]", re.I)
    for path in sorted(CONSOLE.glob("templates/**/*.html")):
        without = re.sub(r"\{#.*?#\}|_\(\s*(\"[^\"]*\"|'[^']*')|Tiếng Việt", "", path.read_text(encoding="utf-8"), flags=re.S)
        for line in without.splitlines():
            if letters.search(line):
                yield f"{path.name}: {line.strip()}"
