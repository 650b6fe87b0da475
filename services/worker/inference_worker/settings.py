"""Settings of the worker, read from the environment with the prefix `INFERENCE_`."""

from pathlib import Path
from typing import Self

from pydantic import Field, model_validator

from inference_bridge.reports import DEFAULT_POOL
from inference_bridge.settings import ENV_PREFIX, BridgeSettings

_KUBERNETES_NAME = r"^[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?$"


class WorkerSettings(BridgeSettings):
    """The settings of the worker."""

    model: str = Field(
        pattern=r"^[\w.]+(:\w+)?$",
        description="the model's class, as `package.module:Class`, or `package.module` that holds one model",
    )
    weights: Path | None = Field(
        default=None, description="weights file, in a format that the model reads; without it, the model's own"
    )
    device: str = Field(
        default="auto", pattern=r"^(auto|cpu|cuda(:\d+)?)$", description="`auto`, `cpu`, `cuda` or `cuda:N`"
    )
    require_gpu: bool = Field(default=False, description="refuse to start without a GPU")
    torch_threads: int = Field(default=1, ge=1, le=256, description="CPU threads of a forward pass")
    max_batch_size: int = Field(default=64, ge=1, le=4_096, description="most jobs in a batch")
    forward_timeout_s: float = Field(
        default=60,
        ge=0.1,
        le=3_600,
        description="seconds after which a forward pass, or the decoding of an input, counts as hung",
    )
    decode_threads: int = Field(
        default=2, ge=1, le=64, description="threads that decode inputs and encode answers, if the model needs that"
    )
    max_result_bytes: int = Field(
        default=1_048_576, ge=1_024, le=16_777_216, description="most bytes of a result; a job with a larger one fails"
    )
    drain_timeout_s: float = Field(
        default=30, ge=1, le=3_600, description="seconds that a stopping worker waits for running batches"
    )
    pool: str = Field(
        default=DEFAULT_POOL,
        pattern=r"^[a-z0-9]([a-z0-9-]{0,15}[a-z0-9])?$",
        description="name of the workers that scale together; scaling uses their mean throughput",
    )
    probe_host: str = Field(default="0.0.0.0", description="address of the probes")  # noqa: S104
    probe_port: int = Field(default=8_081, ge=0, le=65_535, description="port of the probes; 0 takes any free one")
    pod_name: str | None = Field(
        default=None,
        pattern=_KUBERNETES_NAME,
        description="the worker's own pod; with it, the worker tells Kubernetes when it is busy",
    )
    pod_namespace: str | None = Field(
        default=None, pattern=_KUBERNETES_NAME, description="namespace of that pod; set both or neither"
    )

    @model_validator(mode="after")
    def _pod_is_whole(self) -> Self:
        if (self.pod_name is None) != (self.pod_namespace is None):
            given, missing = ("NAME", "NAMESPACE") if self.pod_namespace is None else ("NAMESPACE", "NAME")
            raise ValueError(
                f"{ENV_PREFIX}POD_{given} is set without {ENV_PREFIX}POD_{missing}, but a pod is identified by both; "
                "set both or neither"
            )
        return self
