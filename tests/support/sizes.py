"""Batches of one size, for tests of other things."""

from dataclasses import dataclass


@dataclass
class FixedSize:
    """A sizing, as an inbox and a worker ask it, that learns nothing."""

    batch_size: int
    prefetch: int = 24
    fill_s: float = 0.0
    is_slow: bool = False
    throughput: float | None = None
    solo_throughput: float | None = None

    def observe(self, size: int, batch_s: float) -> None:
        """Learn nothing."""

    def lower_ceiling(self, max_batch_size: int) -> None:
        """Let no batch be larger than this from now on."""
        self.batch_size = min(self.batch_size, max_batch_size)
