"""A worker annotates its own pod, and tells its token to nobody but Kubernetes."""

from pathlib import Path

import pytest

from inference_worker import own_pod
from tests.support.certificates import Authority
from tests.unit.worker.kubernetes import PATH, Kubernetes


def test_an_annotation_is_merged_into_the_pod(kubernetes: Kubernetes) -> None:
    kubernetes.pod().annotate("example.org/colour", "red")

    (patch,) = kubernetes.patches
    assert patch.path == PATH
    assert patch.body == {"metadata": {"annotations": {"example.org/colour": "red"}}}
    assert patch.headers["Content-Type"] == "application/merge-patch+json"


def test_the_token_is_read_at_each_call(kubernetes: Kubernetes) -> None:
    pod = kubernetes.pod()
    pod.annotate("colour", "red")

    kubernetes.token_file.write_text("second\n")
    pod.annotate("colour", "red")

    assert [patch.headers["Authorization"] for patch in kubernetes.patches] == ["Bearer first", "Bearer second"]


def test_a_refusal_is_an_error_that_says_why(kubernetes: Kubernetes) -> None:
    kubernetes.status = 403

    with pytest.raises(OSError, match="Kubernetes answered 403 Forbidden"):
        kubernetes.pod().annotate("colour", "red")


def test_a_server_that_says_nothing_is_given_up(kubernetes: Kubernetes, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(own_pod, "CALL_TIMEOUT_S", 0.1)
    kubernetes.is_silent = True

    with pytest.raises(TimeoutError):
        kubernetes.pod().annotate("colour", "red")


def test_a_server_that_is_not_kubernetes_gets_no_token(tmp_path: Path) -> None:
    stranger = Kubernetes(tmp_path, Authority(tmp_path / "ours").create().file)

    with (
        stranger.serving(Authority(tmp_path / "theirs").create().issue("localhost")),
        pytest.raises(OSError, match="certificate verify failed"),
    ):
        stranger.pod().annotate("colour", "red")

    assert not stranger.patches


def test_a_proxy_for_other_calls_gets_no_token(kubernetes: Kubernetes, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("https_proxy", "http://127.0.0.1:1")

    kubernetes.pod().annotate("colour", "red")

    assert kubernetes.patches
