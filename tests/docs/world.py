"""Where the examples of a page are run: an empty folder, and from ``init`` on a hub."""

from __future__ import annotations

import argparse
import re
import shlex
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

from hub.edge.http.server import serve_http
from tests.docs import consoles, night
from tests.docs.night import Night
from tests.docs.pages import ROOT

PATIENCE_SECONDS = 60


class World:
    """A reader who has the folder to itself; after ``init`` the hub has had its night."""

    def __init__(self, folder: Path) -> None:
        self.reader = consoles.Reader({"lienthong": self.lienthong}, folder)
        self.stack = ExitStack()
        self._folder = folder
        self._night: Night | None = None

    def lienthong(self, words: list[str]) -> str:
        """Run a verb; do what the workers of a running hub would do after it."""
        if words[0] in ("serve", "simulate", "test-partner"):
            return first_line(words)
        if words[0] == "alert" and self._night is not None:
            self._night.watch()
        said = self._run(words)
        if words[0] == "init":
            self._night = self.begin(self._folder / "var/config", said)
        elif self._night is not None:
            self._night.carry()
        return said

    def _run(self, words: list[str]) -> str:
        """Run a verb here; one that waits for what the hub's threads do, while they do it."""
        if self._night is not None:
            self._night.seen()
        if self._night is None or not (words[0] == "replay" or words[:2] == ["partner", "test"]):
            return consoles.run_in_process(words)
        with self._night.serving():
            return consoles.run_in_process(words)

    def begin(self, folder: Path, said: str) -> Night:
        """Open the hub of the folder that ``init`` made."""
        made = self.stack.enter_context(night.opened(folder))
        made.goes_wrong()
        return made


class Desk(World):
    """A reader whose hub runs, and who calls its door; nothing has happened yet."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.reader.programs = {"lienthong": self.lienthong, "export": self._export, "curl": self._curl}
        self._url = ""
        self._tokens: dict[str, str] = {}
        self._given = ""
        self._hub: Night | None = None

    def begin(self, folder: Path, said: str) -> Night:
        """Open the hub and its doors."""
        self._tokens = dict(re.findall(r"^  (\w+): (\S{43})$", said, re.MULTILINE))
        self._hub = self.stack.enter_context(night.opened(folder, ministry=False))
        self._url = self.stack.enter_context(serve_http(self._hub.hub, "127.0.0.1", 0)).url
        return self._hub

    def _export(self, words: list[str]) -> str:
        """Give the variable the token that ``init`` showed here."""
        assert words == [f"TOKEN={consoles.ANYTHING}"]
        self._given = self._tokens[night.SENDER]
        return ""

    def _curl(self, words: list[str]) -> str:
        """Call the door as curl would: it need not be there."""
        parser = argparse.ArgumentParser()
        parser.add_argument("-sS", action="store_true", required=True)
        parser.add_argument("-H", action="append", required=True)
        parser.add_argument("--data-binary")
        parser.add_argument("url")
        given = parser.parse_args(words)
        headers = dict(line.replace("$TOKEN", self._given).split(": ", 1) for line in given.H)
        body = _body(given.data_binary)
        url = re.sub(r"http://127\.0\.0\.1:\d+", self._url, given.url)
        answer = posted(urllib.request.Request(url, body, headers))
        assert self._hub is not None
        self._hub.carry()
        return answer


def _body(given: str | None) -> bytes | None:
    """Give the octets of a file that is named, or of the text; nothing is sent where none is given."""
    if given is None:
        return None
    return (ROOT / given[1:]).read_bytes() if given.startswith("@") else given.encode()


def posted(request: urllib.request.Request) -> str:
    """Give the body of the answer, whatever its status."""
    try:
        with urllib.request.urlopen(request, timeout=PATIENCE_SECONDS) as reply:
            return str(reply.read().decode())
    except urllib.error.HTTPError as error:
        return error.read().decode()


def first_line(words: list[str]) -> str:
    """Run a verb that goes on until it is stopped, on a free port; give the line by which it says that it is ready."""
    free = ["0" if before == "--port" else word for before, word in zip(["", *words], words, strict=False)]
    command = [sys.executable, "-m", "hub.edge.cli", *free]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as process:
        assert process.stdout is not None
        line = process.stdout.readline()
        process.terminate()
        assert process.wait(PATIENCE_SECONDS) == 0, shlex.join(words)
    return line


@contextmanager
def opened(kind: type[World], folder: Path, language: str = "en") -> Iterator[World]:
    """Open a world, as the reader's working folder."""
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        patch.setenv("LIENTHONG_LANG", language)
        patch.delenv("LIENTHONG_CONFIG", raising=False)
        made = kind(folder)
        with made.stack:
            yield made
