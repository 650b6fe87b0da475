"""Checks values against a JSON Schema, draft 2020-12."""

from typing import Any

from jsonschema_rs import Draft202012Validator, ValidationError

from inference_bridge.errors import ConfigurationError

#: Most characters of a problem: the library's message holds the whole value.
MAX_PROBLEM_LENGTH = 240


class JsonSchema:
    """A JSON Schema that is ready to check values; it never fetches another one.

    Args:
        schema: the schema.
        owner: the model, for messages.

    Raises:
        ConfigurationError: the schema is not valid.
    """

    def __init__(self, schema: dict[str, Any], *, owner: str) -> None:
        try:
            self._validator = Draft202012Validator(schema, offline=True)
        except ValueError as error:
            reason = _shorten(str(error).partition("\n")[0])
            raise ConfigurationError(f"a JSON Schema of {owner} is not valid ({reason}); correct its spec") from error

    def find_problem(self, value: Any) -> str | None:
        """Return where a value breaks which rule, or None if it is valid."""
        try:
            self._validator.validate(value)
        except ValidationError as error:
            path = ".".join(map(str, error.instance_path))
            return f"{_shorten(path)}: {_shorten(error.message)}" if path else _shorten(error.message)
        except ValueError as error:
            return _shorten(str(error))
        return None


def _shorten(text: str) -> str:
    """Cut the middle out: a message begins with the value and ends with the rule."""
    half = MAX_PROBLEM_LENGTH // 2
    return text if len(text) <= MAX_PROBLEM_LENGTH else f"{text[:half]}…{text[-half:]}"
