"""Adds the calls outside FastAPI to the application's OpenAPI description."""

from collections.abc import Iterable, Sequence
from typing import Any

from fastapi import FastAPI

from inference_api.openapi.models import LIST, components_of, default_paths, paths_of
from inference_api.openapi.schemas import SCHEMAS
from inference_api.served_model import ServedModel

_BEARER = {"type": "http", "scheme": "bearer", "description": "required if the operator has set a key file"}
#: Calls that never need a key.
_OPEN_PATHS = ("/healthz", "/readyz", "/serving")


def describe_calls(app: FastAPI, models: Sequence[ServedModel], default: ServedModel | None) -> None:
    """Describe the calls for each model, the calls of the default model, and the API keys."""
    described = app.openapi

    def openapi() -> dict[str, Any]:
        schema = described()
        items = {"/models": {"get": LIST}, **_merge(paths_of(model) for model in models)}
        schema["paths"] = {**(default_paths(default) if default else {}), **items, **schema["paths"]}
        components = schema.setdefault("components", {})
        components["securitySchemes"] = {"key": _BEARER}
        schemas = _merge(components_of(model) for model in models)
        components["schemas"] = {**SCHEMAS, **schemas, **components.get("schemas", {})}
        schema["security"] = [{"key": []}, {}]  # a key, or none if the operator has set no key file
        for path in _OPEN_PATHS:
            schema["paths"][path]["get"]["security"] = []
        return schema

    app.openapi = openapi  # type: ignore[method-assign]  # as FastAPI documents it


def _merge(parts: Iterable[dict[str, Any]]) -> dict[str, Any]:
    return {key: value for part in parts for key, value in part.items()}
