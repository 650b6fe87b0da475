import gzip
from pathlib import Path

import pytest
import torch

from mnist_training.data import MD5_OF_FILE, DataError, Split, load_split, parse_images, parse_labels, prepare
from tests.unit.training.conftest import WriteIdx


def test_pictures_and_labels_come_back_as_written(tmp_path: Path, bars: Split, write_idx: WriteIdx) -> None:
    checksums = write_idx("train", bars)

    split = load_split(tmp_path, "train", md5_of_file=checksums)

    assert torch.equal(split.images, bars.images)
    assert torch.equal(split.labels, bars.labels)


def test_files_are_also_found_where_torchvision_puts_them_decompressed(
    tmp_path: Path, bars: Split, write_idx: WriteIdx
) -> None:
    checksums = write_idx("train", bars)
    raw = tmp_path / "MNIST" / "raw"
    raw.mkdir(parents=True)
    for path in tmp_path.glob("*.gz"):
        (raw / path.stem).write_bytes(gzip.decompress(path.read_bytes()))
        path.unlink()

    assert len(load_split(tmp_path, "train", md5_of_file=checksums)) == 400


def test_a_wrong_checksum_is_named_with_the_file_and_the_remedy(
    tmp_path: Path, bars: Split, write_idx: WriteIdx
) -> None:
    found = write_idx("train", bars)["train-images-idx3-ubyte"]
    expected = MD5_OF_FILE["train-images-idx3-ubyte"]

    with pytest.raises(DataError, match=rf"train-images-idx3-ubyte\.gz has the MD5 {found}, expected {expected}; del"):
        load_split(tmp_path, "train")


def test_a_missing_file_is_named_with_the_command_that_fetches_it(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"no t10k-images-idx3-ubyte\.gz; fetch .* mnist_training\.data --data"):
        load_split(tmp_path, "t10k")


@pytest.mark.parametrize("content", [b"no gzip", gzip.compress(bytes(1_000))[:-12]], ids=["not gzip", "truncated"])
def test_a_file_that_cannot_be_decompressed_is_named(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "train-images-idx3-ubyte.gz").write_bytes(content)

    with pytest.raises(DataError, match=r"train-images-idx3-ubyte\.gz cannot be decompressed"):
        load_split(tmp_path, "train")


@pytest.mark.parametrize(
    "content",
    [b"", bytes.fromhex("00000801") + bytes(12), bytes.fromhex("00000803 00000002 0000001c 0000001c") + bytes(784)],
    ids=["empty", "magic of labels", "fewer pictures than announced"],
)
def test_content_that_is_no_idx_file_of_pictures_is_refused(content: bytes) -> None:
    with pytest.raises(DataError, match="IDX"):
        parse_images(content)


def test_content_that_is_no_idx_file_of_labels_is_refused() -> None:
    with pytest.raises(DataError, match="IDX header 0x801, 3 is not that of labels"):
        parse_labels(bytes.fromhex("00000801 00000003") + bytes(2))


def test_an_empty_directory_is_filled(tmp_path: Path) -> None:
    fetched: list[Path] = []

    prepare(tmp_path, fetched.append)

    assert fetched == [tmp_path]


def test_a_directory_that_has_files_is_left_alone(tmp_path: Path, bars: Split, write_idx: WriteIdx) -> None:
    write_idx("train", bars)
    fetched: list[Path] = []

    prepare(tmp_path, fetched.append)

    assert fetched == []


def test_a_part_ends_before_its_stop(bars: Split) -> None:
    assert bars.cut(10, 13).labels.tolist() == [0, 1, 2]
    assert len(bars.cut(390, None)) == 10
