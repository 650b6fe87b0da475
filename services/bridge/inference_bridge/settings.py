"""Settings that API and worker share, read from the environment with the prefix `INFERENCE_`."""

import os
import ssl
from pathlib import Path
from typing import Literal, Self, TypeVar
from urllib.parse import quote

from pydantic import Field, SecretStr, ValidationError, ValidationInfo, field_validator, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from inference_bridge.errors import ConfigurationError
from inference_bridge.urls import check_amqp_url, check_redis_url

ENV_PREFIX = "INFERENCE_"
#: The prefix before the first release: the first word of the project's name.
OLD_PREFIX = "mnist-inference".partition("-")[0].upper() + "_"
#: Seconds after its deadline in which a job without a result still reads pending: one half for late results, the other
#: for clocks that differ between machines and for the call to the store.
GRACE_S = 60

SettingsT = TypeVar("SettingsT", bound=BaseSettings)


class BridgeSettings(BaseSettings):
    """Settings on which API and worker must agree, and the addresses of RabbitMQ and Redis."""

    model_config = SettingsConfigDict(env_prefix=ENV_PREFIX, frozen=True, extra="ignore")

    amqp_url: SecretStr = Field(
        default=SecretStr("amqp://guest:guest@127.0.0.1:5672/%2F"),
        description="RabbitMQ, as `amqp://user:password@host:port/vhost`; `amqps://` for TLS",
    )
    redis_url: SecretStr = Field(
        default=SecretStr("redis://127.0.0.1:6379/0"),
        description=(
            "Redis, as `redis://user:password@host:port/db`; `rediss://` for TLS; "
            "[`redis+sentinel://`](operations.md#redis-elsewhere) for Sentinels"
        ),
    )
    ca_file: Path | None = Field(
        default=None,
        description="PEM file of the CA behind `amqps://` and `rediss://`; without it, the system's CAs",
    )
    log_level: Literal["debug", "info", "warning", "error"] = Field(
        default="info", description="minimum level of log records"
    )
    job_ttl_s: int = Field(
        default=900, ge=1, le=86_400, description="seconds after which an accepted job is no longer worth running"
    )
    result_ttl_s: int = Field(
        default=3_600, ge=1, le=604_800, description=f"seconds a result is kept; at least job TTL + {GRACE_S}"
    )
    queue_max_length: int = Field(
        default=100_000, ge=1, le=10_000_000, description="jobs the queue holds before it refuses more"
    )
    otlp_endpoint: str = Field(
        default="",
        pattern=r"^(https?://[^\s/?#@]+(/[^\s?#]*)?)?$",
        description="collector of [traces](tracing.md), OTLP over HTTP, such as `http://collector:4318`; without it, "
        "no spans are made",
    )

    @field_validator("amqp_url", "redis_url")
    @classmethod
    def _leads_to_a_server(cls, url: SecretStr, info: ValidationInfo) -> SecretStr:
        check = check_amqp_url if info.field_name == "amqp_url" else check_redis_url
        check(url.get_secret_value())
        return url

    @field_validator("ca_file")
    @classmethod
    def _holds_certificates(cls, path: Path | None) -> Path | None:
        if path is not None:
            try:
                ssl.create_default_context(cafile=path)
            except OSError as error:  # SSLError is one
                raise ValueError(f"{path} holds no CA certificates ({error}); name a readable PEM file") from None
        return path

    @model_validator(mode="after")
    def _results_outlive_jobs(self) -> Self:
        if self.result_ttl_s < self.job_ttl_s + GRACE_S:
            least_s = self.job_ttl_s + GRACE_S
            raise ValueError(
                f"{ENV_PREFIX}RESULT_TTL_S is {self.result_ttl_s}, but must be at least "
                f"{ENV_PREFIX}JOB_TTL_S + {GRACE_S} = {least_s}, or an expired result would read as pending; raise it"
            )
        return self

    @property
    def broker_url(self) -> str:
        """`amqp_url` with `ca_file` as its parameter `cacertfile`, the name that RabbitMQ's clients use."""
        url = self.amqp_url.get_secret_value()
        if self.ca_file is None:
            return url
        return f"{url}{'&' if '?' in url else '?'}cacertfile={quote(str(self.ca_file), safe='')}"


def load_settings(settings: type[SettingsT]) -> SettingsT:
    """Return the settings from the environment.

    Raises:
        ConfigurationError: a variable has the prefix of earlier versions, or is wrong; the message names each wrong
            variable and its rule.
    """
    _refuse_old_names(settings)
    try:
        return settings()
    except ValidationError as error:
        lines = [_describe(settings, problem["type"], problem["loc"], problem["msg"]) for problem in error.errors()]
        raise ConfigurationError("wrong settings: " + "; ".join(lines)) from None


def _refuse_old_names(settings: type[BaseSettings]) -> None:
    names = (name.upper() for name in settings.model_fields)
    renamed = [f"{OLD_PREFIX}{name} to {ENV_PREFIX}{name}" for name in names if OLD_PREFIX + name in os.environ]
    if renamed:
        raise ConfigurationError(f"settings have the prefix {ENV_PREFIX}; rename {', '.join(renamed)}")


def _describe(settings: type[BaseSettings], kind: str, location: tuple[int | str, ...], message: str) -> str:
    if not location:
        return message
    name = str(location[0])
    rule = f"it is not set; set it: {settings.model_fields[name].description}" if kind == "missing" else message
    return f"{ENV_PREFIX}{name.upper()}: {rule}"
