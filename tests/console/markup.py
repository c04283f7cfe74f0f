"""What is wrong with a page's HTML, for whoever reads it by eye, by ear or by keyboard."""

from __future__ import annotations

from html.parser import HTMLParser
from typing import Any

VOID = frozenset({"area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "source", "track", "wbr"})
#: Of SVG, which closes them itself.
DRAWN = frozenset({"circle", "line", "path", "rect", "polyline", "polygon", "use"})
#: What cannot stand inside a paragraph: a browser would end the paragraph there.
BLOCKS = frozenset(
    {"address", "article", "aside", "details", "div", "dl", "fieldset", "form", "h1", "h2", "h3", "h4", "header", "main", "nav"}
    | {"ol", "p", "pre", "section", "table", "ul"}
)
ASKED = frozenset({"input", "select", "textarea"})
HEADINGS = ("h1", "h2", "h3", "h4", "h5", "h6")
#: What must not stand inside itself or another of these.
PRESSED = frozenset({"a", "button", "summary"})


class Page(HTMLParser):
    """Reads a page strictly: every element is closed where it must be, every field has a name, headings are in order."""

    def __init__(self, text: str) -> None:
        super().__init__(convert_charrefs=True)
        self.wrong: list[str] = []
        self._open: list[str] = []
        self._ids: set[str] = set()
        self._labels: set[str] = set()
        self._asked: list[tuple[str, dict[str, Any], bool]] = []
        self._pointed: list[tuple[str, str]] = []
        self._level = 0
        self._ones: dict[str, int] = {}
        self._silent: list[str] = []
        self._said = ""
        self.feed(text)
        self.close()
        self._finish(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        if len(given) != len(attrs):
            self._note(f"<{tag}> has an attribute twice")
        self._look(tag, given)
        if tag not in VOID:
            self._open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag not in DRAWN and tag not in VOID:
            self._note(f"<{tag}/> is not closed by its slash")

    def handle_endtag(self, tag: str) -> None:
        if not self._open or self._open[-1] != tag:
            self._note(f"</{tag}> where <{self._open[-1] if self._open else ''}> is open")
        if tag in self._open:
            while self._open.pop() != tag:
                pass
        if tag in PRESSED and not self._said.strip():
            self._note(f"<{tag}> without words")

    def handle_data(self, data: str) -> None:
        self._said += data

    def _note(self, what: str) -> None:
        line, _ = self.getpos()
        self.wrong.append(f"line {line}: {what}")

    def _look(self, tag: str, given: dict[str, Any]) -> None:
        if name := given.get("id"):
            if name in self._ids or " " in name:
                self._note(f"id {name!r} twice, or with a space")
            self._ids.add(name)
        if tag in BLOCKS and "p" in self._open:
            self._note(f"<{tag}> inside <p>")
        if tag in PRESSED:
            self._said = given.get("aria-label", "") or ""
            if PRESSED & set(self._open):
                self._note(f"<{tag}> inside <{next(iter(PRESSED & set(self._open)))}>")
        if tag == "form" and "form" in self._open:
            self._note("a form inside a form")
        if tag in HEADINGS:
            self._heading(tag)
        if tag in ("h1", "main", "title") and "svg" not in self._open:
            self._ones[tag] = self._ones.get(tag, 0) + 1
        self._attributes(tag, given)

    def _attributes(self, tag: str, given: dict[str, Any]) -> None:
        for name in given:
            if name.startswith("on") or name == "style":
                self._note(f"<{tag} {name}=…>: nothing inline")
        if tag == "style" or (tag == "script" and not given.get("src")):
            self._note(f"<{tag}>: nothing inline")
        if tag == "label" and "for" in given:
            self._labels.add(given["for"])
        if tag in ASKED and given.get("type") != "hidden":
            self._asked.append((tag, given, "label" in self._open))
        if tag == "th" and "scope" not in given:
            self._note("<th> without scope")
        if tag == "img" and "alt" not in given:
            self._note("<img> without alt")
        self._pointed += [(name, each) for name in ("for", "aria-labelledby", "aria-describedby") if name in given
                          for each in given[name].split()]
        if given.get("tabindex", "0") not in ("0", "-1") or "accesskey" in given:
            self._note(f"<{tag}> changes the order of the keyboard")

    def _heading(self, tag: str) -> None:
        level = int(tag[1])
        if level > self._level + 1:
            self._note(f"<{tag}> after <h{self._level}>")
        self._level = level

    def _finish(self, text: str) -> None:
        if self._open:
            self._note(f"not closed: {self._open}")
        self.wrong += [f"{count} <{tag}>" for tag, count in self._ones.items() if count != 1]
        self.wrong += [f"no <{tag}>" for tag in ("h1", "main", "title") if tag not in self._ones]
        for tag, given, inside in self._asked:
            if not (inside or given.get("aria-label") or given.get("id") in self._labels):
                self.wrong.append(f"<{tag} name={given.get('name')}> has no label")
        self.wrong += [f"{name}={each}: there is no such id" for name, each in self._pointed if each not in self._ids]
        if not text.startswith("<!doctype html>") or "<html lang=" not in text:
            self.wrong.append("no doctype, or no language")


def faults(text: str) -> list[str]:
    """Name what is wrong with a page."""
    return Page(text).wrong
