"""Lists every key of every settings file from the models that read it, with its default as TOML writes it."""

from __future__ import annotations

import dataclasses
import json
import types
from collections.abc import Iterator, Mapping
from typing import Annotated, Any, Union, get_args, get_origin

from pydantic import BaseModel, SecretStr
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

from hub.bootstrap import find_adapters
from hub.canonical.codes import CodeRow
from hub.sections import EndpointFile, HubFile, RoutesFile
from hub.trust.store import TrustFile

#: What stands for a name that an operator chooses, in a path: ``outbound.services.SERVICE.on_doubt``.
CHOSEN = {
    "signers": "NAME",
    "services": "SERVICE",
    "partners": "PARTNER",
    "ministry_parties": "OFFICE",
    "dialects": "DIALECT",
    "procedures": "DOCUMENT_TYPE",
}


@dataclasses.dataclass(frozen=True)
class Key:
    """One key: its path, and the first sentence of its section."""

    path: str
    sentence: str


def hub_keys() -> list[Key]:
    return list(_keys(HubFile))


def endpoint_keys() -> list[Key]:
    return list(_keys(EndpointFile))


def route_keys() -> list[Key]:
    return list(_keys(RoutesFile))


def trust_keys() -> list[Key]:
    return list(_keys(TrustFile))


def code_columns() -> list[str]:
    return [field.name for field in dataclasses.fields(CodeRow)]


def option_keys() -> dict[str, list[Key]]:
    """Give the options of every adapter that ships with the hub."""
    ours = {name: adapter for name, adapter in find_adapters().items() if adapter.options.__module__.startswith("adapters.")}
    return {name: list(_keys(adapter.options, "options.")) for name, adapter in ours.items()}


def _keys(model: type[BaseModel], before: str = "") -> Iterator[Key]:
    for name, field in model.model_fields.items():
        path = f"{before}{field.alias or name}"
        inner = _model_in(field.annotation)
        if inner is None:
            yield Key(path, _sentence(field))
        else:
            yield from _keys(inner, f"{path}.{CHOSEN[name]}." if _is_mapping(field.annotation) else f"{path}.")


def _model_in(annotation: Any) -> type[BaseModel] | None:
    """Find the table that a key holds: itself, in a list, under chosen names, or not at all."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    origin = get_origin(annotation)
    if origin in (Annotated, Union, types.UnionType, tuple, dict):
        return next((found for part in get_args(annotation) if (found := _model_in(part))), None)
    return None


def _is_mapping(annotation: Any) -> bool:
    return get_origin(annotation) in (dict, Mapping)


def _sentence(field: FieldInfo) -> str:
    default = field.get_default(call_default_factory=True, validated_data={})
    if default is PydanticUndefined:
        return "Required."
    return "Default: none." if default is None else f"Default `{toml(default)}`."


def toml(value: Any) -> str:
    """Write a default as it would stand in a file."""
    if isinstance(value, SecretStr):
        return toml(value.get_secret_value())
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, tuple | list):
        return f"[{', '.join(map(toml, value))}]"
    if isinstance(value, dict):
        inner = ", ".join(f"{name} = {toml(part)}" for name, part in value.items())
        return f"{{ {inner} }}" if inner else "{}"
    return json.dumps(value, ensure_ascii=False)
