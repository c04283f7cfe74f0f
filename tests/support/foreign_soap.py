"""SOAP stacks that others wrote: PHP's, Node's, Apache Axis 1.4. Each calls our doors, and each is called by us."""

from __future__ import annotations

import base64
import json
import subprocess
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from adapters.single_window.contracts import wsdl
from adapters.single_window.options import Operation
from hub.simulation import Call, Said, SimulatorServer
from tests.support.needed import SKIPPED, lacking
from tests.support.signers import tool

PROGRAMS = Path(__file__).parents[1] / "adapters" / "single_window" / "foreign"
#: Where ``make setup-foreign`` puts the package that Node's stack is.
MODULES = Path(__file__).parents[2] / ".venv" / "foreign" / "node_modules"
_NAMES = ("axis", "axis-jaxrpc", "axis-saaj", "commons-discovery", "commons-logging", "wsdl4j", "javax.mail")
_JARS = [Path("/usr/share/java") / f"{name}.jar" for name in _NAMES]
PATIENCE_SECONDS = 60
CONTENT_TYPE = {"1.1": "text/xml; charset=utf-8", "1.2": "application/soap+xml; charset=utf-8"}


def _run(words: list[str], given: str, **environment: str) -> str:
    done = subprocess.run(
        words, input=given.encode(), capture_output=True, check=False, timeout=PATIENCE_SECONDS, env=_environment(environment)
    )
    assert done.returncode == 0, done.stderr.decode()
    return done.stdout.decode()


def _environment(more: Mapping[str, str]) -> dict[str, str]:
    return {"PATH": "/usr/local/bin:/usr/bin:/bin", "LANG": "C.UTF-8", **more}


def _php() -> list[str]:
    php = tool("php")
    if "soap" not in _run([php, "-m"], "").split():
        lacking(f"PHP's SOAP (php-soap) is not here: {SKIPPED}")
    return [php]


def _node() -> tuple[list[str], dict[str, str]]:
    if not (MODULES / "soap").is_dir():
        lacking(f"Node's SOAP is not here (make setup-foreign): {SKIPPED}")
    return [tool("node")], {"NODE_PATH": str(MODULES)}


def _java() -> list[str]:
    if missing := [jar.name for jar in _JARS if not jar.exists()]:
        lacking(f"{', '.join(missing)} (libaxis-java) are not here: {SKIPPED}")
    tool("javac")  # java runs a source file with it
    return [tool("java"), "-XX:TieredStopAtLevel=1", "-cp", ":".join(map(str, _JARS))]


# --- they call us ----------------------------------------------------------------------------------------------------


def call_by_php(address: str, version: str, names: Operation, given: Any, token: str) -> str:
    """Call a door by PHP's SoapClient; gives the answer's text, or the fault's."""
    words = [*_php(), str(PROGRAMS / "client.php"), f"{address}?wsdl", version, names.operation, token]
    return _answer(json.loads(_run(words, json.dumps(given))), names)


def call_by_node(address: str, version: str, names: Operation, given: Any, token: str) -> str:
    """Call a door by Node's soap."""
    node, environment = _node()
    words = [*node, str(PROGRAMS / "node" / "client.js"), f"{address}?wsdl", version, names.operation, token]
    return _answer(json.loads(_run(words, json.dumps(given), **environment)), names)


def call_by_axis(address: str, version: str, names: Operation, given: Any, token: str) -> str:
    """Call a door by Axis; its parameters are in their order, and texts alone."""
    words = [*_java(), str(PROGRAMS / "axis" / "Client.java"), f"{address}?wsdl", version]
    words += [names.operation, names.namespace, token]
    return _run(words, "\n".join(base64.b64encode(value.encode()).decode() for value in given.values()))


def _answer(said: Any, names: Operation) -> str:
    if "fault" in said:
        return json.dumps(said)
    said = said.get(names.result_wrapper, said)
    return str(said[names.result])


# --- we call them ----------------------------------------------------------------------------------------------------


@contextmanager
def served_by_php(folder: Path, names: Operation, version: str, answer: str) -> Iterator[str]:
    """Serve an operation by PHP's SoapServer; HTTP itself is ours."""
    words = [*_php(), str(PROGRAMS / "server.php"), str(_wsdl(folder, names, "http://127.0.0.1/service", version)), version]
    words += [names.operation, names.result, str(_written(folder, answer)), str(folder / "taken.json")]

    def handle(call: Call) -> Said:
        return Said(_run(words, call.body.decode()).encode(), content_type=CONTENT_TYPE[version])

    with SimulatorServer("php", handle) as server:
        yield f"{server.url}/service"


@contextmanager
def served_by_node(folder: Path, names: Operation, version: str, answer: str) -> Iterator[str]:
    """Serve an operation by Node's soap."""
    node, environment = _node()
    words = [*node, str(PROGRAMS / "node" / "server.js"), str(_wsdl(folder, names, "http://127.0.0.1/service", version))]
    words += [names.operation, names.result, str(_written(folder, answer)), str(folder / "taken.json")]
    with _running(words, environment) as port:
        yield f"http://127.0.0.1:{port}/service"


@contextmanager
def served_by_axis(folder: Path, names: Operation, version: str, answer: str) -> Iterator[str]:
    """Serve an operation by Axis; it takes both versions of SOAP."""
    words = [*_java(), str(PROGRAMS / "axis" / "Server.java"), names.namespace, names.operation, names.payload, names.result]
    words += [str(_written(folder, answer)), str(folder / "taken.json")]
    with _running(words, {}) as port:
        yield f"http://127.0.0.1:{port}/axis/services/service"


def _wsdl(folder: Path, names: Operation, address: str, version: str) -> Path:
    file = folder / "service.wsdl"
    file.write_bytes(wsdl(names, address, [version]))
    return file


def _written(folder: Path, answer: str) -> Path:
    file = folder / "answer.xml"
    file.write_text(answer, encoding="utf-8")
    return file


@contextmanager
def _running(words: list[str], environment: Mapping[str, str]) -> Iterator[int]:
    """Start a server that prints its port, and end it."""
    process = subprocess.Popen(words, stdout=subprocess.PIPE, text=True, env=_environment(environment))
    try:
        assert process.stdout is not None
        yield int(process.stdout.readline())
    finally:
        process.kill()
        process.wait()


Client = Callable[[str, str, Operation, Any, str], str]
#: Name of a stack -> how it calls a door.
CLIENTS: Mapping[str, Client] = {"php": call_by_php, "node": call_by_node, "axis": call_by_axis}
#: Name of a stack -> how it serves an operation: folder, names, SOAP version, answer.
SERVERS: Mapping[str, Callable[..., Any]] = {"php": served_by_php, "node": served_by_node, "axis": served_by_axis}
