"""Pictures that are broken or hostile, without end and the same for the same seed."""

import random
import struct
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

from tests.support.hostile.bombs import BOMBS, bomb
from tests.support.hostile.originals import PNG_SIGNATURE, originals, png_chunk

#: Of all pictures this share is a bomb, and this share stays as it was.
BOMB_SHARE = 0.02
WHOLE_SHARE = 0.05
#: Below the API's limit in bytes, whatever was glued together.
MAX_BYTES = 2_000_000
#: What parsers trip over.
ODD_NUMBERS = (0, 1, 2, 0x7F, 0x80, 0xFF, 0x7FFF, 0xFFFF, 0x10000, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF)

Chunks: TypeAlias = list[tuple[bytes, bytes]]


@dataclass(frozen=True, slots=True)
class Mutation:
    """A picture to send and how it came about, such as `png-rgba: flip, cut`."""

    name: str
    picture: bytes


def mutation(seed: int, index: int) -> Mutation:
    """Return the picture of that number; the same for the same seed and number."""
    dice = random.Random(f"{seed}:{index}")
    lot = dice.random()
    if lot < BOMB_SHARE:
        name = dice.choice(list(BOMBS))
        return Mutation(f"bomb {name}", bomb(name))
    name, picture = dice.choice(list(originals().items()))
    if lot > 1 - WHOLE_SHARE:
        return Mutation(name, picture)
    changes = dice.choices(CHANGES, k=dice.choice((1, 1, 1, 2, 3)))
    for change in changes:
        picture = change(dice, picture)[:MAX_BYTES]
    return Mutation(f"{name}: {', '.join(change.__name__ for change in changes)}", picture)


def flip_bits(dice: random.Random, picture: bytes) -> bytes:
    """Return the file with 1 to 16 bits the other way."""
    return _edited(dice, picture, lambda value: value ^ 1 << dice.randrange(8))


def set_bytes(dice: random.Random, picture: bytes) -> bytes:
    """Return the file with 1 to 16 other bytes."""
    return _edited(dice, picture, lambda _: dice.choice((0, 1, 0x7F, 0x80, 0xFF, dice.randrange(256))))


def _edited(dice: random.Random, picture: bytes, edit: Callable[[int], int]) -> bytes:
    edited = bytearray(picture)
    # Half of them hit the header, where they do most.
    reach = len(edited) if dice.random() < 0.5 else min(len(edited), 128)
    for _ in range(dice.randint(1, 16) if reach else 0):
        at = dice.randrange(reach)
        edited[at] = edit(edited[at])
    return bytes(edited)


def set_number(dice: random.Random, picture: bytes) -> bytes:
    """Return the file with a length, size or offset in its header that is none."""
    order, width = dice.choice("<>"), dice.choice("HI")
    number = struct.pack(order + width, dice.choice(ODD_NUMBERS) & (0xFFFF if width == "H" else 0xFFFFFFFF))
    at = dice.randrange(max(1, min(len(picture), 256)))
    return picture[:at] + number + picture[at + len(number) :]


def cut(dice: random.Random, picture: bytes) -> bytes:
    """Return the beginning of the file, or nothing."""
    return picture[: dice.randrange(len(picture) + 1)]


def remove_piece(dice: random.Random, picture: bytes) -> bytes:
    """Return the file without a piece."""
    start, end = _range(dice, picture)
    return picture[:start] + picture[end:]


def repeat_piece(dice: random.Random, picture: bytes) -> bytes:
    """Return the file with a piece up to 200 times."""
    start, end = _range(dice, picture)
    return picture[:start] + picture[start:end] * dice.choice((2, 3, 200)) + picture[end:]


def swap_pieces(dice: random.Random, picture: bytes) -> bytes:
    """Return the file with two neighbouring pieces in the other order."""
    start, middle, end = sorted(dice.randrange(len(picture) + 1) for _ in range(3))
    return picture[:start] + picture[middle:end] + picture[start:middle] + picture[end:]


def _range(dice: random.Random, picture: bytes) -> tuple[int, int]:
    start = dice.randrange(len(picture) + 1)
    return start, min(len(picture), start + dice.choice((1, 4, 16, 256, 4_096)))


def add_garbage(dice: random.Random, picture: bytes) -> bytes:
    """Return the file with random bytes before, after or in it."""
    at = dice.choice((0, len(picture), dice.randrange(len(picture) + 1)))
    return picture[:at] + dice.randbytes(dice.choice((1, 16, 1_000, 100_000))) + picture[at:]


def glue(dice: random.Random, picture: bytes) -> bytes:
    """Return the beginning of the file with the end of one in another format."""
    other = dice.choice(list(originals().values()))
    return picture[: dice.randrange(len(picture) + 1)] + other[dice.randrange(len(other)) :]


def edit_chunks(dice: random.Random, picture: bytes) -> bytes:
    """Return a PNG with other chunks, all checksums right; of another format, with another size in its header."""
    if not picture.startswith(PNG_SIGNATURE):
        return resize_header(dice, picture)
    chunks = png_chunks(picture)
    for _ in range(dice.randint(1, 3)):
        if chunks:
            dice.choice(CHUNK_CHANGES)(dice, chunks)
    return PNG_SIGNATURE + b"".join(png_chunk(kind, payload) for kind, payload in chunks)


def resize_header(dice: random.Random, picture: bytes) -> bytes:
    """Return the file with other numbers where it says its width and height."""
    size = struct.pack("<H", 64), struct.pack(">H", 64), b"64"
    found = [(picture.find(field), field) for field in size if field in picture]
    if not found:
        return set_number(dice, picture)
    at, field = dice.choice(found)
    number = dice.choice((0, 1, 63, 65, 3_999, 4_000, 16_383, 32_767, 65_535))
    other = b"%d" % number if field == b"64" else struct.pack("<H" if field[0] else ">H", number)
    return picture[:at] + other + picture[at + len(field) :]


def png_chunks(picture: bytes) -> Chunks:
    """Return a PNG's chunks as pairs of kind and payload, as far as they go."""
    chunks, at = [], len(PNG_SIGNATURE)
    while at + 12 <= len(picture):
        (length,) = struct.unpack_from(">I", picture, at)
        chunks.append((picture[at + 4 : at + 8], picture[at + 8 : at + 8 + length]))
        at += length + 12
    return chunks


def _drop(dice: random.Random, chunks: Chunks) -> None:
    chunks.pop(dice.randrange(len(chunks)))


def _repeat(dice: random.Random, chunks: Chunks) -> None:
    at = dice.randrange(len(chunks))
    chunks[at:at] = [chunks[at]] * dice.choice((1, 5, 300))


def _shuffle(dice: random.Random, chunks: Chunks) -> None:
    dice.shuffle(chunks)


def _edit_payload(dice: random.Random, chunks: Chunks) -> None:
    at = dice.randrange(len(chunks))
    chunks[at] = (chunks[at][0], dice.choice((flip_bits, set_bytes, cut, set_number))(dice, chunks[at][1]))


def _resize(dice: random.Random, chunks: Chunks) -> None:
    sides = (0, 1, 63, 65, 4_000, 16_000_000, 0x7FFFFFFF, 0xFFFFFFFF)
    chunks[0] = (b"IHDR", struct.pack(">II", dice.choice(sides), dice.choice(sides)) + chunks[0][1][8:])


def _add_odd(dice: random.Random, chunks: Chunks) -> None:
    kind = dice.choice((b"tRNS", b"PLTE", b"gAMA", b"pHYs", b"sBIT", b"eXIf", b"acTL", b"fcTL", b"iCCP", b"bKGD"))
    chunks.insert(dice.randrange(len(chunks) + 1), (kind, dice.randbytes(dice.choice((0, 1, 6, 256, 768, 1_000)))))


CHUNK_CHANGES = (_drop, _repeat, _shuffle, _edit_payload, _resize, _add_odd)
CHANGES = (
    flip_bits,
    set_bytes,
    set_number,
    cut,
    remove_piece,
    repeat_piece,
    swap_pieces,
    add_garbage,
    glue,
    edit_chunks,
    resize_header,
)
