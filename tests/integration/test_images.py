"""The images: their Dockerfiles, and, where docker and the images are at hand, their containers."""

import json
import re
import shutil
import subprocess
import time
import tomllib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from inference_bridge.settings import ENV_PREFIX
from tests.support.deployment import ROOT, TICKET_KEY, VERSION
from tests.support.waiting import wait_for

IMAGES = {"api": 8000, "worker": 8081}
"""The images and the port of their probes."""
API_LIMIT_BYTES = 250_000_000
LOCKED = ("--read-only", "--tmpfs=/tmp", "--cap-drop=ALL", "--security-opt=no-new-privileges", "--network=none")
START_TIMEOUT_S = 90.0

both = pytest.mark.parametrize("service", IMAGES)


def dockerfile(service: str) -> str:
    return (ROOT / "services" / service / "Dockerfile").read_text()


def default(service: str, argument: str) -> str:
    found = re.search(rf"^ARG {argument}=(.*)$", dockerfile(service), re.MULTILINE)
    assert found, f"services/{service}/Dockerfile has no argument {argument}"
    return found[1]


def project(folder: str) -> dict[str, Any]:
    found: dict[str, Any] = tomllib.loads((ROOT / folder / "pyproject.toml").read_text())["project"]
    return found


FOLDERS = {project(folder)["name"]: folder for folder in ("services/bridge", "services/pictures")}


def needs_of(folder: str, service: str) -> set[str]:
    """The folders of ours that one of them needs in a service's image, itself included."""
    found = project(folder)
    names = [*found["dependencies"], *found.get("optional-dependencies", {}).get(service, [])]
    return {folder}.union(*(needs_of(FOLDERS[name], service) for name in names if name in FOLDERS))


@both
def test_an_image_holds_the_packages_that_its_service_and_its_model_need_and_no_other(service: str) -> None:
    """The packages' own lists of dependencies say which these are."""
    [model] = set(re.findall(r"^ +MODEL: (\w+)$", (ROOT / "compose.yaml").read_text(), re.MULTILINE))
    copied = re.findall(r"^COPY (\w+/\S+) \1$", dockerfile(service), re.MULTILINE)

    expected = needs_of(f"services/{service}", service) | needs_of(f"models/{model}", service)
    assert {folder.replace("${MODEL}", model) for folder in copied} == expected


@pytest.mark.parametrize("path", sorted(ROOT.glob("services/*/pyproject.toml")), ids=lambda path: path.parent.name)
def test_a_wheel_holds_every_folder_of_its_package(path: Path) -> None:
    packages = tomllib.loads(path.read_text())["tool"]["setuptools"]["packages"]
    folders = [file.parent.relative_to(path.parent) for file in path.parent.glob("inference_*/**/__init__.py")]

    assert sorted(packages) == sorted(".".join(folder.parts) for folder in folders)


@both
def test_every_installation_is_pinned_or_brings_no_dependencies(service: str) -> None:
    commands = dockerfile(service).replace("\\\n", " ").split("&&")
    installations = [command for command in commands if re.search(r"pip .*install", command)]

    assert installations
    for command in installations:
        assert "--constraint constraints.txt" in command or "--no-deps" in command, command


@both
def test_tini_is_the_first_process_of_a_container(service: str) -> None:
    entrypoints = re.findall(r"^ENTRYPOINT (.+)$", dockerfile(service), re.MULTILINE)

    assert len(entrypoints) >= 2
    for entrypoint in entrypoints:
        assert json.loads(entrypoint)[:2] == ["tini", "--"]


@pytest.mark.parametrize("path", [*(f"services/{service}/Dockerfile" for service in IMAGES), "compose.yaml"])
def test_no_file_names_a_registry_or_an_index(path: str) -> None:
    text = (ROOT / path).read_text().replace("http://127.0.0.1", "").replace("amqp://", "").replace("redis://", "")

    assert "://" not in text
    assert not re.search(r"^#\s*syntax", text, re.MULTILINE)
    for image in re.findall(r"^ARG BASE_IMAGE=(.+)$|^\s+image: (.+)$", text, re.MULTILINE):
        assert not re.match(r"[\w-]+[.:][\w.:-]*/", "".join(image)), image


def test_the_versions_are_those_of_the_packages_and_of_the_makefile() -> None:
    torch = re.search(r"^TORCH \?= (.+)$", (ROOT / "Makefile").read_text(), re.MULTILINE)
    tags = re.findall(r"image: localhost/mnist-inference/\w+:(.+)", (ROOT / "compose.yaml").read_text())

    assert torch
    assert torch[1] == default("worker", "TORCH")
    assert len(tags) == len(IMAGES)
    assert {default(service, "VERSION") for service in IMAGES} | set(tags) == {VERSION}


@pytest.mark.parametrize("path", [*(f"services/{service}/Dockerfile" for service in IMAGES), "compose.yaml"])
def test_every_variable_is_a_setting(path: str) -> None:
    settings = set(re.findall(rf"^\| `({ENV_PREFIX}\w+)`", (ROOT / "docs/settings.md").read_text(), re.MULTILINE))
    named = set(re.findall(rf"\b{ENV_PREFIX}\w+", (ROOT / path).read_text()))

    assert named
    assert named <= settings


def docker(*arguments: str, timeout_s: float = 60) -> str:
    done = subprocess.run(["docker", *arguments], capture_output=True, text=True, timeout=timeout_s)
    assert done.returncode == 0, f"docker {' '.join(arguments)}: {done.stderr}"
    return done.stdout.strip()


@pytest.fixture
def image(service: str) -> str:
    """The name of a service's image."""
    name = f"localhost/mnist-inference/{service}:{VERSION}"
    if shutil.which("docker") is None or subprocess.run(["docker", "info"], capture_output=True).returncode:
        pytest.skip("no docker answers; start its engine to try the images")
    if subprocess.run(["docker", "image", "inspect", name], capture_output=True).returncode:
        pytest.skip(f"there is no image {name}; `docker compose build` makes it")
    return name


@contextmanager
def running(image: str) -> Iterator[str]:
    """A container of an image, as locked as it is in Kubernetes; there is no RabbitMQ and no Redis."""
    container = docker("run", "--detach", *LOCKED, "--env", f"INFERENCE_TICKET_KEY={TICKET_KEY}", image)
    try:
        yield container
    finally:
        docker("rm", "--force", container)


def wait_until_alive(container: str, port: int) -> None:
    probe = f"from urllib.request import urlopen; urlopen('http://127.0.0.1:{port}/healthz', timeout=5)"

    def is_alive() -> bool:
        running = docker("inspect", "--format={{.State.Running}}", container)
        assert running == "true", f"it has ended:\n{docker('logs', container)}"
        return not subprocess.run(["docker", "exec", container, "python", "-c", probe], capture_output=True).returncode

    wait_for(f"an answer of {container}", is_alive, START_TIMEOUT_S)


@both
def test_a_container_runs_locked_as_a_user_of_no_rights_and_ends_on_sigterm(service: str, image: str) -> None:
    """Its file system is read-only, it has no capabilities and no network."""
    with running(image) as container:
        wait_until_alive(container, IMAGES[service])
        assert docker("exec", container, "id", "-u") == "10001"
        assert docker("exec", container, "cat", "/proc/1/comm") == "tini"

        docker("stop", "--time=60", container, timeout_s=90)
        assert docker("inspect", "--format={{.State.ExitCode}}", container) == "0"


@both
@pytest.mark.parametrize("after_s", [0, 0.2, 0.5])
def test_a_container_that_is_stopped_while_it_starts_ends_without_being_killed(
    service: str, image: str, after_s: float
) -> None:
    """It is asked 0 to 0.5 s after its start."""
    with running(image) as container:
        time.sleep(after_s)  # the moment is the case
        docker("stop", "--time=20", container, timeout_s=60)

        assert docker("inspect", "--format={{.State.ExitCode}}", container) in {
            "0",
            "143",
        }  # 143 is SIGTERM, 137 SIGKILL


@both
def test_an_image_says_what_it_is(service: str, image: str) -> None:
    config = json.loads(docker("image", "inspect", image))[0]["Config"]

    assert config["User"] == "10001:10001"
    assert config["Labels"]["org.opencontainers.image.title"] == f"mnist-inference/{service}"
    assert config["Labels"]["org.opencontainers.image.version"] == VERSION


@pytest.mark.parametrize("service", ["api"])
def test_the_api_is_small_and_holds_no_torch(service: str, image: str) -> None:
    held = docker("run", "--rm", *LOCKED, "--entrypoint=find", image, "/opt/venv", "/app", "-iname", "torch*")

    assert held == ""
    assert int(docker("image", "inspect", "--format={{.Size}}", image)) < API_LIMIT_BYTES


@pytest.mark.parametrize("service", ["api"])
def test_the_image_of_the_api_runs_the_command_for_dead_letters(service: str, image: str) -> None:
    done = subprocess.run(["docker", "run", "--rm", *LOCKED, image, "dead", "list"], capture_output=True, text=True)

    assert (done.returncode, done.stderr.count("\n")) == (69, 1), done.stderr  # there is no RabbitMQ


@pytest.mark.parametrize("service", ["worker-sdk"])
def test_pip_in_the_sdk_runs_as_a_user_of_no_rights_and_keeps_the_versions_of_the_image(
    service: str, image: str
) -> None:
    script = (
        "id -u && pip install --quiet --no-index numpy torch && ! pip install --no-index --retries 0 'numpy<2.1' 2>&1"
    )

    said = docker("run", "--rm", "--network=none", "--entrypoint=sh", image, "-c", script)

    assert said.startswith("10001\n")
    assert "The user requested (constraint) numpy==" in said


@pytest.mark.parametrize("service", ["worker-sdk"])
def test_the_sdk_holds_no_model(service: str, image: str) -> None:
    assert docker("run", "--rm", *LOCKED, "--entrypoint=find", image, "/app", "-name", "*_model") == ""
