"""Tensors: raw little-endian bytes, or a `.npy` file; nothing is ever unpickled."""

from functools import partial
from io import BytesIO

import numpy as np
from numpy.lib import format as npy

from inference_api.inputs.input import ANY_BYTES, Input
from inference_bridge.errors import InvalidInput
from inference_bridge.kinds import Tensor

#: Most bytes of a `.npy` file before its elements; NumPy writes 128. The limit keeps Python's parser shallow.
MAX_HEADER_BYTES = 1_024
_READ_HEADER = {
    (1, 0): npy.read_array_header_1_0,
    (2, 0): npy.read_array_header_2_0,
    (3, 0): npy.read_array_header_2_0,  # differs in the encoding of field names, and a tensor has no fields
}


def tensor_input(takes: Tensor) -> Input:
    """Return the input of a model that takes tensors."""
    return Input(
        noun=takes.noun,
        max_bytes=takes.max_body_bytes + MAX_HEADER_BYTES,
        media_types=(ANY_BYTES,),
        prepare=partial(read_tensor, takes=takes),
    )


def read_tensor(upload: bytes, *, takes: Tensor) -> bytes:
    """Return the elements, little-endian and row-major.

    Raises:
        InvalidInput: they are not as many as the spec says, or of another type or shape.
    """
    body = _read_npy(upload, takes) if upload.startswith(npy.MAGIC_PREFIX) else upload
    if len(body) != takes.max_body_bytes:
        raise InvalidInput(
            f"the tensor has {len(body)} bytes, expected {takes.max_body_bytes} for {_describe(takes)}; "
            "send its elements as little-endian bytes, row by row, or a .npy file"
        )
    if takes.dtype == "bool" and body.translate(None, b"\0\1"):
        raise InvalidInput("the tensor of bool has a byte other than 0 and 1; send 0 for false and 1 for true")
    return body


def _read_npy(upload: bytes, takes: Tensor) -> bytes:
    shape, is_fortran, dtype, start = _read_header(upload)
    wanted = np.dtype(takes.dtype).newbyteorder("<")
    if shape != takes.shape or dtype.newbyteorder("<") != wanted:
        raise InvalidInput(
            f"the .npy file holds {str(dtype)[:64]} of shape {str(shape)[:64]}, expected {_describe(takes)}; convert it"
        )
    elements = upload[start:]
    if len(elements) != takes.max_body_bytes:
        raise InvalidInput(
            f"the .npy file has {len(elements)} bytes after its header, expected {takes.max_body_bytes}; save it again"
        )
    if not is_fortran and dtype == wanted:
        return elements
    array = np.frombuffer(elements, dtype).reshape(shape, order="F" if is_fortran else "C")
    return array.astype(wanted, order="C").tobytes(order="C")


def _read_header(upload: bytes) -> tuple[tuple[int, ...], bool, np.dtype[np.generic], int]:
    """Return shape, whether the order is Fortran's, type, and where the elements start."""
    file = BytesIO(upload[:MAX_HEADER_BYTES])
    try:
        read = _READ_HEADER[npy.read_magic(file)]
        shape, is_fortran, dtype = read(file, max_header_size=MAX_HEADER_BYTES)
    except Exception:  # NumPy and Python's parser raise many kinds for a hostile header, and their words help nobody
        raise InvalidInput("the header of the .npy file cannot be read; save it again, with numpy.save") from None
    return shape, is_fortran, dtype, file.tell()


def _describe(takes: Tensor) -> str:
    return f"{takes.dtype} of shape {takes.shape}"
