"""The scripts for KEDA's operator say what is wrong; `kubectl` and `helm` are stand-ins that answer and log."""

import os
import stat
import subprocess
from pathlib import Path

import pytest

from tests.unit.keda.scripts import KEDA

READY = """#!/bin/sh
case "$*" in
*externalMetricNames*) echo s0-rabbitmq-mnist-jobs ;;
*'"Ready"'*) echo True ;;
*'"Active"'*) echo False ;;
*--raw*) echo '{"items":[{"metricName":"s0-rabbitmq-mnist-jobs","value":"12"}]}' ;;
*items*) echo digits-worker ;;
esac
"""


def script(name: str, tmp_path: Path, *arguments: str, kubectl: str) -> subprocess.CompletedProcess[str]:
    for program, text in {"kubectl": kubectl, "helm": f'#!/bin/sh\necho "$@" >>{tmp_path}/helm.log\n'}.items():
        (tmp_path / program).write_text(text)
        (tmp_path / program).chmod(stat.S_IRWXU)
    environment = {"PATH": f"{tmp_path}:{os.environ['PATH']}"}
    return subprocess.run(
        ["sh", str(KEDA / name), *arguments], env=environment, capture_output=True, text=True, timeout=30
    )


def test_check_prints_state_and_figure_of_each_scaled_object(tmp_path: Path) -> None:
    done = script("check.sh", tmp_path, "inference", kubectl=READY)

    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-2:] == ["digits-worker: Ready=True Active=False", "  s0-rabbitmq-mnist-jobs 12"]


@pytest.mark.parametrize(
    ("broken", "message"),
    [
        (READY.replace("echo True", "echo False"), "digits-worker has Ready=False, expected True"),
        (READY.replace('"value":"12"', ""), "the metric s0-rabbitmq-mnist-jobs has no value"),
        (READY.replace("echo digits-worker", ":"), "the namespace inference has no ScaledObject"),
        (READY.replace("*--raw*) echo", "*--raw*) exit 1; echo"), "cannot be read"),
        ("#!/bin/sh\nexit 1\n", "scaledobjects.keda.sh is not established"),
        ('#!/bin/sh\n[ "$3" = crd/scaledobjects.keda.sh ]\n', "external.metrics.k8s.io is not available"),
    ],
    ids=["not ready", "no figure", "no object", "no answer", "no keda", "no api"],
)
def test_check_ends_with_1_and_says_why(tmp_path: Path, broken: str, message: str) -> None:
    done = script("check.sh", tmp_path, "inference", kubectl=broken)

    assert done.returncode == 1
    assert message in done.stderr


def test_uninstall_refuses_while_something_would_hang(tmp_path: Path) -> None:
    done = script("uninstall.sh", tmp_path, kubectl="#!/bin/sh\necho ScaledObject inference/digits-worker\n")

    assert done.returncode == 1
    assert "ScaledObject inference/digits-worker" in done.stderr
    assert not (tmp_path / "helm.log").exists()


def test_uninstall_removes_keda_when_nothing_is_left(tmp_path: Path) -> None:
    done = script("uninstall.sh", tmp_path, kubectl="#!/bin/sh\n")

    assert done.returncode == 0, done.stderr
    assert (tmp_path / "helm.log").read_text().startswith("uninstall keda")


def test_install_takes_one_version_and_checks(tmp_path: Path) -> None:
    done = script("install.sh", tmp_path, kubectl="#!/bin/sh\n")

    assert done.returncode == 0, done.stderr
    assert "--version 2.21.0 " in (tmp_path / "helm.log").read_text()
