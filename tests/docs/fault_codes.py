"""Finds, by reading the source, every code that a fault or a stopped delivery of ours can have."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

from hub.rules import xml, xml_faults
from tests.docs.pages import ROOT

#: Doubles of partners and tools for tests speak of their own faults, not of ours.
_NOT_OURS = ("conformance", "simulator", "samples", "demo", "bench", "portal_books")
#: Functions that take codes from a table of their module: function -> the codes that it can give.
_FROM_TABLES = {
    ("hub/rules/xml.py", "_syntax_fault"): [row[0] for row in (*xml._SYNTAX.values(), xml._UNREADABLE)],
    ("hub/rules/xml_faults.py", "_in_words"): [
        row[0] for row in (*xml_faults._VALUES.values(), *xml_faults._STRUCTURE.values(), xml_faults._OTHER)
    ],
    ("hub/rules/xml_faults.py", "_problem"): list(xml_faults._PROBLEMS),
    # The kinds of a problem are the keys of the table above.
    ("hub/rules/xml_faults.py", "_problem_fault"): [],
}


def collect() -> dict[str, set[str]]:
    """Give every fault code with the files that can make it; fail on a code that cannot be read from the source."""
    found: dict[str, set[str]] = {"missing": {"hub/errors.py"}, "bad_value": {"hub/errors.py"}}
    for path in _sources():
        for code in _Module(path).codes():
            found.setdefault(code, set()).add(path.relative_to(ROOT).as_posix())
    return found


def stopped() -> set[str]:
    """Give the codes that the ledger itself writes beside a delivery which stands still."""
    return {
        str(value.value)
        for path in (ROOT / "hub/ledger").glob("*.py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Dict)
        for key, value in zip(node.keys, node.values, strict=True)
        if isinstance(key, ast.Constant) and key.value == "error_code" and isinstance(value, ast.Constant) and value.value
    }


def indications() -> set[str]:
    """Give the words of ETSI EN 319 102-1 by which a signature is refused."""
    return {
        str(call.args[0].value)
        for folder in ("hub/rules", "hub/trust")
        for path in (ROOT / folder).glob("*.py")
        for call in _calls(ast.parse(path.read_text(encoding="utf-8")))
        if _name(call) == "untrusted" and call.args and isinstance(call.args[0], ast.Constant)
    }


def _sources() -> Iterator[Path]:
    for package in ("hub", "adapters"):
        for path in sorted((ROOT / package).rglob("*.py")):
            if not any(part in _NOT_OURS for part in (*path.relative_to(ROOT).parts, path.stem)):
                yield path


def _calls(tree: ast.AST) -> Iterator[ast.Call]:
    return (node for node in ast.walk(tree) if isinstance(node, ast.Call))


def _name(call: ast.Call) -> str:
    function = call.func
    return function.id if isinstance(function, ast.Name) else function.attr if isinstance(function, ast.Attribute) else ""


class _Module:
    """One source file: its calls of ``Fault``, and of its own functions that pass a code on."""

    def __init__(self, path: Path) -> None:
        self._path = path.relative_to(ROOT).as_posix()
        tree = ast.parse(path.read_text(encoding="utf-8"))
        self._functions = [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)]
        #: Functions to look for, with the place of the code among their arguments; grows while passing on is found.
        self._makers = {"Fault": 1}
        self._tree = tree

    def codes(self) -> set[str]:
        """Give the codes; look again as long as a function is found that passes one on."""
        while True:
            known = len(self._makers)
            found = {code for scope, call in self._scoped() for code in self._of_call(scope, call)}
            if len(self._makers) == known:
                return found

    def _scoped(self) -> Iterator[tuple[ast.FunctionDef | None, ast.Call]]:
        inside: set[int] = set()
        for function in self._functions:
            for call in _calls(function):
                inside.add(id(call))
                yield function, call
        yield from ((None, call) for call in _calls(self._tree) if id(call) not in inside)

    def _of_call(self, scope: ast.FunctionDef | None, call: ast.Call) -> Iterator[str]:
        place = self._makers.get(_name(call))
        if place is None:
            return
        given = call.args[place] if len(call.args) > place else next(k.value for k in call.keywords if k.arg == "code")
        if isinstance(given, ast.Constant):
            yield str(given.value)
        elif isinstance(given, ast.Attribute) and given.attr == "code":
            return  # an error's or a fault's own code, found where that is made
        elif scope is not None and (self._path, scope.name) in _FROM_TABLES:
            yield from _FROM_TABLES[self._path, scope.name]
        else:
            self._passes_on(scope, given)

    def _passes_on(self, scope: ast.FunctionDef | None, given: ast.expr) -> None:
        arguments = [each.arg for each in scope.args.args if each.arg != "self"] if scope is not None else []
        if scope is None or not isinstance(given, ast.Name) or given.id not in arguments:
            raise AssertionError(f"{self._path}:{given.lineno}: where does this fault's code come from? See _FROM_TABLES")
        self._makers[scope.name] = arguments.index(given.id)
