"""`skaffold dev` with a model of one's own lists its folder and builds its image; `docker` is a stand-in."""

import json
import os
import shutil
import stat
import subprocess
from pathlib import Path

import pytest

from tests.support.deployment import ROOT

IMAGE, SDK = "registry.example.org/model:1", "registry.example.org/worker-sdk:2"


def run(command: str, folder: Path, *, push: bool = False) -> str:
    docker = folder.parent / "docker"
    docker.write_text('#!/bin/sh\necho "docker $*"\n')
    docker.chmod(stat.S_IRWXU)
    environment = {"PATH": f"{folder.parent}:{os.environ['PATH']}", "MODEL": folder.name, "IMAGE": IMAGE, "SDK": SDK}
    done = subprocess.run(
        ["sh", str(ROOT / "services/own_model.sh"), command],
        env=environment | {"PUSH_IMAGE": str(push).lower()},
        cwd=folder.parent,
        capture_output=True,
        text=True,
        check=True,
        timeout=10,
    )
    return done.stdout


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "voice"
    (folder / "__pycache__").mkdir(parents=True)
    (folder / "__pycache__/voice.pyc").touch()
    (folder / "voice.py").touch()
    (folder / "Dockerfile").write_text("# A comment.\nFROM localhost/mnist-inference/worker-sdk:0.1.0\nCOPY . /app/\n")
    return folder


def test_every_file_but_bytecode_is_listed_as_json(folder: Path) -> None:
    assert json.loads(run("files", folder)) == ["voice/Dockerfile", "voice/voice.py"]


@pytest.mark.parametrize("push", [False, True])
def test_the_image_is_built_on_the_sdk_of_this_checkout(folder: Path, push: bool) -> None:
    pushed = [f"docker push {IMAGE}"] if push else []

    assert run("build", folder, push=push).splitlines() == [
        f"docker tag {SDK} localhost/mnist-inference/worker-sdk:0.1.0",
        f"docker build --tag {IMAGE} voice",
        *pushed,
    ]


def docker_answers() -> bool:
    return bool(shutil.which("docker")) and not subprocess.run(["docker", "info"], capture_output=True).returncode


@pytest.mark.skipif(not shutil.which("skaffold"), reason="skaffold is not on the PATH")
@pytest.mark.skipif(not docker_answers(), reason="no docker answers; skaffold asks it for the base images")
def test_skaffold_finds_the_files_of_every_image(tmp_path: Path) -> None:
    done = subprocess.run(
        ["skaffold", "build", "--dry-run"],
        env=os.environ | {"MODEL": "models/voice", "HOME": str(tmp_path)},
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )

    tags = dict(line.removeprefix(" - ").split(" -> ") for line in done.stdout.splitlines() if " -> " in line)
    assert list(tags) == [f"localhost/mnist-inference/{image}" for image in ("api", "worker", "worker-sdk", "model")]
    assert not [tag for tag in tags.values() if tag.endswith(":latest")], (
        "the tag of an image whose files are not found"
    )
