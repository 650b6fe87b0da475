"""Makes the application's OpenAPI description: FastAPI knows no route of it."""

from collections.abc import Iterable, Sequence
from typing import Any

from fastapi import FastAPI

from inference_api.openapi.models import LIST, components_of, default_paths, paths_of
from inference_api.openapi.probes import PROBES
from inference_api.openapi.schemas import SCHEMAS
from inference_api.served_model import ServedModel

_BEARER = {"type": "http", "scheme": "bearer", "description": "required if the operator has set a key file"}


def describe_calls(app: FastAPI, models: Sequence[ServedModel], default: ServedModel | None) -> None:
    """Describe the calls for each model, the calls of the default model, the probes, and the API keys."""
    described = app.openapi

    def openapi() -> dict[str, Any]:
        items = {"/models": {"get": LIST}, **_merge(paths_of(model) for model in models), **PROBES}
        schemas = {**SCHEMAS, **_merge(components_of(model) for model in models)}
        return {
            **described(),
            "paths": {**(default_paths(default) if default else {}), **items},
            "components": {"securitySchemes": {"key": _BEARER}, "schemas": schemas},
            "security": [{"key": []}, {}],  # a key, or none if the operator has set no key file
        }

    app.openapi = openapi  # type: ignore[method-assign]  # as FastAPI documents it


def _merge(parts: Iterable[dict[str, Any]]) -> dict[str, Any]:
    return {key: value for part in parts for key, value in part.items()}
