"""Serves a model with LitServe: `POST /predict` with the raw bytes."""

import os
import sys
from typing import Annotated

import litserve
import numpy as np
from fastapi import Depends, Request
from numpy.typing import NDArray

from benchmarks.peers.models import load


async def read_body(request: Request) -> bytes:
    """Return the body; LitServe itself reads JSON or forms only."""
    return await request.body()


class Served(litserve.LitAPI):  # type: ignore[misc]  # mypy does not see LitServe
    """One process with the model."""

    def setup(self, device: str) -> None:
        """Load the model."""
        self._model = load(os.environ["MODEL"])

    def decode_request(self, request: Annotated[bytes, Depends(read_body)]) -> NDArray[np.uint8]:
        """Return the array of a request's body."""
        return self._model.read(request)

    def batch(self, inputs: list[NDArray[np.uint8]]) -> NDArray[np.uint8]:
        """Return the inputs as one array."""
        return np.stack(inputs)

    def predict(self, batch: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Return the probabilities of each input."""
        return self._model.predict_batch(batch)  # (B, 10)

    def encode_response(self, output: NDArray[np.float32]) -> list[float]:
        """Return the probabilities of one input."""
        probabilities: list[float] = output.tolist()
        return probabilities


def main() -> None:
    """Serve until a signal arrives."""
    port, max_batch_size, wait_ms = map(int, sys.argv[1:])
    server = litserve.LitServer(
        Served(max_batch_size=max_batch_size, batch_timeout=wait_ms / 1000),
        accelerator="cpu",
        devices=1,
        fast_queue=True,
    )
    server.run(host="127.0.0.1", port=port, generate_client_file=False, log_level="warning")


if __name__ == "__main__":
    main()
