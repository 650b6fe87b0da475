"""The chart refuses models that it cannot serve, in a sentence with the value, the rule and the remedy."""

import json

import pytest

from inference_bridge.spec import to_json
from tests.chart.helm import CHART, HELMS, KUBERNETES, NEEDS_HELM, RELEASE, helm, values
from tests.chart.spec_files import add_model, spec_of

pytestmark = NEEDS_HELM
VOICE = add_model("voice")
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
