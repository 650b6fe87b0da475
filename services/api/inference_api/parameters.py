"""Parameters of a job: query strings become JSON values by the model's schema."""

import json
import re
from collections.abc import Iterable, Iterator
from typing import Any

from starlette.datastructures import QueryParams

from inference_api.errors import InvalidRequest
from inference_api.json_schema import JsonSchema
from inference_bridge.jobs import MAX_PARAMS_BYTES
from inference_bridge.spec import RESERVED_PARAMS, ModelSpec

_INTEGER = re.compile(r"-?\d{1,40}", re.ASCII)
_NUMBER = re.compile(r"-?\d{1,40}(\.\d{1,40})?([eE][+-]?\d{1,3})?", re.ASCII)
_BOOLEANS = {"true": True, "false": False}
_NOTHING = object()


class Parameters:
    """Reads and checks the parameters of one model.

    Raises:
        ConfigurationError: their schema is not valid.
    """

    def __init__(self, spec: ModelSpec) -> None:
        root = spec.params_schema
        self._owner = spec.name
        self._choices = {name: list(_choices_of(one, root)) for name, one in root.get("properties", {}).items()}
        self._schema = JsonSchema(root, owner=spec.message_type) if spec.params is not None else None

    def read(self, query: QueryParams, *, ignores_unknown: bool = False) -> str:
        """Return the given parameters as a JSON object; an empty text if the model has none.

        Raises:
            InvalidRequest: a parameter is unknown, given twice, or breaks a rule of the model.
        """
        if self._schema is None and (ignores_unknown or not query):
            return ""
        if not ignores_unknown:
            self._refuse_unknown(query)
        refuse_repeated(query, self._choices)
        return self._check({name: self._value_of(name, text) for name, text in query.items() if name in self._choices})

    def _refuse_unknown(self, query: QueryParams) -> None:
        unknown = sorted(query.keys() - self._choices.keys() - set(RESERVED_PARAMS))
        if unknown:
            known = ", ".join([*self._choices, *RESERVED_PARAMS])
            raise InvalidRequest(f"{self._owner} has no parameter {unknown[0][:64]!r}; it has {known}")

    def _value_of(self, name: str, text: str) -> Any:
        for schema in self._choices[name]:
            value = _parse(text, schema)
            if value is not _NOTHING:
                return value
        expected = " or ".join(_describe(schema) for schema in self._choices[name])
        raise InvalidRequest(f"{name} is {text[:64]!r}, expected {expected}; correct it")

    def _check(self, values: dict[str, Any]) -> str:
        problem = None if self._schema is None else self._schema.find_problem(values)
        if problem is not None:
            raise InvalidRequest(f"the parameters break a rule of the model: {problem}; correct them")
        text = json.dumps(values, separators=(",", ":")) if values else ""
        if len(text) > MAX_PARAMS_BYTES:
            raise InvalidRequest(
                f"the parameters have {len(text)} bytes as JSON, the limit is {MAX_PARAMS_BYTES}; shorten them"
            )
        return text


def refuse_repeated(query: QueryParams, names: Iterable[str]) -> None:
    """Raise InvalidRequest if a parameter of one of these names is given more than once."""
    if len(query.multi_items()) == len(query):
        return
    for name in names:
        count = len(query.getlist(name))
        if count > 1:
            raise InvalidRequest(f"the parameter {name} is given {count} times; give it once")


def _choices_of(schema: dict[str, Any], root: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Yield the schemas of one type each that a property allows; text, which any value matches, comes last."""
    if "$ref" in schema:
        yield from _choices_of(root["$defs"][schema["$ref"].rpartition("/")[2]], root)
    elif "anyOf" in schema:
        choices = [choice for one in schema["anyOf"] for choice in _choices_of(one, root)]
        yield from sorted(choices, key=lambda choice: choice.get("type") == "string" and "enum" not in choice)
    else:
        yield schema


def _parse(text: str, schema: dict[str, Any]) -> Any:
    """Return the JSON value that a text means, or `_NOTHING`."""
    if "enum" in schema or "const" in schema:
        values = schema.get("enum", [schema.get("const")])
        return next((value for value in values if _text_of(value) == text), _NOTHING)
    match schema.get("type"):
        case "null":
            return None if text == "null" else _NOTHING
        case "boolean":
            return _BOOLEANS.get(text, _NOTHING)
        case "integer":
            return int(text) if _INTEGER.fullmatch(text) else _NOTHING
        case "number":
            return _number(text)
        case _:
            return text


def _number(text: str) -> Any:
    if not _NUMBER.fullmatch(text):
        return _NOTHING
    value = float(text)
    return value if value - value == 0 else _NOTHING  # infinity is not JSON


def _text_of(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)


def _describe(schema: dict[str, Any]) -> str:
    if "enum" in schema or "const" in schema:
        return " or ".join(map(_text_of, schema.get("enum", [schema.get("const")])))
    kind = str(schema.get("type"))
    return {"boolean": "true or false", "integer": "an integer", "number": "a number"}.get(kind, kind)
