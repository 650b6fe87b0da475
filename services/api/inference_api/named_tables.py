"""Reads a TOML file that holds a table for each name."""

import tomllib
from pathlib import Path
from typing import TypeVar

from pydantic import BaseModel, ValidationError

from inference_bridge.errors import ConfigurationError

Entry = TypeVar("Entry", bound=BaseModel)


def read_tables(path: Path, kind: type[Entry], *, noun: str) -> list[Entry]:
    """Return an entry for each table; its field `name` is the name of the table. `noun` names the file in errors.

    Raises:
        ConfigurationError: the file is missing, is not TOML, or has a wrong table.
    """
    try:
        tables = tomllib.loads(path.read_text("utf-8-sig"))  # some editors write a BOM
    except (OSError, ValueError, RecursionError) as error:  # ValueError includes TOMLDecodeError and UnicodeDecodeError
        raise wrong_file(noun, path, f"cannot be read ({error})", "name a readable TOML file") from None
    entries = []
    for name, table in tables.items():
        if not isinstance(table, dict) or "name" in table:
            fields = ", ".join(field for field in kind.model_fields if field != "name")
            raise wrong_file(noun, path, f"has a wrong entry {name!r}", f"put {fields} under [NAME]")
        try:
            entries.append(kind.model_validate({**table, "name": name}))
        except ValidationError as error:
            problems = [_describe(found["loc"], found["msg"]) for found in error.errors()]
            raise wrong_file(
                noun, path, f"is wrong in [{name}] ({'; '.join(problems)})", "see docs/security.md"
            ) from None
    return entries


def _describe(location: tuple[int | str, ...], message: str) -> str:
    rule = message.removeprefix("Value error, ")
    return f"{'.'.join(map(str, location))}: {rule}" if location else rule


def wrong_file(noun: str, path: Path, problem: str, remedy: str) -> ConfigurationError:
    """Return the error for a file of the operator."""
    return ConfigurationError(f"the {noun} {path} {problem}; {remedy}")
