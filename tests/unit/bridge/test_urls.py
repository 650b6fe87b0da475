"""URLs in settings: the wrong ones end with the variable's name, and never with a piece of the password."""

import pytest

from inference_bridge.errors import ConfigurationError
from inference_bridge.redis_connections import connect_redis
from inference_bridge.settings import BridgeSettings, load_settings

SPECIAL = [
    f"u:{first}{mark}{second}@127.0.0.1" for first in ("s3cret", "12") for mark in "#/?" for second in ("wxyz", "34")
]
AMQP = [
    *(f"amqp://{place}/%2F" for place in SPECIAL),
    *(
        "amqp://u:s3cret@h:99999/",
        "amqp://u:s3cret@h:0/",
        "amqp://u:s3cret@h:x/",
        "amqp://u:s3cret@/v",
        "amqp://u:s3cret@[::1/",
    ),
    *("amqp://u:s3cret@h/my/v", "amqp://u:s3cret@h/v#x", "amqp://:s3cret#wxyz@h", "amqps://u:s3cret@h/?cacertfile=/no"),
    *(f"amqp://u:s3cret@h/%2F?{query}" for query in ("heartbeat=abc", "nonsense=1", "ssl_options=abc")),
]
REDIS = [
    *(f"redis://{place}/0" for place in SPECIAL),
    *("redis://u:s3cret@h:99999/0", "redis://u:s3cret@h:x", "redis://u:s3cret@/0", "redis://u:s3cret@h/zero"),
    *("redis://:s3cret#wxyz@h", "redis://:12/34@h/0"),
    *(
        f"redis://u:s3cret@h/0?{query}"
        for query in (
            "decode_responses=True",
            "nonsense=1",
            "db=x",
            "encoding=latin-1",
            "max_connections=1",
            "ssl_ca_certs=/x",
        )
    ),
]
SENTINELS = [
    *(f"redis+sentinel://{place}/results/0" for place in SPECIAL),
    *(
        f"redis+sentinel://u:s3cret@{end}"
        for end in (
            *("h", "h/", "/results", "h,/results", "h:99999/results", "h:1,h:x/results", "h1,u:wxyz@h2/results"),
            *("h/results/zero", "h/results/0/1", "h/results#x", "h/two%20words", "[::1,h/results"),
            *("h/results?nonsense=1", "h/results?sentinel_port=1", "h/results?sentinel_password=wxyz#12"),
            *("h/results?db=x", "h/results?ssl_ca_certs=/x"),
        )
    ),
]


def refusal(monkeypatch: pytest.MonkeyPatch, variable: str, url: str) -> str:
    monkeypatch.setenv(variable, url)
    with pytest.raises(ConfigurationError) as caught:
        load_settings(BridgeSettings)
    assert caught.value.__cause__ is None
    return str(caught.value)


@pytest.mark.parametrize(
    ("variable", "url"),
    [
        *(("INFERENCE_AMQP_URL", url) for url in AMQP),
        *(("INFERENCE_REDIS_URL", url) for url in (*REDIS, *SENTINELS)),
    ],
)
def test_a_wrong_url_is_refused_without_a_piece_of_its_password(
    monkeypatch: pytest.MonkeyPatch, variable: str, url: str
) -> None:
    message = refusal(monkeypatch, variable, url)

    assert message.startswith(f"wrong settings: {variable}: ")
    assert "percent-encode" in message
    assert [piece for piece in ("s3", "cret", "wxyz", "12", "34") if piece in message] == []


@pytest.mark.parametrize(
    "url",
    [
        *(
            "amqp://h",
            "amqp://h/",
            "amqp://u:p@h:5672/%2F",
            "amqp://u:p@h//",
            "amqp://u:p%23%2F@[::1]:5672/v",
            "amqp://u:a@b@h/v",
        ),
        *("amqps://h/?heartbeat=5&connection_attempts=2", "amqp://h/%2F?socket_timeout=1.5"),
    ],
)
def test_a_url_of_rabbitmq_that_works_is_taken(monkeypatch: pytest.MonkeyPatch, url: str) -> None:
    monkeypatch.setenv("INFERENCE_AMQP_URL", url)

    assert load_settings(BridgeSettings).amqp_url.get_secret_value() == url


@pytest.mark.parametrize(
    "url",
    [
        *(
            "redis://h",
            "redis://h/",
            "redis://:p@h:6379/0",
            "redis://u:p%40@[::1]:6379/2",
            "unix:///run/redis.sock?db=1",
        ),
        *(
            "rediss://h/0?ssl_check_hostname=false",
            "redis://h?socket_timeout=1&client_name=api&health_check_interval=5",
        ),
        *("redis+sentinel://h/results", "rediss+sentinel://u:p%40@[::1]:26379,h/my-results.1/2?socket_timeout=1"),
        "redis+sentinel://:p@a:1,b:2/results/?sentinel_username=u&sentinel_password=p%23",
    ],
)
def test_a_url_of_redis_that_works_is_taken(monkeypatch: pytest.MonkeyPatch, url: str) -> None:
    monkeypatch.setenv("INFERENCE_REDIS_URL", url)

    assert load_settings(BridgeSettings).redis_url.get_secret_value() == url
    connect_redis(url)
