"""Adds the calls outside FastAPI to the application's OpenAPI description."""

from collections.abc import Sequence
from typing import Any

from fastapi import FastAPI

from inference_api.openapi.paths import PATHS
from inference_api.openapi.schemas import SCHEMAS
from inference_api.served_model import ServedModel

_BEARER = {"type": "http", "scheme": "bearer", "description": "required if the operator has set a key file"}
#: Calls that never need a key.
_OPEN_PATHS = ("/healthz", "/readyz")


def describe_calls(app: FastAPI, models: Sequence[ServedModel], default: ServedModel | None) -> None:
    """Describe the calls for each model, the calls of the default model, and the API keys."""
    described = app.openapi

    def openapi() -> dict[str, Any]:
        schema = described()
        schema["paths"] = {**(PATHS if default else {}), **schema["paths"]}
        components = schema.setdefault("components", {})
        components["securitySchemes"] = {"key": _BEARER}
        components["schemas"] = {**SCHEMAS, **components.get("schemas", {})}
        schema["security"] = [{"key": []}, {}]  # a key, or none if the operator has set no key file
        for path in _OPEN_PATHS:
            schema["paths"][path]["get"]["security"] = []
        return schema

    app.openapi = openapi  # type: ignore[method-assign]  # as FastAPI documents it
