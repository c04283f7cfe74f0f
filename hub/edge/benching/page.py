"""The bench's page at the simulator's own port, its REST control, and the report as one HTML file that can be sent on."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime
from functools import lru_cache
from typing import Any
from urllib.parse import parse_qs

from jinja2 import Environment, PackageLoader, StrictUndefined

from hub.canonical.base import VIETNAM
from hub.errors import HubError
from hub.partner_bench import Bench
from hub.simulation import Call, Said

ADDRESS = "/_bench"
HTML = "text/html; charset=utf-8"
#: The page may load nothing and be framed by nobody; what a vendor's system said is shown as text alone.
_POLICY = "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
RESULTS: Mapping[str, tuple[str, str]] = {
    "kept": ("Đạt", "kept"),
    "broken": ("Không đạt", "broken"),
    "not_seen": ("Chưa kiểm", "not seen"),
}
#: Settings as an official reads them.
LABELS: Mapping[str, str] = {
    "role": "Vai được đóng (role)",
    "url": "Dịch vụ được kiểm (url)",
    "document_type": "Thủ tục (document_type)",
    "soap_version": "Phiên bản SOAP (soap_version)",
    "payload": "Dạng văn bản (payload)",
}
STATES: Mapping[str, tuple[str, str]] = {
    "not_run": ("chưa chạy", "not run"),
    "running": ("đang chạy", "running"),
    "done": ("xong", "done"),
    "unreached": ("không kết nối được", "not reached"),
    "failed": ("bộ kiểm thử lỗi", "the bench failed"),
}


def put_on(bench: Bench) -> None:
    """Serve the bench at the simulator's port: ``/_bench`` with ``report.json``, ``report.html`` and ``start`` below it."""
    bench.play.server.pages[ADDRESS] = lambda call: _served(bench, call)


def _served(bench: Bench, call: Call) -> Said:
    if not _is_from_here(call):
        return Said(b"{}", status=403)
    if call.method == "POST" and call.path == f"{ADDRESS}/start":
        return _start(bench, call)
    if call.path == f"{ADDRESS}/report.json":
        return Said(json.dumps(bench.report(), ensure_ascii=False).encode())
    if call.path in (ADDRESS, f"{ADDRESS}/", f"{ADDRESS}/report.html"):
        text = render(bench.report(), live=not call.path.endswith("report.html"))
        return Said(text.encode(), content_type=HTML, headers={"Content-Security-Policy": _POLICY})
    return Said(b"{}", status=404)


def _is_from_here(call: Call) -> bool:
    """Refuse what a page of another site makes a browser send."""
    host, origin = call.headers.get("host", ""), call.headers.get("origin", "")
    return host.split(":")[0] in ("127.0.0.1", "localhost") and origin in ("", f"http://{host}")


def _start(bench: Bench, call: Call) -> Said:
    from_page = "json" not in call.headers.get("content-type", "")
    try:
        if from_page:
            names = parse_qs(call.body.decode("utf-8", "replace")).get("scenario", [])
        else:
            names = [str(name) for name in json.loads(call.body or b"{}").get("scenarios", [])]
        bench.start([name for name in names if name])
    except HubError as error:
        return Said(json.dumps({"vi": error.vi, "en": error.en}, ensure_ascii=False).encode(), status=409)
    except (ValueError, AttributeError, TypeError):
        return Said(b'{"en":"the body must be {\\"scenarios\\": [names]}"}', status=400)
    return Said(b"", status=303, headers={"Location": ADDRESS}) if from_page else Said(b"{}", status=202)


def render(report: Mapping[str, Any], *, live: bool = False) -> str:
    """Write the report as one HTML page; ``live``: with buttons, and anew every few seconds while something plays."""
    running = any(each["state"] == "running" for each in report["scenarios"])
    made = datetime.now(VIETNAM).strftime("%H:%M %d/%m/%Y")
    unreached = any(each["state"] == "unreached" for each in report["scenarios"])
    broken = [each for each in report["clauses"] if each["result"] == "broken"]
    written: str = _template().render(
        report=report,
        live=live,
        running=running,
        made=made,
        broken=broken,
        unreached=unreached,
        results=RESULTS,
        states=STATES,
        labels=LABELS,
        address=ADDRESS,
    )
    return written


@lru_cache(maxsize=1)
def _template() -> Any:
    environment = Environment(
        loader=PackageLoader("hub.edge.benching"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.get_template("report.html")
