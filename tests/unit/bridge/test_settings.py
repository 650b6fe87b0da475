from pathlib import Path

import pytest
from pydantic import SecretStr

from inference_bridge.errors import ConfigurationError
from inference_bridge.settings import BridgeSettings, load_settings


def test_without_an_environment_the_defaults_hold() -> None:
    settings = load_settings(BridgeSettings)

    assert settings.amqp_url.get_secret_value() == "amqp://guest:guest@127.0.0.1:5672/%2F"


def test_the_environment_is_read_with_the_prefix(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("INFERENCE_QUEUE_MAX_LENGTH", "7")
    monkeypatch.setenv("QUEUE_MAX_LENGTH", "8")

    assert load_settings(BridgeSettings).queue_max_length == 7


def test_every_wrong_variable_is_named_with_its_rule(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("INFERENCE_QUEUE_MAX_LENGTH", "0")
    monkeypatch.setenv("INFERENCE_LOG_LEVEL", "loud")

    with pytest.raises(ConfigurationError) as caught:
        load_settings(BridgeSettings)

    assert "INFERENCE_QUEUE_MAX_LENGTH: Input should be greater than or equal to 1" in str(caught.value)
    assert "INFERENCE_LOG_LEVEL: Input should be 'debug', 'info', 'warning' or 'error'" in str(caught.value)


def test_results_must_outlive_jobs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("INFERENCE_JOB_TTL_S", "600")
    monkeypatch.setenv("INFERENCE_RESULT_TTL_S", "659")

    with pytest.raises(ConfigurationError, match=r"INFERENCE_JOB_TTL_S \+ 60 = 660"):
        load_settings(BridgeSettings)


def test_a_password_is_not_shown() -> None:
    assert "guest" not in repr(load_settings(BridgeSettings))


@pytest.mark.parametrize("content", [None, "no certificate"])
def test_a_file_without_ca_certificates_is_named(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, content: str | None
) -> None:
    path = tmp_path / "ca.pem"
    if content is not None:
        path.write_text(content)
    monkeypatch.setenv("INFERENCE_CA_FILE", str(path))

    with pytest.raises(ConfigurationError, match=f"INFERENCE_CA_FILE: .*{path} holds no CA certificates"):
        load_settings(BridgeSettings)


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        pytest.param("amqps://host/vhost", "amqps://host/vhost?cacertfile=%2Fa%20place%2Fca.pem", id="no-query"),
        pytest.param(
            "amqps://host?heartbeat=5", "amqps://host?heartbeat=5&cacertfile=%2Fa%20place%2Fca.pem", id="a-query"
        ),
    ],
)
def test_the_brokers_url_names_the_ca(url: str, expected: str) -> None:
    settings = BridgeSettings.model_construct(amqp_url=SecretStr(url), ca_file=Path("/a place/ca.pem"))

    assert settings.broker_url == expected


def test_without_a_ca_the_brokers_url_is_as_it_was_given() -> None:
    assert BridgeSettings().broker_url == "amqp://guest:guest@127.0.0.1:5672/%2F"


def test_a_setting_with_the_prefix_of_earlier_versions_is_named_with_its_new_name(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """An operator would otherwise run with defaults and not know it."""
    monkeypatch.setenv("MNIST_REDIS_URL", "redis://elsewhere")

    with pytest.raises(ConfigurationError, match="rename MNIST_REDIS_URL to INFERENCE_REDIS_URL"):
        load_settings(BridgeSettings)


def test_a_variable_that_is_no_setting_may_have_any_prefix(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MNIST_DATA", "elsewhere")

    assert load_settings(BridgeSettings) == BridgeSettings()
