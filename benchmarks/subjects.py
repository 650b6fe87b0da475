"""The models that the servers are measured with, each with all that a server needs to serve it."""

from dataclasses import dataclass, replace

from pydantic import BaseModel

from benchmarks import large_model
from inference_bridge.kinds import Json, Probabilities, Tensor
from inference_bridge.spec import ModelSpec
from mnist_model import spec as mnist
from tests.support.pictures import encoded, sample


class Sentence(BaseModel):
    """An input in JSON, such as a language model gets."""

    text: str
    labels: list[str]


class Ranking(BaseModel):
    """An answer in JSON: the labels, and how well each fits."""

    labels: list[str]
    scores: list[float]


@dataclass(frozen=True, slots=True)
class Subject:
    """A model that is served.

    Attributes:
        name: finds the model in `benchmarks.peers.models`.
        spec: for this system's API.
        model: for this system's worker, `module:class`.
        max_batch_size: most inputs of a forward pass.
        example: the body of a request.
        wait_ms: how long each peer waits until a batch is full: the delay with which it was fastest.
    """

    name: str
    spec: ModelSpec
    model: str
    max_batch_size: int
    example: bytes
    wait_ms: dict[str, int]


LONG, SHORT = {"mosec": 10, "LitServe": 5}, {"mosec": 2, "LitServe": 1}
LARGE = Subject("large", large_model.SPEC, "benchmarks.large_model:Large", 16, large_model.make_inputs(1)[0], LONG)
DIGITS = Subject("digits", mnist.SPEC, "benchmarks.cheap:Timed", 64, encoded(sample("three")), SHORT)
#: The digits after a plain decode; for peers only.
PLAIN = replace(DIGITS, name="plain")
NOTHING = Subject(
    "nothing",
    ModelSpec("nothing", 1, takes=Tensor("uint8", (28, 28)), answers=Probabilities(10)),
    "benchmarks.cheap:Nothing",
    64,
    bytes(28 * 28),
    SHORT,
)
SENTENCE = Sentence(text="The workers exist only while there is work.", labels=["computers", "cooking", "travel"])
DOCUMENT = SENTENCE.model_dump_json().encode()
#: JSON in, JSON out; for this system only.
DOCUMENTS = Subject(
    "documents",
    ModelSpec("documents", 1, takes=Json(Sentence), answers=Json(Ranking), example=DOCUMENT),
    "benchmarks.cheap:Documents",
    64,
    DOCUMENT,
    SHORT,
)
