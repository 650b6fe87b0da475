"""No test touches what is private to the code it tests: each private name is used where it is made."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
FILES = sorted(file for folder in ("tests", "chaos", "benchmarks") for file in (ROOT / folder).rglob("*.py"))


def is_private(name: str) -> bool:
    """Return whether the last part of a dotted name has one underscore in front; a lone underscore names nothing."""
    last = name.rpartition(".")[2]
    return last.startswith("_") and not last.startswith("__") and last != "_"


def own_names(tree: ast.AST) -> set[str]:
    """Return the names that a file makes: functions, methods, variables, attributes of `self`."""
    names = set()
    for node in ast.walk(tree):
        match node:
            case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name) | ast.Name(id=name, ctx=ast.Store()):
                names.add(name)
            case ast.Attribute(attr=name, ctx=ast.Store()) if is_own(node):
                names.add(name)
    return names


def is_own(node: ast.Attribute) -> bool:
    """Return whether it is an attribute of `self` or `cls`."""
    return isinstance(node.value, ast.Name) and node.value.id in {"self", "cls"}


def strangers(tree: ast.AST) -> Iterator[str]:
    """Yield the lines of a file that name something private of another one."""
    own = own_names(tree)
    for node in ast.walk(tree):
        match node:
            case ast.Attribute(attr=name) if is_private(name) and not (is_own(node) and name in own):
                yield f"line {node.lineno}: {ast.unparse(node)}"
            case ast.ImportFrom(names=names) if any(is_private(alias.name) for alias in names):
                yield f"line {node.lineno}: {ast.unparse(node)}"
            case ast.Call(func=ast.Attribute(attr="setattr"), args=args):
                targets = [arg.value for arg in args if isinstance(arg, ast.Constant) and isinstance(arg.value, str)]
                yield from (f"line {node.lineno}: {target}" for target in targets if is_private(target))


@pytest.mark.parametrize("file", FILES, ids=lambda file: str(file.relative_to(ROOT)))
def test_nothing_private_is_used_outside_the_file_that_makes_it(file: Path) -> None:
    assert list(strangers(ast.parse(file.read_text()))) == []
