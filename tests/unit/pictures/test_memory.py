"""The memory that the largest pictures take, as many at once as threads can send to the decoder."""

import subprocess
import sys

import pytest

#: 64 megapixels. A lossless WebP is the worst: its decoder keeps several whole pictures; the others keep one or two.
WEBP = "524946461e000000574542505650384c110000002f3fdfcf1707d0fffef7bf808188e87f0000"
PROGRAM = """
import io, resource, sys
from concurrent.futures import ThreadPoolExecutor
from PIL import Image
from inference_pictures.decode import decode, open_picture

def read(picture):
    return decode(open_picture(picture), max_pixels=64_000_000, longest_side=400).size

def peak_mib():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024

picture, before = bytes.fromhex(sys.argv[1]), peak_mib()
with ThreadPoolExecutor(3) as threads:
    assert set(threads.map(read, [picture] * 3)) == {(400, 400)}
print(peak_mib() - before)
"""
#: One takes 990 MiB, while the pixels of the one before may still be held; two at once would take 1,980 MiB.
#: The limit of the API in the chart is 2 GiB.
MOST_MIB = 1_600


@pytest.mark.skipif(sys.platform != "linux", reason="ru_maxrss has another unit elsewhere")
def test_the_largest_pictures_are_decoded_one_at_a_time() -> None:
    command = [sys.executable, "-c", PROGRAM, WEBP]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=100)

    assert int(done.stdout) < MOST_MIB
