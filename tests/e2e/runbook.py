"""Runs the commands of `docs/operations.md` as they stand, on another release."""

import re
import subprocess

from tests.e2e.command import CommandError
from tests.support.deployment import ROOT

_PAGE = ROOT / "docs/operations.md"
_VALUES = "--values mine.yaml"
_HEAD = 'k() { kubectl --namespace "$NAMESPACE" "$@"; }\n'
"""As the page's alias, which a script does not have; its function `password` is added."""


def follow(
    entry: str,
    release: str,
    values: tuple[str, ...] = (),
    server: str = "rabbitmq",
    then: str = "",
    **variables: str,
) -> str:
    """Run the commands of an entry and return what they print.

    Args:
        entry: its heading.
        release: the name of the release and of its namespace, in place of the page's.
        values: arguments for Helm in place of `--values mine.yaml`.
        server: in place of `rabbitmq`.
        then: a command to run after them, with the functions that they define.
        variables: the values of variables that the commands set.

    Raises:
        CommandError: a command failed; the message holds the output.
    """
    commands = f"{find_password()}\n{find_commands(entry)}{then}"
    commands = commands.replace("digits", release).replace("rabbitmq", server)
    commands = commands.replace(_VALUES, " ".join(values))
    for name, value in variables.items():
        commands, found = re.subn(rf"^{name}=.*$", f"{name}={value}", commands, flags=re.MULTILINE)
        assert found == 1, f"{entry} sets {name} {found} times"
    done = subprocess.run(
        ["bash", "-euc", f"NAMESPACE={release}\n{_HEAD}{commands}"],
        capture_output=True,
        text=True,
        timeout=900,
        cwd=ROOT,
    )
    if done.returncode:
        raise CommandError(f"{entry}: {done.returncode}\n{done.stdout[-3000:]}\n{done.stderr[-3000:]}")
    return done.stdout


def find_commands(entry: str) -> str:
    """Return the commands of an entry."""
    (text,) = re.findall(rf"^### {entry}\n(.*?)^##", _PAGE.read_text(), re.MULTILINE | re.DOTALL)
    (commands,) = re.findall(r"^```sh\n(.*?)^```", text, re.MULTILINE | re.DOTALL)
    return str(commands)


def find_password() -> str:
    """Return the page's function that prints a password."""
    (function,) = re.findall(r"^password\(\) .*$", _PAGE.read_text(), re.MULTILINE)
    return str(function)
