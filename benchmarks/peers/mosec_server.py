"""Serves the model of large inputs with mosec: `POST /inference` with the raw bytes."""

import sys

import numpy as np
import torch
from mosec import Server, Worker
from numpy.typing import NDArray

from benchmarks.large_model import SHAPE, Large


class Served(Worker):  # type: ignore[misc]  # mypy does not see mosec
    """One process with the model."""

    def __init__(self) -> None:
        super().__init__()
        torch.set_num_threads(1)
        self._model = Large.load(None, torch.device("cpu"))

    def deserialize(self, data: bytes) -> NDArray[np.uint8]:
        """Return the array of a request's body."""
        return np.frombuffer(data, np.uint8).reshape(SHAPE)  # (224, 224, 3)

    def forward(self, data: list[NDArray[np.uint8]]) -> list[list[float]]:
        """Return the probabilities of each input."""
        answers: list[list[float]] = self._model.predict_batch(np.stack(data)).tolist()
        return answers


def main() -> None:
    """Serve until a signal arrives."""
    port, max_batch_size = sys.argv[1:]
    sys.argv[1:] = ["--address", "127.0.0.1", "--port", port]  # mosec reads them
    server = Server()
    server.append_worker(Served, max_batch_size=int(max_batch_size), max_wait_time=10)
    server.run()


if __name__ == "__main__":
    main()
