"""The model's spec: its input, its output, and its two halves by name. Importing it imports neither half."""

from inference_bridge.spec import ModelSpec

SPEC = ModelSpec(
    name="mnist",
    version=1,
    shape=(28, 28),
    class_count=10,
    model="mnist_model.predict.classifier:DigitClassifier",
    prepare="mnist_model.prepare:begin",
    # A PGM file of a one.
    example=b"P5 28 28 255\n" + bytes(255 * (12 <= x <= 15 and 4 <= y <= 23) for y in range(28) for x in range(28)),
)
