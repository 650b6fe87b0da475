"""A stand-in for Kubernetes' API: Helm looks up the objects that a test puts there."""

import json
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import yaml

from tests.chart.helm import CHART, KUBERNETES, NAME, RELEASE, Object, helm

#: The kinds that the chart makes, by the path of their group.
_KINDS = {
    "/api/v1": ["ConfigMap", "Pod", "Secret", "Service"],
    "/apis/apps/v1": ["Deployment", "StatefulSet"],
    "/apis/autoscaling/v2": ["HorizontalPodAutoscaler"],
    "/apis/keda.sh/v1alpha1": ["ScaledObject", "TriggerAuthentication"],
}
_OWNER = {
    "labels": {"app.kubernetes.io/managed-by": "Helm"},
    "annotations": {"meta.helm.sh/release-name": RELEASE, "meta.helm.sh/release-namespace": RELEASE},
}


class Cluster:
    """The objects of the namespace `digits`; another object is answered 404.

    Attributes:
        url: of the API.
    """

    def __init__(self, url: str) -> None:
        self.url = url
        self._objects: dict[str, Object] = {}

    def put(self, kind: str, name: str, **parts: Any) -> None:
        """Make an object of the release, or another in its place."""
        path = next(path for path, kinds in _KINDS.items() if kind in kinds)
        own = parts.pop("metadata", {})
        metadata = {"name": name, "namespace": RELEASE, **_OWNER, **own}
        metadata["labels"] = _OWNER["labels"] | own.get("labels", {})
        made = {"apiVersion": _version(path), "kind": kind, "metadata": metadata, **parts}
        self._objects[f"{path}/namespaces/{RELEASE}/{_plural(kind)}/{name}"] = made

    def answer(self, path: str) -> Object | None:
        """Return the page of a path, or None."""
        if path in _KINDS:
            return {"kind": "APIResourceList", "groupVersion": _version(path), "resources": _resources(path)}
        return _pages().get(path) or self._objects.get(path)

    def render(self, *arguments: str, program: str) -> subprocess.CompletedProcess[str]:
        """Run `helm template` against this cluster."""
        connected = (
            "--dry-run=server",
            "--kube-apiserver",
            self.url,
            "--disable-openapi-validation",
            "--kube-version",
            KUBERNETES,
        )
        return helm("template", RELEASE, str(CHART), "--namespace", RELEASE, *connected, *arguments, program=program)

    def objects(self, *arguments: str, program: str) -> dict[tuple[str, str], Object]:
        """Return the rendered objects by their kind and the end of their name, such as `api`."""
        done = self.render(*arguments, program=program)
        assert done.returncode == 0, done.stderr
        found = [one for one in yaml.safe_load_all(done.stdout) if one]
        return {(one["kind"], one["metadata"]["name"].removeprefix(f"{NAME}-")): one for one in found}


@contextmanager
def serving() -> Iterator[Cluster]:
    """Yield an empty cluster that answers while the block runs."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            found = cluster.answer(self.path.partition("?")[0])
            missing = {"kind": "Status", "apiVersion": "v1", "status": "Failure", "reason": "NotFound", "code": 404}
            body = json.dumps(found or missing).encode()
            self.send_response(200 if found else 404)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        cluster = Cluster(f"http://127.0.0.1:{server.server_port}")
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield cluster
        finally:
            server.shutdown()
            thread.join()


def _version(path: str) -> str:
    return path.removeprefix("/apis/").removeprefix("/api/")


def _plural(kind: str) -> str:
    return f"{kind.lower()}s"


def _resources(path: str) -> list[Object]:
    return [{"name": _plural(kind), "kind": kind, "namespaced": True, "verbs": ["get"]} for kind in _KINDS[path]]


def _pages() -> dict[str, Object]:
    groups = []
    for group, version in (_version(path).split("/") for path in _KINDS if path.startswith("/apis/")):
        only = {"groupVersion": f"{group}/{version}", "version": version}
        groups.append({"name": group, "versions": [only], "preferredVersion": only})
    return {
        "/version": {"major": "1", "minor": "34", "gitVersion": "v1.34.0"},
        "/api": {"kind": "APIVersions", "versions": ["v1"]},
        "/apis": {"kind": "APIGroupList", "groups": groups},
    }
