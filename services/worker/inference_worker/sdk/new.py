"""Makes the folder of a new model from the files in `template`."""

import keyword
import tomllib
from importlib.resources import files
from importlib.util import find_spec
from pathlib import Path
from string import Template

from pydantic import ValidationError

from inference_bridge.errors import ConfigurationError
from inference_bridge.kinds import Probabilities, Text
from inference_bridge.spec import ModelSpec

_TEMPLATE = files("inference_worker.sdk") / "template"
#: For each kind of input, the words that differ in the templates.
_WORDS: dict[str, dict[str, str]] = tomllib.loads((_TEMPLATE / "kinds.toml").read_text(encoding="utf-8"))
KINDS = tuple(_WORDS)


def make_folder(name: str, kind: str, into: Path) -> str:
    """Make the folder `into/name`; return what to do next.

    Raises:
        ConfigurationError: the name is not valid, or the folder is there already.
    """
    module = _module_of(name)
    folder = into / name
    try:
        folder.mkdir(parents=True)
    except FileExistsError as error:
        raise ConfigurationError(f"{folder} is there already; delete it, or choose another name") from error
    model = "".join(part.capitalize() for part in name.split("-")) + "Model"
    words = {"name": name, "module": module, "model": model, "folder": str(folder), **_WORDS[kind]}
    for file in _TEMPLATE.iterdir():
        if file.name.endswith(".template"):
            target = folder / file.name.removesuffix(".template").replace("NAME", module)
            target.write_text(Template(file.read_text(encoding="utf-8")).substitute(words), encoding="utf-8")
    renamed = "" if module == name else f"Its file is {module}.py: a module's name has no hyphens.\n"
    return f"{folder} is a model that runs.\n{renamed}Try it: make check MODEL={folder}"


def _module_of(name: str) -> str:
    """Return the name of the model's Python module."""
    try:
        ModelSpec(name, version=1, takes=Text(), answers=Probabilities(1))
    except ValidationError as error:
        raise ConfigurationError(error.errors()[0]["msg"].removeprefix("Value error, ")) from error
    module = name.replace("-", "_")
    if keyword.iskeyword(module) or find_spec(module) is not None:
        raise ConfigurationError(f"{module!r} means something else in Python already; choose another name")
    return module
