"""Checks the URLs of RabbitMQ and Redis in settings; no message shows a piece of them, since it may be the password."""

import re
from urllib.parse import SplitResult, urlsplit

from redis.asyncio import ConnectionPool

from inference_bridge.rabbitmq.parameters import connection_parameters
from inference_bridge.sentinel_url import SENTINEL_FORM, SENTINEL_SCHEMES, split_sentinel_url

#: Parameters of a Redis URL that leave as it is what the store reads and how it connects again.
_REDIS_PARAMETERS = re.compile(
    r"db|username|password|client_name|socket_timeout|socket_connect_timeout|socket_keepalive|health_check_interval|ssl_\w+"
)


def check_amqp_url(url: str) -> None:
    """Raise ValueError if a URL of RabbitMQ does not lead to one host and vhost with parameters that pika takes."""
    form = "amqp://user:password@host:port/vhost"
    parts = _split(url, ("amqp://", "amqps://"), form)
    if "/" in parts.path.strip("/"):
        raise _wrong("has more than one / behind its host", form)
    try:
        connection_parameters(url, name="check")
    except (ValueError, TypeError, SyntaxError, OSError):
        raise _wrong("has a wrong parameter behind ?", form) from None


def check_redis_url(url: str) -> None:
    """Raise ValueError if a URL does not lead to one Redis and db, or to Sentinels, with parameters that we take."""
    if not url.startswith(SENTINEL_SCHEMES):
        _check_redis(url, ("redis://", "rediss://", "unix://", *SENTINEL_SCHEMES), "redis://user:password@host:port/db")
        return
    parts = split_sentinel_url(url)
    if parts is None:
        raise _wrong("does not name Sentinels and their master", SENTINEL_FORM)
    for redis_url in parts.redis_urls:
        _check_redis(redis_url, ("redis://", "rediss://"), SENTINEL_FORM)


def _check_redis(url: str, schemes: tuple[str, ...], form: str) -> None:
    parts = _split(url, schemes, form)
    if parts.scheme != "unix" and not re.fullmatch(r"/?[0-9]*", parts.path):
        raise _wrong("has a db that is not a number", form)
    names = [pair.partition("=")[0] for pair in parts.query.split("&") if pair]
    if not all(_REDIS_PARAMETERS.fullmatch(name) for name in names):
        raise _wrong("has a parameter behind ? that the service does not take", form)
    try:
        ConnectionPool.from_url(url).make_connection()  # type: ignore[no-untyped-call]
    except (ValueError, TypeError):
        raise _wrong("has a wrong parameter behind ?", form) from None


def _split(url: str, schemes: tuple[str, ...], form: str) -> SplitResult:
    if not url.startswith(schemes):
        raise ValueError(f"must start with {' or '.join(schemes)}")
    try:
        parts = urlsplit(url)
        is_port = parts.port != 0
    except ValueError:
        raise _wrong("has a host or port that is not valid", form) from None
    # Behind a special character in the password, the rest of it and the @ look like a path.
    is_cut = parts.fragment or ("@" not in parts.netloc and "@" in url)
    if is_cut or not is_port or not (parts.hostname or parts.scheme == "unix"):
        raise _wrong("has no host and port that are valid", form)
    return parts


def _wrong(problem: str, form: str) -> ValueError:
    codes = "# as %23, / as %2F, ? as %3F, @ as %40"
    return ValueError(f"{problem}; write {form} and percent-encode what is special in each part: {codes}")
