"""Imports an object by its name `package.module:name`; models are loaded in no other way."""

from importlib import import_module

from inference_bridge.errors import ConfigurationError


def import_named(path: str) -> object:
    """Return the object called `package.module:name`.

    Raises:
        ConfigurationError: there is no such module or name.
    """
    module_name, _, name = path.partition(":")
    try:
        found: object = getattr(import_module(module_name), name)
    except (ImportError, AttributeError, ValueError) as error:
        raise ConfigurationError(f"{path!r} cannot be imported, expected package.module:name ({error})") from error
    return found
