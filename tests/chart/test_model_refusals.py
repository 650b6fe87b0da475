"""The chart refuses models that it cannot serve, in a sentence with the value, the rule and the remedy."""

import json

import pytest

from inference_bridge.spec import to_json
from tests.chart.helm import CHART, HELMS, KUBERNETES, NEEDS_HELM, RELEASE, helm, values
from tests.chart.spec_files import add_model, add_spec, spec_of

pytestmark = NEEDS_HELM
VOICE = add_model("voice")
#: A model with the image that every worker has by default.
NO_IMAGE = add_spec("voice", spec_of("voice"))
NO_PREFIX = json.dumps(
    {name: value for name, value in json.loads(to_json(spec_of("voice"))).items() if name != "queue_prefix"}
)

REFUSED = {
    "no model": (values("models.mnist=null"), "models is empty, but a release serves at least one model"),
    "no spec": (
        values("models.voice.worker.replicas=1"),
        "models.voice.spec is empty, and the chart has no files/specs/voice.json, but every model needs a spec; "
        "write it with `python -m inference_worker describe MODULE:CLASS > voice.json` and add "
        "--set-file models.voice.spec=voice.json",
    ),
    "not JSON": (values("models.voice.spec=voice.json"), "models.voice.spec has no name, but a spec file has"),
    "not from describe": (
        ("--set-json", f"models.voice.spec={json.dumps(NO_PREFIX)}"),
        "models.voice.spec has no queue_prefix, but a spec file has; write it",
    ),
    "an unknown default": (
        values("defaultModel=voice"),
        "defaultModel is voice, but the names of the models are mnist",
    ),
    "one spec twice": (
        VOICE + add_model("sound", name="voice"),
        "models.sound and models.voice both have the spec voice.v1",
    ),
    "the image of MNIST": (
        NO_IMAGE,
        "models.voice runs the image mnist-inference/worker, which holds MNIST, but its spec is of voice; "
        "set models.voice.worker.image.repository to the model's own image, or "
        "models.voice.worker.settings.INFERENCE_MODEL",
    ),
    "the image of MNIST in a pool": (
        VOICE + values("models.voice.pools.spot.image.repository=mnist-inference/worker"),
        "models.voice.pools.spot runs the image mnist-inference/worker, which holds MNIST",
    ),
    "a long name": (
        add_model("abcdefghijklmnopqrstuvwxyz"),
        "models.abcdefghijklmnopqrstuvwxyz makes workers named "
        "digits-mnist-inference-worker-abcdefghijklmnopqrstuvwxyz, which has 56 characters, but KEDA allows 54; "
        "shorten the key, or set a shorter fullnameOverride",
    ),
    "one name twice": (
        add_model("voice-spot") + VOICE + values("models.voice.pools.spot.replicas=1"),
        "both make workers named digits-mnist-inference-worker-voice-spot, but each needs a name of its own",
    ),
    "too few": (
        VOICE + values("models.voice.autoscaling.maxReplicas=1", "autoscaling.minReplicas=2"),
        "models.voice has autoscaling.minReplicas 2, but it must not be above autoscaling.maxReplicas = 1",
    ),
}


@pytest.mark.parametrize("program", HELMS or ["helm"])
@pytest.mark.parametrize("case", REFUSED)
def test_it_is_refused(case: str, program: str) -> None:
    arguments, message = REFUSED[case]

    done = helm("template", RELEASE, str(CHART), "--kube-version", KUBERNETES, *arguments, program=program)

    assert done.returncode != 0
    assert message in done.stderr


def test_the_longest_name_that_keda_takes_is_taken() -> None:
    done = helm("template", RELEASE, str(CHART), "--kube-version", KUBERNETES, *add_model("abcdefghijklmnopqrstuvwx"))

    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(
    "arguments",
    [
        pytest.param(values("models.voice.worker.settings.INFERENCE_MODEL=voice:Voice"), id="the model's class"),
        pytest.param(values("worker.image.repository=mine/worker"), id="another image of all workers"),
    ],
)
def test_a_model_without_an_image_of_its_own_is_taken_with(arguments: tuple[str, ...]) -> None:
    done = helm("template", RELEASE, str(CHART), "--kube-version", KUBERNETES, *NO_IMAGE, *arguments)

    assert done.returncode == 0, done.stderr
