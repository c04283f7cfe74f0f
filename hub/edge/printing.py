"""Prints of border documents as one HTML page that needs nothing else, for a browser and for A4."""

from __future__ import annotations

import base64
import hashlib
import re

from hub.canonical.border.message import BorderDocument
from hub.edge.console import rendering
from hub.edge.console.language import LANGUAGES
from hub.operations.border import Print

_TEMPLATES = {
    BorderDocument.ORIGIN: "print_origin.html",
    BorderDocument.DECLARATION: "print_declaration.html",
    BorderDocument.PHYTO: "print_phyto.html",
}
_STYLE = re.compile(r"<style>(.*?)</style>", re.S)


def page(given: Print, *, back: str = "", here: str = "") -> str:
    """Write the page; ``back``: where a click leads to in the console, ``here``: its own address there. A file has neither."""
    template = _TEMPLATES[BorderDocument(given.shown.row.document)]
    other = next(each for each in LANGUAGES if each != given.language)
    values = {"printed": given.printed, "shown": given.shown, "made_at": given.made_at, "language": given.language}
    around = {"other_language": other, "back": back, "here": here}
    return rendering.environment(given.language).get_template(template).render(**values, **around)


def policy(html: str) -> str:
    """Give the Content-Security-Policy of such a page: its own style sheets and nothing else."""
    digests = (hashlib.sha256(style.encode()).digest() for style in _STYLE.findall(html))
    styles = " ".join(f"'sha256-{base64.b64encode(digest).decode()}'" for digest in digests) or "'none'"
    return f"default-src 'none'; style-src {styles}; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
