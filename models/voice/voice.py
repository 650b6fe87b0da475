"""Finds speech in a WAV file: begin, end and probability of each segment."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, Self

import numpy as np
import torch
from numpy.typing import NDArray
from pydantic import BaseModel, Field
from torch.nn.utils.rnn import pad_sequence

from inference_bridge.kinds import File, Json
from inference_bridge.spec import ModelSpec
from inference_worker.model import Input
from voice_network import RATE_HZ, WINDOW, VoiceNetwork
from voice_wav import read_wav
from voice_weights import find_weights, read_network

WINDOW_S = WINDOW / RATE_HZ


class Options(BaseModel):
    """The parameters of a request."""

    threshold: float = Field(0.5, ge=0, le=1, description="probability from which on a window is speech")
    min_speech_s: float = Field(0.1, ge=0, le=10, description="shorter segments are left out")
    min_silence_s: float = Field(0.2, ge=0, le=10, description="shorter pauses do not end a segment")


class Segment(BaseModel):
    """A stretch of speech; `probability` is the mean of its windows."""

    start_s: float
    end_s: float
    probability: float


class Speech(BaseModel):
    """The answer: all speech of a clip, in order."""

    segments: list[Segment]
    duration_s: float


@dataclass(frozen=True)
class Clip:
    """A decoded input: samples (W * 512,) at 16 kHz, the duration without the padding, and the parameters."""

    samples: NDArray[np.float32]
    duration_s: float
    options: Options

    @property
    def windows(self) -> int:
        """Number of windows W."""
        return len(self.samples) // WINDOW


class Voice:
    """Finds speech with Silero VAD's weights."""

    spec: ClassVar[ModelSpec] = ModelSpec(
        "voice",
        version=1,
        takes=File(("audio/wav",), max_bytes=4_000_000),
        answers=Json(Speech),
        params=Options,
        example=Path(__file__).with_name("hello.wav").read_bytes(),
    )

    def __init__(self, network: VoiceNetwork, device: torch.device) -> None:
        self._device = device
        self._network = network.to(device)

    @classmethod
    def load(cls, weights: Path | None, device: torch.device) -> Self:
        """Return the model with weights from a file; without a file, from the package silero-vad."""
        return cls(read_network(weights or find_weights()), device)

    def decode(self, given: Input) -> Clip:
        """Read the WAV file and fill up its last window with silence."""
        samples = read_wav(given.value)
        padded = np.pad(samples, (0, -len(samples) % WINDOW))  # (W * 512,)
        return Clip(padded, len(samples) / RATE_HZ, given.params)

    def group(self, clip: Clip) -> int:
        """Return the class of length: no clip waits for a clip more than twice as long."""
        return (clip.windows - 1).bit_length()

    @torch.inference_mode()
    def predict_batch(self, clips: Sequence[Clip]) -> list[Speech]:
        """Find the speech in each clip."""
        samples = pad_sequence([torch.from_numpy(clip.samples) for clip in clips], batch_first=True)  # (B, longest)
        probabilities = self._network(samples.to(self._device)).cpu().numpy()  # (B, W)
        return [find_speech(row[: clip.windows], clip) for row, clip in zip(probabilities, clips, strict=True)]


def find_speech(probabilities: NDArray[np.float32], clip: Clip) -> Speech:
    """Return the segments in which the windows' probabilities (W,) reach the threshold."""
    is_speech = probabilities >= clip.options.threshold  # (W,)
    edges = np.flatnonzero(np.diff(is_speech, prepend=False, append=False))  # start, end, start, end, …
    starts, ends = _drop_short(*_join_near(edges[::2], edges[1::2], clip.options), clip.options)
    segments = [
        Segment(
            start_s=round(start * WINDOW_S, 3),
            end_s=round(min(end * WINDOW_S, clip.duration_s), 3),
            probability=round(float(probabilities[start:end].mean()), 6),
        )
        for start, end in zip(starts.tolist(), ends.tolist(), strict=True)
    ]
    return Speech(segments=segments, duration_s=round(clip.duration_s, 3))


Indices = NDArray[np.intp]


def _join_near(starts: Indices, ends: Indices, options: Options) -> tuple[Indices, Indices]:
    is_pause = (starts[1:] - ends[:-1]) * WINDOW_S >= options.min_silence_s
    return starts[np.append(True, is_pause)[: len(starts)]], ends[np.append(is_pause, True)[: len(ends)]]


def _drop_short(starts: Indices, ends: Indices, options: Options) -> tuple[Indices, Indices]:
    is_long = (ends - starts) * WINDOW_S >= options.min_speech_s
    return starts[is_long], ends[is_long]
