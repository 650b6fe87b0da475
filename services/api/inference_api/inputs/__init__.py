"""The kinds of input: each file turns what a client uploads into the body of a job, or refuses it with a 4xx."""

from inference_api.inputs.document import document_input
from inference_api.inputs.file import file_input
from inference_api.inputs.input import Input
from inference_api.inputs.picture import picture_input
from inference_api.inputs.tensor import tensor_input
from inference_api.inputs.text import text_input
from inference_bridge.kinds import File, Json, Picture, Tensor, Text
from inference_bridge.spec import ModelSpec


def input_of(spec: ModelSpec, *, max_bytes: int, max_pixels: int) -> Input:
    """Return the input of a model.

    Args:
        spec: the model.
        max_bytes: most bytes of a picture file; the spec bounds the other kinds.
        max_pixels: most pixels of a picture file.

    Raises:
        ConfigurationError: the spec names a function that is not there, or has a schema that is not valid.
    """
    match spec.takes:
        case Picture():
            return picture_input(spec.takes, max_bytes=max_bytes, max_pixels=max_pixels)
        case Tensor():
            return tensor_input(spec.takes)
        case Text():
            return text_input(spec.takes)
        case Json():
            return document_input(spec.takes, owner=spec.message_type)
        case File():
            return file_input(spec.takes)
