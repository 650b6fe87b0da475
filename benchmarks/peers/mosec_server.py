"""Serves a model with mosec: `POST /inference` with the raw bytes."""

import os
import sys

import numpy as np
from mosec import Server, Worker
from numpy.typing import NDArray

from benchmarks.peers.models import load


class Served(Worker):  # type: ignore[misc]  # mypy does not see mosec
    """One process with the model."""

    def __init__(self) -> None:
        super().__init__()
        self._model = load(os.environ["MODEL"])

    def deserialize(self, data: bytes) -> NDArray[np.uint8]:
        """Return the array of a request's body."""
        return self._model.read(data)

    def forward(self, data: list[NDArray[np.uint8]]) -> list[list[float]]:
        """Return the probabilities of each input."""
        answers: list[list[float]] = self._model.predict_batch(np.stack(data)).tolist()
        return answers


def main() -> None:
    """Serve until a signal arrives."""
    port, max_batch_size, wait_ms = sys.argv[1:]
    sys.argv[1:] = ["--address", "127.0.0.1", "--port", port]  # mosec reads them
    server = Server()
    server.append_worker(Served, max_batch_size=int(max_batch_size), max_wait_time=int(wait_ms))
    server.run()


if __name__ == "__main__":
    main()
