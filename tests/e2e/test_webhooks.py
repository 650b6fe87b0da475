"""Webhooks in a cluster: a sender of its own tells an endpoint of the operator each result."""

import base64
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from standardwebhooks import Webhook

from tests.e2e import release
from tests.e2e.cluster import API_URL
from tests.e2e.conftest import API_IMAGE
from tests.e2e.release import NAMESPACE
from tests.e2e.system import System
from tests.e2e.webhook_receiver import PORT
from tests.support.deployment import ROOT
from tests.support.waiting import wait_for

SECRET = f"whsec_{base64.b64encode(bytes(range(32))).decode()}"
RECEIVER = "receiver"
ENDPOINTS = f"""
[done]
url = "http://{RECEIVER}.{NAMESPACE}.svc:{PORT}/results"
secrets = ["{SECRET}"]
allow_private = true
"""
JOBS = 10


@pytest.fixture
def told(system: System) -> Iterator[System]:
    """The release with a sender of webhooks, and a receiver; without both at the end."""
    run_receiver()
    release.apply(named("Secret", "webhooks", stringData={"webhooks.toml": ENDPOINTS}))
    release.install("--set", "webhooks.existingSecret=webhooks")
    system.wait_until_idle()
    yield system
    release.install()
    system.core.delete_namespaced_pod(RECEIVER, NAMESPACE)


def run_receiver() -> None:
    """Run the receiver from the API's image, which holds a Python, behind a Service."""
    script = Path(__file__).with_name("webhook_receiver.py").read_text()
    release.apply(named("ConfigMap", RECEIVER, data={"receiver.py": script}))
    selector = {"app": RECEIVER}
    release.apply(named("Service", RECEIVER, spec={"selector": selector, "ports": [{"port": PORT}]}))
    container = {
        "name": RECEIVER,
        "image": API_IMAGE,
        "command": ["python", "/scripts/receiver.py"],
        "volumeMounts": [{"name": "scripts", "mountPath": "/scripts"}],
        "securityContext": {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}},
    }
    spec = {
        "containers": [container],
        "volumes": [{"name": "scripts", "configMap": {"name": RECEIVER}}],
        "securityContext": {"runAsNonRoot": True, "runAsUser": 10001, "seccompProfile": {"type": "RuntimeDefault"}},
    }
    release.apply(named("Pod", RECEIVER, labels=selector, spec=spec))


def named(kind: str, name: str, labels: dict[str, str] | None = None, **parts: Any) -> dict[str, Any]:
    """Return an object in the release's namespace."""
    metadata = {"name": name, "namespace": NAMESPACE, "labels": labels or {}}
    return {"apiVersion": "v1", "kind": kind, "metadata": metadata, **parts}


def submit_told() -> str:
    """Submit a picture with a webhook; return its id."""
    picture = (ROOT / "samples/three.pgm").read_bytes()
    answer = httpx.post(f"{API_URL}/models/mnist?webhook=done", files={"file": picture}, timeout=15)
    assert answer.status_code == 202, answer.text
    return str(answer.json()["inference_id"])


def calls_of(system: System) -> list[dict[str, Any]]:
    """Return the calls that the receiver has printed."""
    log = system.core.read_namespaced_pod_log(RECEIVER, NAMESPACE)
    return [json.loads(line) for line in log.splitlines() if line.startswith("{")]


def test_each_result_reaches_the_endpoint_signed_although_the_first_call_fails(told: System) -> None:
    ids = {submit_told() for _ in range(JOBS)}

    def taken() -> dict[str, dict[str, Any]]:
        """The calls that were taken, by the webhook's id: one may come twice."""
        return {call["headers"]["webhook-id"]: call for call in calls_of(told) if call["status"] == 204}

    wait_for("a webhook of each job", lambda: len(taken()) >= JOBS, 300)

    bodies = [Webhook(SECRET).verify(call["body"], call["headers"]) for call in taken().values()]
    assert {body["inference_id"] for body in bodies} == ids
    assert {body["predicted_class"] for body in bodies} == {3}
    assert [call["status"] for call in calls_of(told)].count(500) == 1
