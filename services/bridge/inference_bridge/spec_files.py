"""Finds the specs that the API serves: spec files, or objects of packages in its image."""

from pathlib import Path

from inference_bridge.errors import ConfigurationError
from inference_bridge.imports import import_named
from inference_bridge.spec import ModelSpec, from_json


def load_specs(names: str) -> list[ModelSpec]:
    """Return the specs of all versions, sorted by name, the highest version of a name first.

    Args:
        names: separated by commas; each is a spec file, a folder of spec files, or `package.module:SPEC`.

    Raises:
        ConfigurationError: nothing is named, a spec cannot be read, or two have the same name and version.
    """
    specs = [spec for name in names.split(",") if name.strip() for spec in _load(name.strip())]
    if not specs:
        raise ConfigurationError(
            f"INFERENCE_MODELS is {names!r} and holds no spec; name spec files, or a folder of them"
        )
    types = [spec.message_type for spec in specs]
    twice = sorted({message_type for message_type in types if types.count(message_type) > 1})
    if twice:
        raise ConfigurationError(f"INFERENCE_MODELS has {', '.join(twice)} more than once; leave one of each")
    return sorted(specs, key=lambda spec: (spec.name, -spec.version))


def _load(name: str) -> list[ModelSpec]:
    path = Path(name)
    if path.is_dir():
        return [_read(file) for file in sorted(path.glob("*.json"))]
    if path.is_file() or ":" not in name:
        return [_read(path)]
    try:
        spec = import_named(name)
    except ConfigurationError as error:
        raise ConfigurationError(f"INFERENCE_MODELS: {error}") from error
    if not isinstance(spec, ModelSpec):
        raise ConfigurationError(f"INFERENCE_MODELS has {name!r}, a {type(spec).__name__}, expected a ModelSpec")
    return [spec]


def _read(path: Path) -> ModelSpec:
    try:
        return from_json(path.read_text("utf-8-sig"))  # some editors write a BOM
    except (OSError, ValueError) as error:
        raise ConfigurationError(
            f"INFERENCE_MODELS: {path} is not a spec file ({error}); write it with `describe`"
        ) from error
