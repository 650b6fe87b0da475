"""Runs commands: kind, kubectl, helm, skaffold, docker."""

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager

from tests.support.deployment import ROOT


class CommandError(AssertionError):
    """A command has ended with an error; the message holds its output."""


def run(*command: str, timeout_s: float = 120, stdin: str | None = None, expected_status: int | None = 0) -> str:
    """Return the output of a command; `expected_status` None accepts any status.

    Raises:
        CommandError: the command ended with an unexpected status.
        subprocess.TimeoutExpired: it took longer than `timeout_s`.
    """
    done = subprocess.run(command, input=stdin, capture_output=True, text=True, timeout=timeout_s, cwd=ROOT)
    if expected_status is not None and done.returncode != expected_status:
        raise CommandError(f"{' '.join(command)}: {done.returncode}\n{done.stdout[-3000:]}\n{done.stderr[-3000:]}")
    return done.stdout


@contextmanager
def forward_port(namespace: str, target: str, port: int) -> Iterator[int]:
    """Yield a local port that leads to a Service's or a pod's port while the block runs."""
    command = ["kubectl", "--namespace", namespace, "port-forward", target, f":{port}"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=ROOT) as process:
        try:
            line = process.stdout.readline() if process.stdout else ""
            assert line.startswith("Forwarding from 127.0.0.1:"), f"no port-forward to {target}: {line!r}"
            yield int(line.split(":")[1].split()[0])
        finally:
            process.terminate()
