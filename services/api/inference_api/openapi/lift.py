"""Moves the definitions of a JSON Schema to where an OpenAPI description keeps them."""

import re
from typing import Any

PREFIX = "#/components/schemas/"
_DEFINITION = re.compile(r"#/\$defs/([^/]+)(.*)", re.DOTALL)


def lift(schema: dict[str, Any], name: str) -> dict[str, dict[str, Any]]:
    """Return components: the schema as `name`, each of its definitions as `name_DEFINITION`; references follow."""
    root = {key: value for key, value in schema.items() if key not in ("$defs", "$schema", "$id")}
    definitions = {_component(name, key): value for key, value in schema.get("$defs", {}).items()}
    return {key: _refer(value, name) for key, value in {name: root, **definitions}.items()}


def _refer(value: Any, name: str) -> Any:
    match value:
        case dict():
            return {key: _moved(item, name) if key == "$ref" else _refer(item, name) for key, item in value.items()}
        case list():
            return [_refer(item, name) for item in value]
        case str() if _DEFINITION.fullmatch(value):  # in the mapping of a discriminator
            return _moved(value, name)
        case _:
            return value


def _moved(reference: Any, name: str) -> Any:
    if not isinstance(reference, str):  # a property that is called $ref
        return _refer(reference, name)
    definition = _DEFINITION.fullmatch(reference)
    if definition:
        return PREFIX + _component(name, definition[1]) + definition[2]
    return PREFIX + name + reference[1:] if reference.startswith("#") else reference


def _component(name: str, definition: str) -> str:
    return f"{name}_{re.sub(r'[^A-Za-z0-9._-]', '_', definition)}"
