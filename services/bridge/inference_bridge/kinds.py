"""The kinds of input that a model may take, and the kinds of answer that it may give.

Each kind is a frozen dataclass. A `ModelSpec` holds one of each, and a spec file stores them as JSON with their `kind`.
A kind of input says which bytes travel to the worker: `max_body_bytes` bounds them, `content_types` names them.
"""

import re
from math import prod
from typing import Annotated, Any, ClassVar, Literal

from pydantic import AfterValidator, BaseModel, Field, PlainSerializer
from pydantic.dataclasses import dataclass

#: Most bytes of a message body. RabbitMQ 4 refuses messages over 16 MiB, and large ones slow its quorum queues.
MAX_BODY_BYTES = 8_388_608
#: Most bytes of a JSON document, if its spec does not say.
JSON_BYTES = 1_048_576
#: The UTF-8 form of a character has at most this many bytes (RFC 3629).
_BYTES_PER_CHARACTER = 4
_SIZE = {"bool": 1, "uint8": 1, "int8": 1, "int16": 2, "float16": 2, "int32": 4, "float32": 4, "int64": 8, "float64": 8}


def schema_of(model: type[BaseModel] | dict[str, Any]) -> dict[str, Any]:
    """Return the JSON Schema of a pydantic model; a schema is returned as it is."""
    return model if isinstance(model, dict) else model.model_json_schema()


Dtype = Literal["bool", "uint8", "int8", "int16", "float16", "int32", "float32", "int64", "float64"]
#: A pydantic model, or, when read from a spec file, its JSON Schema.
JsonModel = Annotated[type[BaseModel] | dict[str, Any], PlainSerializer(schema_of, return_type=dict[str, Any])]
_Length = Annotated[int, Field(ge=1, le=MAX_BODY_BYTES)]


@dataclass(frozen=True)
class Picture:
    """A picture file. The API decodes it; the worker gets its pixels as uint8, shape (height, width[, 3]).

    Attributes:
        width: of the model's input, pixels.
        height: of the model's input, pixels.
        mode: `L` for grey, 0 = black; `RGB` for colour, with a last dimension of 3.
        fit: how the picture gets this size. `cover` fills it and crops the middle, `contain` keeps all of the picture
            and fills the rest with black, `stretch` changes its proportions.
        prepare: `package.module:function` that replaces decoding and `fit`, in a package of the API's image without
            torch; see `inference_api.inputs.picture.PreparePicture`.
    """

    width: Annotated[int, Field(ge=1, le=4_096)]
    height: Annotated[int, Field(ge=1, le=4_096)]
    mode: Literal["L", "RGB"] = "RGB"
    fit: Literal["cover", "contain", "stretch"] = "cover"
    prepare: str | None = None
    kind: Literal["picture"] = "picture"

    noun: ClassVar[str] = "picture"
    content_types: ClassVar[tuple[str, ...]] = ("application/octet-stream",)
    dtype: ClassVar[Dtype] = "uint8"
    has_fixed_length: ClassVar[bool] = True

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of one input: (height, width) or (height, width, 3)."""
        return (self.height, self.width) if self.mode == "L" else (self.height, self.width, 3)

    @property
    def max_body_bytes(self) -> int:
        """Length of every body in bytes."""
        return prod(self.shape)


@dataclass(frozen=True)
class Tensor:
    """An array of a fixed shape: its elements as raw little-endian bytes, row-major, or a `.npy` file.

    Attributes:
        dtype: NumPy's name of the element type.
        shape: of one input, without the batch.
    """

    dtype: Dtype
    shape: Annotated[tuple[_Length, ...], Field(min_length=1, max_length=8)]
    kind: Literal["tensor"] = "tensor"

    noun: ClassVar[str] = "tensor"
    has_fixed_length: ClassVar[bool] = True
    content_types: ClassVar[tuple[str, ...]] = ("application/octet-stream",)

    @property
    def max_body_bytes(self) -> int:
        """Length of every body in bytes."""
        return prod(self.shape) * _SIZE[self.dtype]


@dataclass(frozen=True)
class Text:
    """A text in UTF-8; the worker gets a `str`.

    Attributes:
        max_chars: most characters (code points).
    """

    max_chars: Annotated[int, Field(ge=1, le=MAX_BODY_BYTES // _BYTES_PER_CHARACTER)] = 10_000
    kind: Literal["text"] = "text"

    noun: ClassVar[str] = "text"
    has_fixed_length: ClassVar[bool] = False
    content_types: ClassVar[tuple[str, ...]] = ("text/plain; charset=utf-8",)

    @property
    def max_body_bytes(self) -> int:
        """Most bytes of a body."""
        return self.max_chars * _BYTES_PER_CHARACTER


@dataclass(frozen=True)
class Json:
    """A JSON document, as input or as answer. The API checks an input against the schema; the worker gets a `document`.

    Attributes:
        document: a pydantic model; in a spec that was read from a file, its JSON Schema.
        max_bytes: most bytes of an input.
    """

    document: JsonModel
    max_bytes: _Length = JSON_BYTES
    kind: Literal["json"] = "json"

    noun: ClassVar[str] = "document"
    has_fixed_length: ClassVar[bool] = False
    content_types: ClassVar[tuple[str, ...]] = ("application/json",)

    @property
    def schema(self) -> dict[str, Any]:
        """The JSON Schema of the document."""
        return schema_of(self.document)

    @property
    def max_body_bytes(self) -> int:
        """Most bytes of a body."""
        return self.max_bytes


#: The types of file that the API recognises, by their first bytes. `.` stands for any byte.
FILE_SIGNATURES: dict[str, tuple[bytes, ...]] = {
    "application/pdf": (b"%PDF-",),
    "application/zip": (b"PK\x03\x04",),
    "audio/flac": (b"fLaC",),
    "audio/mpeg": (b"ID3", b"\xff\xfb", b"\xff\xf3", b"\xff\xf2"),
    "audio/ogg": (b"OggS",),
    "audio/wav": (b"RIFF....WAVE",),
    "image/gif": (b"GIF8",),
    "image/jpeg": (b"\xff\xd8\xff",),
    "image/png": (b"\x89PNG\r\n\x1a\n",),
    "image/tiff": (b"II*\x00", b"MM\x00*"),
    "image/webp": (b"RIFF....WEBP",),
    "video/mp4": (b"....ftyp",),
    "video/webm": (b"\x1aE\xdf\xa3",),
    "application/octet-stream": (b"",),  # any file
}

_SIGNATURE_PATTERNS = {
    media_type: re.compile(b"|".join(re.escape(start).replace(rb"\.", b".") for start in starts), re.DOTALL)
    for media_type, starts in FILE_SIGNATURES.items()
}


def has_type(file: bytes, media_type: str) -> bool:
    """Tell whether a file begins as this type does; of a type that is not in the table, any file may be."""
    pattern = _SIGNATURE_PATTERNS.get(media_type)
    return pattern is None or pattern.match(file) is not None


def _check_type(content_type: str) -> str:
    if content_type not in FILE_SIGNATURES:
        raise ValueError(f"the API does not recognise {content_type!r}; it knows {', '.join(FILE_SIGNATURES)}")
    return content_type


@dataclass(frozen=True)
class File:
    """A file that only the model can read. The API checks its first bytes; the worker decodes it in a thread.

    Attributes:
        types: media types of the files that the model reads; `application/octet-stream` is any file.
        max_bytes: most bytes of a file.
    """

    types: Annotated[tuple[Annotated[str, AfterValidator(_check_type)], ...], Field(min_length=1)]
    max_bytes: _Length = MAX_BODY_BYTES
    kind: Literal["file"] = "file"

    noun: ClassVar[str] = "file"
    has_fixed_length: ClassVar[bool] = False

    @property
    def content_types(self) -> tuple[str, ...]:
        """The media types that a job of this input may have."""
        return self.types

    @property
    def max_body_bytes(self) -> int:
        """Most bytes of a body."""
        return self.max_bytes


@dataclass(frozen=True)
class Probabilities:
    """A probability for each class; the result also names the most probable class.

    Attributes:
        count: number of classes.
    """

    count: Annotated[int, Field(ge=1, le=100_000)]
    kind: Literal["probabilities"] = "probabilities"


@dataclass(frozen=True)
class Bytes:
    """A file, such as a picture or a sound, with its own address beside the result.

    Attributes:
        content_type: its media type.
    """

    content_type: Annotated[str, Field(pattern=r"^[\w.+-]+/[\w.+-]+(; ?[\w.+=-]+)*$")]
    kind: Literal["bytes"] = "bytes"


#: A kind of input, and a kind of answer; pydantic tells them apart by `kind`.
Takes = Annotated[Picture | Tensor | Text | Json | File, Field(discriminator="kind")]
Answers = Annotated[Probabilities | Json | Bytes, Field(discriminator="kind")]
