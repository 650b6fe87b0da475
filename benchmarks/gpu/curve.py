"""The time of a batch by its size: in fp32, in bf16, and as a CUDA graph."""

from collections.abc import Iterator
from functools import partial

import numpy as np
import torch
from numpy.typing import NDArray
from tqdm import tqdm

from benchmarks.gpu.timing import time_ms
from mnist_model.predict.classifier import DigitClassifier
from mnist_model.predict.folded import fold
from mnist_model.predict.network import ConvNet
from mnist_model.predict.weights import DEFAULT_WEIGHTS, load_weights

SIZES = (1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024)
GRAPH_SIZES = (1, 8, 64)


def measure_curve(device: torch.device) -> Iterator[dict[str, float]]:
    """Yield the milliseconds of a batch of each size, from host memory to host memory."""
    model = DigitClassifier.load(None, device)
    for size in tqdm(SIZES, desc="batch sizes", unit="size"):
        batch = np.random.default_rng(0).integers(0, 256, (size, 28, 28), dtype=np.uint8)
        row = {"size": size, "fp32_ms": time_ms(partial(model.predict_batch, batch))}
        with torch.autocast("cuda", dtype=torch.bfloat16):
            row["bf16_ms"] = time_ms(partial(model.predict_batch, batch))
        if size in GRAPH_SIZES:
            row["graph_ms"] = _time_graph_ms(batch, device)
        yield row


@torch.inference_mode()
def _time_graph_ms(batch: NDArray[np.uint8], device: torch.device) -> float:
    """Return the milliseconds of a batch whose kernels a CUDA graph replays."""
    network = ConvNet()
    network.load_state_dict(load_weights(DEFAULT_WEIGHTS)[0])
    network = fold(network).to(device).to(memory_format=torch.channels_last)
    pictures = torch.from_numpy(batch).to(device)  # (B, 28, 28)

    def forward() -> torch.Tensor:
        inputs = pictures.to(torch.float32).unsqueeze(1)  # (B, 1, 28, 28)
        answers: torch.Tensor = network.classify(inputs)  # (B, 10)
        return answers

    # The first calls choose kernels and take memory, which no graph may record; on a stream of their own, as PyTorch's
    # notes on CUDA graphs ask.
    stream = torch.cuda.Stream()
    stream.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(stream):
        for _ in range(3):
            forward()
    torch.cuda.current_stream().wait_stream(stream)
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        answers = forward()

    def replay() -> NDArray[np.float32]:
        pictures.copy_(torch.from_numpy(batch), non_blocking=True)
        graph.replay()
        found: NDArray[np.float32] = answers.cpu().numpy()
        return found

    return time_ms(replay)
