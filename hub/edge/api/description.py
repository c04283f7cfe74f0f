"""The API's OpenAPI description, from the models of the acts."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter
from fastapi.openapi.utils import get_openapi
from pydantic import BaseModel

from hub import __version__
from hub.edge.acts.act import Act
from hub.rules.verbs import VERBS

TITLE = "Liên Thông: API vận hành (operator's API)"
ABOUT = """Mọi thao tác của người vận hành, dạng JSON. Mỗi lời gọi kèm `Authorization: Bearer <khóa API>`;
khóa do quản trị viên cấp (`token make`).

Every verb of an operator, as JSON. Each call has `Authorization: Bearer <token>`; an administrator makes tokens (`token make`).
A verb that changes something needs `why`, and stands in the journal under the token's owner."""


def extra(act: Act[Any]) -> dict[str, Any]:
    """Describe one act: who may, what is asked."""
    verb = VERBS[act.verb]
    told: dict[str, Any] = {
        "operationId": verb.name.replace(" ", "_").replace("-", "_"),
        "summary": f"{verb.vi} ({verb.en})",
        "description": f"Vai trò (roles): {', '.join(sorted(verb.roles))}.",
        "tags": [verb.name.split(" ", 1)[0]],
        "security": [{"token": []}],
    }
    schema = _schema(act.asked)
    if act.method == "POST":
        told["requestBody"] = {"required": True, "content": {"application/json": {"schema": schema}}}
    else:
        told["parameters"] = [
            {
                "name": name,
                "in": "query",
                "required": name in schema.get("required", ()),
                "description": each.get("description", ""),
                "schema": {key: part for key, part in each.items() if key != "description"},
            }
            for name, each in schema.get("properties", {}).items()
        ]
    return told


def _schema(model: type[BaseModel]) -> dict[str, Any]:
    """Give a model's JSON Schema with its parts in their places, since a route's description has no place for definitions."""
    schema = model.model_json_schema()
    parts = schema.pop("$defs", {})

    def resolved(node: Any) -> Any:
        if isinstance(node, dict):
            if "$ref" in node:
                return resolved(parts[node["$ref"].rsplit("/", 1)[-1]])
            return {key: resolved(each) for key, each in node.items()}
        return [resolved(each) for each in node] if isinstance(node, list) else node

    found: dict[str, Any] = resolved(schema)
    return found


def document(router: APIRouter) -> dict[str, Any]:
    """Write the description of all routes."""
    told = get_openapi(title=TITLE, version=__version__, description=ABOUT, routes=router.routes)
    scheme = {"type": "http", "scheme": "bearer"}
    told.setdefault("components", {})["securitySchemes"] = {"token": scheme}
    return told
