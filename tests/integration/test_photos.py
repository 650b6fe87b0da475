"""Pictures in, JSON out: the numbers of a direct call, over HTTP, RabbitMQ and batches of any size."""

import json
from pathlib import Path

import httpx
import numpy as np
import pytest
import torch
from PIL import Image

from inference_bridge.spec import to_json
from inference_pictures.fit import read_fitted
from inference_worker.model import Input
from photos import Options, Photos
from tests.support.deployment import Deployment
from tests.support.pictures import encoded
from tests.support.results import fetch_result
from tests.support.servers import RabbitMQ, RedisServer

COUNT, TOP_K = 64, 20
TOLERANCE = 1e-4
#: On a busy machine a batch of 64 takes seconds.
RESULT_TIMEOUT_S = 100


def make_pictures() -> list[bytes]:
    """Return PNG files of noise, large and small, upright and wide."""
    generator = np.random.default_rng(14)
    sizes = [(160 + 9 * (number % 13), 200 + 7 * (number % 17)) for number in range(COUNT)]
    return [encoded(Image.fromarray(generator.integers(0, 256, (*size, 3), np.uint8))) for size in sizes]


def answer_directly(pictures: list[bytes]) -> list[dict[int, float]]:
    """Return the probability of each class in the answers of the class itself, asked without a service."""
    model = Photos.load(None, torch.device("cpu"))
    answers = []
    for picture in pictures:
        body = read_fitted(picture, max_pixels=10**6, width=224, height=224, mode="RGB", fit="cover")
        pixels = np.frombuffer(bytearray(body), np.uint8).reshape(224, 224, 3)
        [answer] = model.predict_batch([model.decode(Input(pixels, Options(top_k=100), ""))])
        answers.append({one.class_index: one.probability for one in answer.classes})
    return answers


@pytest.mark.timeout(300)
@pytest.mark.parametrize("max_batch_size", [1, 7, 64])
def test_the_numbers_are_those_of_a_direct_call(
    max_batch_size: int, rabbitmq: RabbitMQ, redis_server: RedisServer, tmp_path: Path
) -> None:
    pictures = make_pictures()
    (tmp_path / "photos.json").write_text(to_json(Photos.spec))
    settings = {"INFERENCE_MODEL": "photos", "INFERENCE_MODELS": str(tmp_path / "photos.json")}
    with Deployment(tmp_path, amqp_url=rabbitmq.url, redis_url=redis_server.url, **settings) as deployment:
        api = deployment.api().wait_until_ready()
        urls = [submit(api.url, picture) for picture in pictures]
        worker = deployment.worker(INFERENCE_MAX_BATCH_SIZE=str(max_batch_size)).wait_until_ready()
        results = [fetch_result(api.url + url, RESULT_TIMEOUT_S) for url in urls]
        largest = largest_batch(worker.process.log)

    for result, expected in zip(results, answer_directly(pictures), strict=True):
        assert len(result["output"]["classes"]) == TOP_K
        for one in result["output"]["classes"]:
            assert abs(one["probability"] - expected[one["class_index"]]) < TOLERANCE
    assert largest <= max_batch_size


def submit(url: str, picture: bytes) -> str:
    answer = httpx.post(f"{url}/models/photos?top_k={TOP_K}", content=picture, timeout=30)
    assert answer.status_code == 202, answer.text
    return answer.headers["location"]


def largest_batch(log: Path) -> int:
    events = [json.loads(line) for line in log.read_text().splitlines()]
    return max(int(event["batch_size"]) for event in events if event.get("message") == "batch predicted")
