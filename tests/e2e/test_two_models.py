"""Two models in one release, each scaled by its own queue: digits on GPUs, voices on CPUs."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.e2e import cluster, release
from tests.e2e.command import run
from tests.e2e.repeating import keep_repeating
from tests.e2e.system import System
from tests.e2e.traffic import assert_answered_right, submit
from tests.support.deployment import VERSION
from tests.support.results import fetch_result
from tests.support.waiting import wait_for

SDK_IMAGE, VOICE_IMAGE = f"localhost/mnist-inference/worker-sdk:{VERSION}", "localhost/mnist-inference/voice:1"
VOICE_URL = f"{cluster.API_URL}/models/voice"
BURST_JOBS = 24
SECONDS_PER_JOB = 1.0
WORKER = {"image": {"repository": "mnist-inference/voice", "tag": "1"}, "tolerations": []}


@pytest.fixture(scope="module")
def voice_values(in_cluster: None, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Values with the voice model; its image is built as docs/models.md says, and describes itself."""
    run(
        "docker", "build", "--quiet", "--target", "sdk", "--file", "services/worker/Dockerfile", "--tag", SDK_IMAGE, "."
    )
    run("docker", "build", "--quiet", "--tag", VOICE_IMAGE, "models/voice", timeout_s=600)
    cluster.load(cluster.NODE, VOICE_IMAGE)
    spec = run("docker", "run", "--rm", VOICE_IMAGE, "describe", "voice")
    path = tmp_path_factory.mktemp("voice") / "values.json"
    voice = {"spec": spec, "worker": WORKER, "autoscaling": {"maxReplicas": 1}}
    path.write_text(json.dumps({"models": {"voice": voice}}))
    return path


@pytest.fixture
def both(voice_values: Path, system: System) -> Iterator[System]:
    """The release with both models, idle; without voice at the end."""
    release.install("--values", str(voice_values))
    system.wait_until_idle()
    wait_for("no voice worker", lambda: system.count_wanted_workers("voice") == 0, 180)
    yield system
    release.install()


def ask_voice() -> dict[str, Any]:
    """Send the example of the voice model; return its result."""
    example = httpx.get(f"{VOICE_URL}/example", timeout=15).content
    accepted = httpx.post(f"{VOICE_URL}?threshold=0.6", files={"file": example}, timeout=15)
    assert accepted.status_code == 202, accepted.text
    return fetch_result(cluster.API_URL + accepted.headers["location"], 240)


def test_a_job_of_one_model_starts_workers_of_that_model_alone(both: System) -> None:
    digits: list[int] = []
    with keep_repeating(lambda: digits.append(both.count_wanted_workers("mnist")), every_s=0.5):
        result = ask_voice()

    assert result["status"] == "succeeded"
    assert len(result["output"]["segments"]) == 2
    assert set(digits) == {0}


def test_a_burst_of_one_model_does_not_touch_the_other(both: System) -> None:
    release.set_seconds_per_job(SECONDS_PER_JOB)
    voices: list[int] = []
    with keep_repeating(lambda: voices.append(both.count_wanted_workers("voice")), every_s=0.5):
        jobs = submit(BURST_JOBS)
        wait_for("workers of mnist", lambda: both.count_wanted_workers("mnist"), 120)
        untouched = set(voices)
        result = ask_voice()
        assert_answered_right(jobs)

    assert untouched == {0}
    assert (result["status"], max(voices)) == ("succeeded", 1)


def test_helm_test_asks_both_models(both: System) -> None:
    log = release.run_helm("test", release.RELEASE, "--logs", "--timeout", "5m")

    assert "voice" in log
