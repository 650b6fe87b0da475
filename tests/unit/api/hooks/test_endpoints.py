"""The webhooks file."""

import os
from pathlib import Path

import pytest
from starlette.datastructures import QueryParams

from inference_api.errors import UnknownWebhook
from inference_api.hooks.endpoints import Endpoints
from inference_bridge.errors import ConfigurationError
from tests.support.receiver import SECRET, endpoint_lines

URL = "https://a.example/hooks"


def written(path: Path, text: str) -> Path:
    path.write_text(text)
    return path


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "webhooks.toml"


def test_an_endpoint_is_read(path: Path) -> None:
    endpoints = Endpoints(written(path, endpoint_lines("done", "https://a.example:8443/in?x=1", more="")))

    endpoint = endpoints.current()["done"]

    assert (endpoint.host, endpoint.port, len(endpoint.secrets[0])) == ("a.example", 8443, 24)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        pytest.param("[done", "cannot be read", id="not-toml"),
        pytest.param("done = 1", "wrong entry 'done'", id="no-table"),
        pytest.param(f'[done]\nurl = "{URL}"', "secrets: Field required", id="no-secret"),
        pytest.param(endpoint_lines("done", URL, signed_by="hunter2"), "a secret is not whsec_", id="no-prefix"),
        pytest.param(endpoint_lines("done", URL, signed_by="whsec_c2hvcnQ="), "a secret is not", id="a-short-secret"),
        pytest.param(endpoint_lines("done", URL, signed_by="whsec_!!"), "a secret is not", id="not-base64"),
        pytest.param(endpoint_lines("done", "ftp://a.example/"), "url: String should match", id="no-http"),
        pytest.param(endpoint_lines("done", "https://a.example/\\u000d"), "url: String should match", id="a-line-end"),
        pytest.param(endpoint_lines("done", "https://me@a.example/"), "url has no host, or has a user", id="a-user"),
        pytest.param(endpoint_lines("done", "https:///path"), "url has no host", id="no-host"),
        pytest.param(endpoint_lines("done", "https://a.example:x/"), r"wrong in \[done\]", id="no-port"),
        pytest.param(
            endpoint_lines("done", "http://a.example/", more=""),
            r"wrong in \[done\] \(url begins with http://, which only `allow_private = true` allows",
            id="plain-http",
        ),
        pytest.param(endpoint_lines('"a b"', URL), "a name has 1 to 64", id="a-space-in-the-name"),
        pytest.param(endpoint_lines("done", URL, more="retries = 3"), "Extra inputs", id="an-unknown-field"),
    ],
)
def test_a_wrong_file_is_named_with_its_fault(path: Path, text: str, reason: str) -> None:
    with pytest.raises(ConfigurationError, match=reason) as caught:
        Endpoints(written(path, text))

    assert str(path) in str(caught.value)
    assert "hunter2" not in str(caught.value)


def test_a_changed_file_is_read_and_a_wrong_one_ignored(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("inference_api.watched_file.LOOK_INTERVAL_S", 0)
    endpoints = Endpoints(written(path, endpoint_lines("one", URL)))
    seen = [list(endpoints.current())]

    for number, text in enumerate((endpoint_lines("other", URL), "[wrong"), 1):
        written(path, text)
        os.utime(path, ns=(number, number))
        seen.append(list(endpoints.current()))

    assert seen == [["one"], ["other"], ["other"]]


def test_a_client_chooses_among_its_endpoints(path: Path) -> None:
    limited = endpoint_lines("hers", URL, more='clients = ["alice"]')
    endpoints = Endpoints(written(path, endpoint_lines("all", URL, more="") + limited))

    assert endpoints.choose(QueryParams("webhook=hers"), "alice") == "hers"
    assert endpoints.choose(QueryParams("webhook=all"), "bob") == "all"
    assert endpoints.choose(QueryParams(""), "bob") == ""


@pytest.mark.parametrize("query", ["webhook=hers", "webhook=other", "webhook="])
def test_a_client_does_not_choose_another(path: Path, query: str) -> None:
    limited = endpoint_lines("hers", URL, more='clients = ["alice"]')
    endpoints = Endpoints(written(path, endpoint_lines("all", URL, more="") + limited))

    with pytest.raises(UnknownWebhook, match="your webhooks have the names 'all'; give one of these names, or none"):
        endpoints.choose(QueryParams(query), "bob")


def test_without_a_file_there_is_no_webhook() -> None:
    with pytest.raises(UnknownWebhook, match="the operator has set no webhook for you; leave it out"):
        Endpoints(None).choose(QueryParams("webhook=done"), "")


def test_no_error_shows_a_secret(path: Path) -> None:
    with pytest.raises(ConfigurationError) as caught:
        Endpoints(written(path, endpoint_lines("done", "ftp://a.example", signed_by=SECRET)))

    assert SECRET not in str(caught.value)
