"""Settings of the API, read from the environment with the prefix `INFERENCE_`."""

import re
from pathlib import Path
from typing import Self

from pydantic import Field, SecretStr, field_validator, model_validator

from inference_api.http.uploads import FORM_OVERHEAD_BYTES
from inference_bridge.ids import MAX_KEY_BYTES, MIN_KEY_BYTES
from inference_bridge.settings import ENV_PREFIX, BridgeSettings

#: As browsers write an origin.
_ORIGIN = re.compile(r"\*|https?://[a-z0-9.-]+(:[0-9]{1,5})?|https?://\[[0-9a-f:]+\](:[0-9]{1,5})?")


class ApiSettings(BridgeSettings):
    """The settings of the API."""

    host: str = Field(
        default="127.0.0.1",
        description="address to listen on; `0.0.0.0` for all of IPv4, empty for all of IPv4 and IPv6",
    )
    port: int = Field(default=8_000, ge=0, le=65_535, description="port to listen on; 0 takes any free one")
    operations_port: int = Field(
        default=8_001,
        ge=0,
        le=65_535,
        description="port of `/metrics` and `/scaling`, not for clients; 0 takes any free one",
    )
    ticket_key: SecretStr | None = Field(
        default=None,
        description=f"secret that signs ids, {MIN_KEY_BYTES} to {MAX_KEY_BYTES} bytes, the same in every API process",
    )
    api_keys_file: Path | None = Field(
        default=None, description="TOML file of the clients and their keys; without it, no call needs a key"
    )
    webhooks_file: Path | None = Field(
        default=None, description="TOML file of the endpoints of webhooks; without it, no job can have one"
    )
    models: str | None = Field(
        default=None,
        description="required: spec files, folders of them, or `package.module:SPEC`, separated by commas",
    )
    default_model: str | None = Field(
        default=None,
        description="name of the model behind `/classify` and `/result`; without it, the only model that is served",
    )
    path_prefix: str = Field(
        default="", description="path that a proxy has put before all calls, such as `/inference`; it begins each link"
    )
    page: bool = Field(
        default=True,
        description="answer `/` with a page that tries the models in a browser; if false, `/` leads to `/docs`",
    )
    cors_origins: str = Field(
        default="",
        description="web pages that may call from a browser: origins such as `https://a.example`, separated by commas, "
        "or `*` for all",
    )
    max_bytes: int = Field(default=16_777_216, ge=1_024, le=67_108_864, description="largest picture in bytes")
    max_buffered_bytes: int = Field(
        default=134_217_728,
        ge=131_072,
        le=17_179_869_184,
        description="most bytes of all arriving uploads together; "
        f"at least `{ENV_PREFIX}MAX_BYTES` + {FORM_OVERHEAD_BYTES:,}",
    )
    max_pixels: int = Field(default=64_000_000, ge=784, le=100_000_000, description="most pixels a picture may have")
    prepare_threads: int = Field(default=2, ge=1, le=64, description="threads that prepare uploads")
    max_preparations: int = Field(
        default=32, ge=1, le=4_096, description="most uploads that are being prepared or wait for a thread"
    )
    max_wait_s: float = Field(default=25, ge=0, le=300, description="longest wait for a result in one call, seconds")
    keep_alive_s: float = Field(
        default=75, ge=1, le=3_600, description="idle seconds of a connection; longer than its load balancer's"
    )
    max_waiters: int = Field(default=5_000, ge=1, le=100_000, description="calls that may wait at once")
    publish_timeout_s: float = Field(
        default=5, ge=0.1, le=60, description="seconds a job may wait for RabbitMQ's confirm"
    )
    max_unconfirmed: int = Field(
        default=1_024, ge=1, le=65_535, description="jobs that may wait for RabbitMQ's confirm at once"
    )
    queue_settle_s: float = Field(
        default=5, ge=0, le=60, description="seconds a queue must exist before jobs are accepted into it"
    )

    @field_validator("path_prefix")
    @classmethod
    def _prefix(cls, prefix: str) -> str:
        if not re.fullmatch(r"(/[A-Za-z0-9._~-]+)*", prefix):
            raise ValueError(f"{prefix!r} is not a path; write /NAME or /NAME/NAME, without a / at its end")
        return prefix

    @field_validator("cors_origins")
    @classmethod
    def _origins(cls, origins: str) -> str:
        for origin in filter(None, origins.replace(" ", "").split(",")):
            if not _ORIGIN.fullmatch(origin):
                raise ValueError(
                    f"{origin!r} is not an origin; write https://HOST or https://HOST:PORT, without a path"
                )
        return origins.replace(" ", "")

    @field_validator("ticket_key")
    @classmethod
    def _key_length(cls, key: SecretStr | None) -> SecretStr | None:
        if key is not None and not MIN_KEY_BYTES <= len(key.get_secret_value().encode()) <= MAX_KEY_BYTES:
            raise ValueError(f"must have {MIN_KEY_BYTES} to {MAX_KEY_BYTES} bytes; try `openssl rand -hex 32`")
        return key

    @model_validator(mode="after")
    def _largest_picture_fits(self) -> Self:
        least = self.max_bytes + FORM_OVERHEAD_BYTES
        if self.max_buffered_bytes < least:
            raise ValueError(
                f"{ENV_PREFIX}MAX_BUFFERED_BYTES is {self.max_buffered_bytes}, but must be at least "
                f"{ENV_PREFIX}MAX_BYTES + {FORM_OVERHEAD_BYTES} = {least}, or the largest picture would never be "
                "accepted; raise it"
            )
        return self
