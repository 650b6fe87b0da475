"""The model's spec: its input and its answer. Importing it imports neither half of the model."""

from inference_bridge.kinds import Picture, Probabilities
from inference_bridge.spec import ModelSpec

INPUT = Picture(28, 28, "L", prepare="mnist_model.prepare:begin")
ANSWER = Probabilities(10)
SPEC = ModelSpec(
    "mnist",
    version=1,
    takes=INPUT,
    answers=ANSWER,
    # A PGM file of a one.
    example=b"P5 28 28 255\n" + bytes(255 * (12 <= x <= 15 and 4 <= y <= 23) for y in range(28) for x in range(28)),
)
