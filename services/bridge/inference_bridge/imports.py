"""Imports an object by its name `package.module:name`; models are loaded in no other way."""

from importlib import import_module

from inference_bridge.errors import ConfigurationError


def import_named(path: str) -> object:
    """Return the object called `package.module:name`, or the module called `package.module`.

    Raises:
        ConfigurationError: there is no such module or name.
    """
    module_name, _, name = path.partition(":")
    try:
        module = import_module(module_name)
        found: object = getattr(module, name) if name else module
    except (ImportError, AttributeError, ValueError) as error:
        is_foreign = isinstance(error, ModuleNotFoundError) and not f"{module_name}.".startswith(f"{error.name}.")
        remedy = "name its package in requirements.txt" if is_foreign else "expected package.module:name"
        raise ConfigurationError(f"{path!r} cannot be imported, {remedy} ({error})") from error
    return found
