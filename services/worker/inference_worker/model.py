"""The worker's half of a model, and how it is imported."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from inspect import getattr_static, isfunction
from pathlib import Path
from typing import Any, ClassVar, Protocol, Self

import torch
from pydantic import ValidationError

from inference_bridge.errors import ConfigurationError
from inference_bridge.imports import import_named
from inference_bridge.kinds import Json
from inference_bridge.spec import ModelSpec
from inference_worker.failures import check_device, describe_error


@dataclass(frozen=True, slots=True)
class Input:
    """One input, as a model's `decode` gets it.

    Attributes:
        value: a writable array for `Picture` and `Tensor`, str for `Text`, the pydantic document for `Json`, bytes for
            `File`.
        params: the pydantic object of the spec's `params`; None for a model without any.
        content_type: media type of the input; for `File` the type that the API has recognised.
    """

    value: Any
    params: Any = None
    content_type: str = ""


class Model(Protocol):
    """A trained model on one device.

    Two methods are optional; both run in threads, several at once, and an exception in them fails that job alone:

    - `decode(self, given: Input) -> item` makes the item from an input. It raises `InvalidInput` if the client must
      send another one. Without it, the item is the `value` of the input.
    - `group(self, item) -> Hashable`: only items of an equal group share a call of `predict_batch`.
    """

    spec: ClassVar[ModelSpec]

    @classmethod
    def load(cls, weights: Path | None, device: torch.device, /) -> Self:
        """Return the model with its weights on the device; None means the weights in its package.

        Raises:
            WeightsError: the weights are missing, broken or of another model.
        """

    def predict_batch(self, items: Any, /) -> Any:
        """Answer a batch of one item or more; one thread calls it.

        Args:
            items: one array (B, *shape) for `Picture` and `Tensor` without `decode`; a list for every other model.

        Returns:
            A sequence or an array of exactly B answers, which the model does not change later. An answer is an array
            or sequence of numbers for `Probabilities`, a document or what pydantic makes one of for `Json`, bytes for
            `Bytes`. An answer that is an exception fails that job alone.
        """


def open_model(path: str, weights: Path | None, device: torch.device) -> Model:
    """Return the model of the class called `path`, see `import_model`, on the device.

    Raises:
        ConfigurationError: there is no such class, it is not a model, or it cannot be loaded.
        DeviceLost: the device has failed.
    """
    model = import_model(path)
    with _explained(path, "loaded", "correct `load`, or INFERENCE_WEIGHTS"):
        return model.load(weights, device)


def import_model(path: str) -> type[Model]:
    """Return the class called `package.module:Class`, or the only class with a spec in `package.module`.

    Raises:
        ConfigurationError: there is no such class, or it is not a model; the message says which part is missing.
    """
    with _explained(path, "imported", "correct it"):
        model: Any = import_named(path)
    if ":" not in path:
        model = _only_model(path, vars(model).values())
    if problem := next(_problems(model), None):
        raise ConfigurationError(f"{path!r} {problem}; inference_worker.model.Model is the contract of a model")
    found: type[Model] = model
    return found


@contextmanager
def _explained(path: str, done: str, remedy: str) -> Iterator[None]:
    try:
        yield
    # The boundary to a model's code.
    except Exception as error:
        check_device(error)
        cause = error.__cause__ if isinstance(error.__cause__, ValidationError) else error
        if isinstance(cause, ConfigurationError):
            raise
        raise ConfigurationError(f"{path!r} cannot be {done}: {describe_error(cause)}; {remedy}") from error


def _only_model(path: str, values: Iterable[object]) -> type:
    models = {value for value in values if isinstance(value, type) and _has_spec(value)}
    if not models:
        raise ConfigurationError(f"{path!r} has no class with a spec; give your class `spec = ModelSpec(…)`")
    if len(models) > 1:
        names = sorted(model.__name__ for model in models)
        raise ConfigurationError(f"{path!r} has the models {', '.join(names)}; name one of them, as {path}:{names[0]}")
    return models.pop()


def _has_spec(model: object) -> bool:
    return isinstance(getattr(model, "spec", None), ModelSpec)


def _problems(model: Any) -> Iterator[str]:
    if not isinstance(model, type):
        yield "is not a class"
    if not _has_spec(model):
        yield "has no spec; give your class `spec = ModelSpec(…)`"
    for name in ("load", "predict_batch"):
        if not callable(getattr(model, name, None)):
            yield f"has no method {name}; add it"
    if isfunction(getattr_static(model, "load")):
        yield "has a `load` of its instances; write @classmethod above it"
    spec: ModelSpec = model.spec
    if spec.params is not None and not hasattr(model, "decode"):
        yield "has params, but no method decode, which alone gets them; add decode, or remove the params"
    documents = [kind.document for kind in (spec.takes, spec.answers) if isinstance(kind, Json)]
    if any(isinstance(document, dict) for document in (*documents, spec.params)):
        yield "has a JSON Schema in its spec; give the pydantic model instead"
