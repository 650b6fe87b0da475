"""The whole table of imports: each package of ours, and the packages of ours that it may import."""

import ast
from collections.abc import Iterator
from fnmatch import fnmatchcase
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

#: Parts of packages that have a row of their own.
PARTS = {"*_model.prepare", "*_model.predict", "tests.support", "tests.integration.test_chaos"}
PARTS |= {"tests.unit.benchmarks", "tests.unit.chaos"}
#: For each package, patterns of the others that it may import. The halves of a model may also import what both share.
#: Only a name in a setting or a spec leads from the platform to a model.
ALLOWED: dict[str, set[str]] = {
    "inference_bridge": set(),
    "inference_pictures": {"inference_bridge"},
    "inference_api": {"inference_bridge", "inference_pictures"},
    "inference_worker": {"inference_bridge"},
    "inference_embedded": {"inference_api", "inference_bridge", "inference_worker"},
    "inference_client": set(),
    "*_model": {"inference_bridge"},
    "*_model.prepare": {"inference_bridge", "inference_pictures"},
    "*_model.predict": {"inference_bridge"},
    # Models in a folder of files.
    "voice*": {"inference_bridge", "inference_worker", "voice*"},
    "photos*": {"inference_bridge", "inference_worker"},
    "test_*": {"inference_bridge", "inference_worker", "voice*", "photos*"},
    "*_training": {"inference_bridge", "*_model", "*_model.*"},
    "docs": {"inference_bridge", "inference_pictures", "*_model", "*_model.*"},
    "tests.support": {"inference_*", "*_model", "*_model.*", "*_training"},
    "tests.integration.test_chaos": {"chaos"},
    "tests.unit.benchmarks": {"benchmarks"},
    "tests.unit.chaos": {"chaos", "*_model", "tests.support"},
    "tests": {"tests.support", "inference_*", "*_model", "*_model.*", "*_training", "photos", "release", "lint"},
    "benchmarks": {
        *("tests.support", "inference_bridge", "inference_pictures", "inference_worker"),
        *("*_model", "*_model.*"),
    },
    "chaos": {
        *("tests.support", "inference_bridge", "inference_worker"),
        *("*_model", "*_model.*", "*_training", "voice"),
    },
    "charts": set(),
    "keda": set(),
    "release": set(),
    "lint": set(),
    "samples": set(),
}
#: Packages that may import torch.
WITH_TORCH = {
    *("inference_worker", "*_model.predict", "*_training", "docs", "tests", "tests.*", "benchmarks", "chaos"),
    *("voice*", "photos*", "test_*"),
}
#: The folders that module names count from, and the packages in them.
SOURCES = {
    "services/*": ["inference_*"],
    "models/*": ["*_model", "docs"],
    "training": ["*_training"],
    ".": ["tests", "benchmarks", "chaos", "charts", "keda", "lint", "release", "samples"],
}


def package_of(module: str) -> str:
    """Return the package that a module belongs to, or the part of it that has a row of its own."""
    names = module.split(".")
    parts = (".".join(names[:length]) for length in (2, 3))
    return next((part for part in parts if is_one_of(part, PARTS)), names[0])


def files_of(package: str) -> Iterator[Path]:
    """Yield the Python files of a package."""
    yield from (file for file, name in FILES.items() if name == package)


def find_files() -> Iterator[tuple[Path, str]]:
    """Yield each Python file of ours, and the package that it belongs to."""
    for source, packages in SOURCES.items():
        for root in ROOT.glob(source) if source != "." else [ROOT]:
            folders = (file for package in packages for file in root.glob(f"{package}/**/*.py"))
            for file in [*folders, *root.glob("*.py")]:
                yield file, package_of(".".join(file.relative_to(root).with_suffix("").parts))


def imports_of(package: str) -> Iterator[tuple[str, str]]:
    """Yield where something is imported, and what: anywhere in a file; a relative import begins with a dot."""
    for file in files_of(package):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import | ast.ImportFrom) else []
            if isinstance(node, ast.ImportFrom):
                names = [f"{'.' * node.level}{node.module or ''}.{name}" for name in names]
            yield from ((f"{file.relative_to(ROOT)}:{getattr(node, 'lineno', 0)}", name) for name in names)


def is_one_of(package: str, patterns: set[str]) -> bool:
    return any(fnmatchcase(package, pattern) for pattern in patterns)


def is_ours(package: str) -> bool:
    return package.partition(".")[0] in {name.partition(".")[0] for name in PACKAGES} or not package


FILES = dict(find_files())
PACKAGES = sorted(set(FILES.values()))


@pytest.mark.parametrize("package", PACKAGES)
def test_a_package_imports_only_what_the_table_allows(package: str) -> None:
    (allowed,) = (row for pattern, row in ALLOWED.items() if fnmatchcase(package, pattern))
    model, _, half = package.partition(".")
    its_own = {package, model} if model.endswith("_model") and half else {package}

    found = [(place, name) for place, name in imports_of(package) if is_ours(package_of(name))]

    assert [one for one in found if not is_one_of(package_of(one[1]), its_own | allowed)] == []


@pytest.mark.parametrize("pattern", ALLOWED)
def test_each_row_of_the_table_is_a_package(pattern: str) -> None:
    assert [package for package in PACKAGES if fnmatchcase(package, pattern)]


@pytest.mark.parametrize("package", [package for package in PACKAGES if not is_one_of(package, WITH_TORCH)])
def test_torch_is_imported_only_where_a_device_is(package: str) -> None:
    assert [place for place, name in imports_of(package) if name.split(".")[0] in {"torch", "torchvision"}] == []
