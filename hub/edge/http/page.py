"""The OpenAPI document as a page: plain HTML made here, since a hub's network often has no way to the internet."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Iterator, Mapping
from html import escape
from typing import Any

_STYLE = """
body{font:16px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem;color:#1b1f24}
h2{border-top:1px solid #c8ccd1;padding-top:1rem}code,pre{font:14px/1.4 ui-monospace,monospace}
pre{background:#f4f5f7;padding:.75rem;overflow:auto}table{border-collapse:collapse}
td,th{text-align:left;vertical-align:top;padding:.25rem .75rem .25rem 0}.method{font-weight:700}
"""
_STYLE_HASH = base64.b64encode(hashlib.sha256(_STYLE.encode()).digest()).decode()
#: Nothing but the page's own style may load or run.
CONTENT_POLICY = f"default-src 'none'; style-src 'sha256-{_STYLE_HASH}'; base-uri 'none'; form-action 'none'"


def render(document: Mapping[str, Any]) -> str:
    """Write the page."""
    info = document["info"]
    operations = "".join(
        _operation(method, path, operation)
        for path, operations in document["paths"].items()
        for method, operation in operations.items()
    )
    return (
        f'<!doctype html><html lang="vi"><head><meta charset="utf-8"><title>{escape(info["title"])}</title>'
        f'<meta name="viewport" content="width=device-width"><style>{_STYLE}</style></head><body>'
        f'<h1>{escape(info["title"])}</h1><p>{escape(info["description"])}</p>'
        f'<p><a href="openapi.json">OpenAPI (JSON)</a></p>{operations}</body></html>'
    )


def _operation(method: str, path: str, operation: Mapping[str, Any]) -> str:
    parts = [
        f'<h2>{escape(operation["summary"])}</h2>',
        f'<p><span class="method">{method.upper()}</span> <code>{escape(path)}</code></p>',
        f'<p>{escape(operation.get("description", ""))}</p>',
        _parameters(operation.get("parameters", [])),
        *(_content("Nội dung gửi", operation["requestBody"]) if "requestBody" in operation else ()),
    ]
    for status, said in sorted(operation["responses"].items()):
        parts.append(f'<h3>{escape(status)} {escape(said["description"])}</h3>')
        parts.extend(_content("", said))
    return "".join(parts)


def _parameters(parameters: list[Mapping[str, Any]]) -> str:
    rows = "".join(
        f'<tr><td><code>{escape(each["name"])}</code></td><td>{escape(each["in"])}</td>'
        f'<td>{escape(each.get("description", ""))}</td></tr>'
        for each in parameters
    )
    return f"<table><tr><th>Tham số</th><th>Ở</th><th>Ý nghĩa</th></tr>{rows}</table>" if rows else ""


def _content(title: str, given: Mapping[str, Any]) -> Iterator[str]:
    if title:
        yield f"<h3>{title}</h3>"
    for kind, content in given.get("content", {}).items():
        yield f"<p><code>{escape(kind)}</code></p>"
        if "example" in content:
            yield _example("Ví dụ", content["example"])
        for example in content.get("examples", {}).values():
            yield _example(example["summary"], example["value"])


def _example(title: str, value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False, indent=2)
    return f"<details><summary>{escape(title)}</summary><pre>{escape(text)}</pre></details>"
