"""Sounds, and the answers of the voice model."""

import io
import wave
from pathlib import Path

import numpy as np
import torch

from chaos.load.workload import Workload
from inference_bridge.spec import to_json
from inference_worker.model import Input
from voice import Options, Voice

#: Different sounds; a workload repeats them.
SOUNDS = 64


def voices(count: int, directory: Path) -> Workload:
    """Return a workload of cuts of the model's own example; `directory` gets its spec file."""
    spec_file = directory / "voice.json"
    spec_file.write_text(to_json(Voice.spec))
    model = Voice.load(None, torch.device("cpu"))
    sounds = [_cut(Voice.spec.example, number) for number in range(min(count, SOUNDS))]
    clips = [model.decode(Input(sound, Options(), "audio/wav")) for sound in sounds]
    answers = [{"output": speech.model_dump()} for clip in clips for speech in model.predict_batch([clip])]
    settings = {"INFERENCE_MODEL": "voice", "INFERENCE_MODELS": str(spec_file)}
    numbers = [number % SOUNDS for number in range(count)]
    return Workload("voice", [sounds[number] for number in numbers], [answers[number] for number in numbers], settings)


def _cut(sound: bytes, number: int) -> bytes:
    with wave.open(io.BytesIO(sound)) as source:
        form, frames = source.getparams(), source.readframes(source.getnframes())
    start = number * len(frames) // (4 * SOUNDS) // form.sampwidth * form.sampwidth
    cut = np.frombuffer(frames, np.uint8)[start:].tobytes()
    file = io.BytesIO()
    with wave.open(file, "wb") as target:
        target.setparams(form)
        target.writeframes(cut)
    return file.getvalue()
