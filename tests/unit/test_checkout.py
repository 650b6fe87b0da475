"""A fresh checkout: line ends that work anywhere, and a Python that is new enough."""

import stat
import subprocess
from pathlib import Path

import pytest

from tests.support.deployment import ROOT


def test_a_checkout_with_the_line_ends_of_windows_still_works(tmp_path: Path) -> None:
    if not (ROOT / ".git").exists():
        pytest.skip("this is not a checkout")
    checkout = tmp_path / "checkout"
    clone = ["git", "-c", "core.autocrlf=true", "clone", "--quiet", "--no-checkout", str(ROOT), str(checkout)]
    subprocess.run(clone, check=True, timeout=60)
    git = ["git", "-C", str(checkout), "-c", "core.autocrlf=true"]
    subprocess.run([*git, "checkout", "--quiet", "HEAD"], check=True, timeout=60)

    scripts = [*checkout.rglob("*.sh"), checkout / "Makefile", checkout / ".ci/run"]
    assert len(scripts) > 5
    assert [script.name for script in scripts if b"\r\n" in script.read_bytes()] == []
    assert subprocess.run([*git, "status", "--porcelain"], check=True, capture_output=True, timeout=60).stdout == b""


@pytest.mark.parametrize(("target", "variable"), [("run", "RUN"), ("unit", "UNIT")])
def test_a_python_that_is_too_old_is_named_before_anything_is_installed(
    tmp_path: Path, target: str, variable: str
) -> None:
    python = tmp_path / "python3.9"
    python.write_text("#!/bin/sh\nexit 1\n")  # as an old one answers the question for its version
    python.chmod(stat.S_IRWXU)

    command = ["make", "--no-print-directory", target, f"PYTHON={python}", f"{variable}={tmp_path}/environment"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=60)

    assert done.returncode != 0
    assert done.stdout.splitlines()[0].startswith("this needs Python 3.11 or later, and ")
    assert not (tmp_path / "environment").exists()
