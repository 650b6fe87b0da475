"""Photographs of today's phones, with the limits that hold by default."""

import io

import numpy as np
import pytest
from PIL import Image

from inference_api.settings import ApiSettings
from mnist_model.spec import SPEC
from tests.unit.api.several import serving


def photograph(width: int, height: int, quality: int) -> bytes:
    """A JPEG of a stroke, with the noise of a camera."""
    noise = np.random.default_rng(0).integers(0, 40, (height // 2, width // 2), np.uint8)
    paper = noise + 200
    paper[height // 8 : height * 3 // 8, width // 4 : width * 9 // 32] = 20
    file = io.BytesIO()
    Image.fromarray(paper).resize((width, height)).convert("RGB").save(file, "JPEG", quality=quality)
    return file.getvalue()


@pytest.mark.parametrize(("width", "height"), [(4_000, 3_000), (4_624, 3_468), (8_000, 6_000)])
async def test_a_photograph_of_a_phone_is_accepted(width: int, height: int) -> None:
    photo = photograph(width, height, quality=85)
    async with serving([SPEC], ApiSettings(port=0, operations_port=0)) as api:
        for path in ("/classify", "/models/mnist"):
            response = await api.client.post(path, files={"file": ("photo.jpeg", photo)})
            assert (response.status_code, response.json()["status"]) == (202, "pending")


async def test_a_photograph_over_the_limits_is_told_the_limit() -> None:
    async with serving([SPEC], ApiSettings(port=0, operations_port=0)) as api:
        response = await api.client.post("/classify", content=photograph(9_000, 7_200, quality=5))

    assert response.status_code == 422
    assert "picture has 64.8 megapixels, the limit is 64" in response.json()["detail"]
