"""The model `voice`: it finds speech in files of any format, and the other clips of a batch change nothing."""

import io
import shutil
import subprocess
import sys
import wave
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from safetensors.torch import save_file

from inference_bridge.errors import InvalidInput, WeightsError
from inference_bridge.jobs import Job
from inference_worker.engine import Engine
from inference_worker.items import Item
from inference_worker.model import Input
from inference_worker.sdk.check import find_problems
from voice import Clip, Options, Speech, Voice, find_speech
from voice_network import RATE_HZ, WINDOW
from voice_wav import MAX_DURATION_S, RATES_HZ, read_wav

Samples = NDArray[np.float32]
EXAMPLE = Voice.spec.example
#: Begin and end of the two utterances in `hello.wav`, seconds.
SPOKEN = [(0.5, 0.924), (1.624, 2.123)]
#: Time by which a segment's begin and end may differ from the speech, seconds.
TOLERANCE_S = 0.35
NEEDS_ESPEAK = pytest.mark.skipif(
    not shutil.which("espeak-ng"), reason="espeak-ng is not installed, and it speaks here"
)


@pytest.fixture(scope="module")
def voice() -> Iterator[Voice]:
    threads = torch.get_num_threads()
    torch.set_num_threads(1)  # several wait for one another while other tests keep the cores busy
    yield Voice.load(None, torch.device("cpu"))
    torch.set_num_threads(threads)


def to_wav(samples: Samples, rate_hz: int = RATE_HZ, width: int = 2, channels: int = 1) -> bytes:
    """Return a PCM file with the samples in each of its channels."""
    whole = np.round(samples.astype(np.float64) * (2**31 - 1)).astype("<i4")
    parts = whole.view(np.uint8).reshape(-1, 4)[:, 4 - width :] ^ (0x80 if width == 1 else 0)  # (S, width)
    file = io.BytesIO()
    with wave.open(file, "wb") as writer:
        writer.setparams((channels, width, rate_hz, 0, "NONE", ""))
        writer.writeframes(np.tile(parts, (1, channels)).tobytes())
    return file.getvalue()


def decode(voice: Voice, content: bytes, **options: float) -> Clip:
    return voice.decode(Input(value=content, params=Options.model_validate(options), content_type="audio/wav"))


def ask(voice: Voice, content: bytes, **options: float) -> Speech:
    (speech,) = voice.predict_batch([decode(voice, content, **options)])
    return speech


def tone(seconds: float, rate_hz: int = RATE_HZ) -> Samples:
    times = np.arange(int(seconds * rate_hz)) / rate_hz
    return (0.5 * np.sin(2 * np.pi * 440 * times)).astype(np.float32)


def silence(seconds: float) -> Samples:
    return np.zeros(int(seconds * RATE_HZ), np.float32)


def assert_spoken(speech: Speech, times: list[tuple[float, float]]) -> None:
    found = [edge for segment in speech.segments for edge in (segment.start_s, segment.end_s)]
    assert found == pytest.approx([edge for time in times for edge in time], abs=TOLERANCE_S)


def test_the_model_does_what_its_spec_says(voice: Voice) -> None:
    assert find_problems(voice) == []


def test_the_example_has_speech_where_it_was_spoken(voice: Voice) -> None:
    speech = ask(voice, EXAMPLE)

    assert_spoken(speech, SPOKEN)
    assert speech.duration_s == pytest.approx(2.623, abs=0.001)
    assert all(segment.probability > 0.9 for segment in speech.segments)


@NEEDS_ESPEAK
@pytest.mark.parametrize("speaker", ["en-us", "en-gb", "en-us+f3"])
def test_speech_is_found_at_the_time_at_which_it_was_spoken(voice: Voice, speaker: str, tmp_path: Path) -> None:
    file = tmp_path / "spoken.wav"
    words = "The weather is fine today and we walk along the river"
    subprocess.run(["espeak-ng", "-v", speaker, "-w", file, words], check=True, timeout=30)
    spoken = read_wav(file.read_bytes())
    loud = np.flatnonzero(np.abs(spoken) > 0.01)
    words_only = spoken[loud[0] : loud[-1]]
    duration_s = len(words_only) / RATE_HZ
    clip = np.concatenate([silence(1), words_only, silence(1.5), words_only, silence(1)])

    speech = ask(voice, to_wav(clip), min_silence_s=0.5)

    assert_spoken(speech, [(1, 1 + duration_s), (2.5 + duration_s, 2.5 + 2 * duration_s)])


@pytest.mark.parametrize(
    "samples",
    [
        pytest.param(silence(3), id="silence"),
        pytest.param(tone(3), id="440-hz"),
        pytest.param(np.random.default_rng(0).normal(0, 0.1, 3 * RATE_HZ).clip(-1, 1).astype(np.float32), id="noise"),
        pytest.param(silence(1 / RATE_HZ), id="one-sample"),
    ],
)
def test_a_clip_without_speech_has_no_segments(voice: Voice, samples: Samples) -> None:
    assert ask(voice, to_wav(samples)).segments == []


@pytest.mark.parametrize("width", [1, 2, 3, 4])
@pytest.mark.parametrize(("rate_hz", "channels"), [(8_000, 1), (11_025, 2), (44_100, 2), (48_000, 6)])
def test_the_format_of_the_file_does_not_matter(voice: Voice, rate_hz: int, channels: int, width: int) -> None:
    spoken = read_wav(EXAMPLE)
    times = np.arange(int(len(spoken) * rate_hz / RATE_HZ)) * RATE_HZ / rate_hz
    samples = np.interp(times, np.arange(len(spoken)), spoken).astype(np.float32)

    assert_spoken(ask(voice, to_wav(samples, rate_hz, width, channels)), SPOKEN)


@pytest.mark.parametrize("rate_hz", RATES_HZ)
def test_a_tone_keeps_its_samples_at_another_rate(rate_hz: int) -> None:
    resampled = read_wav(to_wav(tone(1, rate_hz), rate_hz, width=4))

    assert resampled == pytest.approx(tone(1), abs=0.01)


def test_two_channels_are_mixed_down() -> None:
    left, right = np.full(100, 2**14, "<i2"), np.full(100, -(2**13), "<i2")
    file = io.BytesIO()
    with wave.open(file, "wb") as writer:
        writer.setparams((2, 2, RATE_HZ, 0, "NONE", ""))
        writer.writeframes(np.stack([left, right], axis=1).tobytes())

    assert read_wav(file.getvalue()) == pytest.approx(np.full(100, 0.125), abs=1e-6)


def change(content: bytes, offset: int, value: bytes) -> bytes:
    """Return a file with some bytes of its header replaced."""
    return content[:offset] + value + content[offset + len(value) :]


HOSTILE = {
    "empty": b"",
    "not-a-wav-file": b"RIFF\0\0\0\0WAVE",
    "random": b"RIFF\x40\0\0\0WAVE" + bytes(range(64)),
    "cut-in-the-header": EXAMPLE[:30],
    "cut-in-the-samples": EXAMPLE[:-1000],
    "no-samples": to_wav(silence(0)),
    "floats": change(to_wav(tone(1)), 20, b"\3\0"),
    "no-channels": change(to_wav(tone(1)), 22, b"\0\0"),
    "too-many-channels": change(to_wav(tone(1)), 22, b"\xff\xff"),
    "no-rate": change(to_wav(tone(1)), 24, b"\0\0\0\0"),
    "odd-rate": change(to_wav(tone(1)), 24, (33_343).to_bytes(4, "little")),
    "enormous-rate": change(to_wav(tone(1)), 24, b"\xff\xff\xff\xff"),
    "no-bits": change(to_wav(tone(1)), 34, b"\0\0"),
    "64-bits": change(to_wav(tone(1)), 34, b"\x40\0"),
    "enormous-chunk": change(to_wav(tone(1)), 40, b"\xff\xff\xff\xff"),
    "too-long": to_wav(np.zeros((MAX_DURATION_S + 1) * 8_000, np.float32), 8_000, 1),
}


@pytest.mark.parametrize("content", HOSTILE.values(), ids=HOSTILE)
def test_a_hostile_file_is_refused_with_a_sentence(voice: Voice, content: bytes) -> None:
    with pytest.raises(InvalidInput, match=r"^the (file|clip) .+(with|send) .+"):
        decode(voice, content)


async def test_a_hostile_file_fails_alone(voice: Voice) -> None:
    engine = Engine(voice, max_batch_size=64, forward_timeout_s=60, decode_threads=2, max_result_bytes=1_048_576)
    files = [EXAMPLE, *HOSTILE.values(), EXAMPLE]

    read = await engine.read([Job("", file, submitted_s=0, deadline_ms=0) for file in files])
    items = [item for item in read if isinstance(item, Item)]
    answers = (await engine.predict(items)).answers
    engine.close()

    assert [isinstance(one, InvalidInput) for one in read] == [False, *[True] * len(HOSTILE), False]
    assert answers == [ask(voice, EXAMPLE)] * 2


def test_any_damage_to_the_header_is_refused_or_read(voice: Voice) -> None:
    random = np.random.default_rng(1)
    for offset in range(44):
        for damage in (b"\0", b"\xff", random.bytes(4)):
            try:
                decode(voice, change(EXAMPLE, offset, damage))
            except InvalidInput:
                continue


def test_a_clip_answers_in_a_batch_what_it_answers_alone(voice: Voice) -> None:
    random = np.random.default_rng(2)
    spoken = np.tile(read_wav(EXAMPLE), 24)
    lengths = np.geomspace(0.5, 60, 40)
    starts = random.integers(0, WINDOW, len(lengths))
    clips = [
        decode(voice, to_wav(spoken[start : start + int(seconds * RATE_HZ)]))
        for start, seconds in zip(starts, lengths, strict=True)
    ]

    together = voice.predict_batch(clips)

    assert sum(len(speech.segments) for speech in together) > 250
    for clip, speech in zip(clips, together, strict=True):
        (alone,) = voice.predict_batch([clip])
        assert flatten(speech) == pytest.approx(flatten(alone), abs=1e-4)


def flatten(speech: Speech) -> list[float]:
    return [number for segment in speech.segments for number in segment.model_dump().values()] + [speech.duration_s]


def test_clips_of_a_group_differ_in_length_by_less_than_two(voice: Voice) -> None:
    lengths: dict[int, list[int]] = {}
    for windows in [*range(1, 200), 1875, 3750]:
        clip = Clip(np.zeros(windows * WINDOW, np.float32), windows * WINDOW / RATE_HZ, Options())
        lengths.setdefault(voice.group(clip), []).append(windows)

    assert all(max(group) <= 2 * min(group) for group in lengths.values())
    assert len(lengths) == 11


@pytest.mark.parametrize(
    ("options", "count"),
    [
        ({"threshold": 1}, 0),
        ({"threshold": 0}, 1),
        ({"min_silence_s": 0.9}, 1),
        ({"min_speech_s": 0.42}, 1),
        ({"min_speech_s": 5}, 0),
    ],
)
def test_a_parameter_changes_the_number_of_segments(voice: Voice, options: dict[str, float], count: int) -> None:
    assert len(ask(voice, EXAMPLE, **options).segments) == count


@pytest.mark.parametrize(
    ("windows", "segments"),
    [
        pytest.param([0, 0, 0], [], id="none"),
        pytest.param([1, 1, 1], [(0, 0.09)], id="all-until-the-end-of-the-clip"),
        pytest.param([1, 0, 0], [(0, 0.032)], id="at-the-start"),
        pytest.param([0, 1, 0], [(0.032, 0.064)], id="in-the-middle"),
        pytest.param([1, 0, 1], [(0, 0.032), (0.064, 0.09)], id="two"),
    ],
)
def test_windows_become_segments(windows: list[float], segments: list[tuple[float, float]]) -> None:
    clip = Clip(np.zeros(3 * WINDOW, np.float32), 0.09, Options(min_speech_s=0, min_silence_s=0))

    found = find_speech(np.array(windows, np.float32), clip).segments

    assert [(one.start_s, one.end_s, one.probability) for one in found] == [(*segment, 1) for segment in segments]


def missing(folder: Path) -> Path:
    return folder / "missing.safetensors"


def broken(folder: Path) -> Path:
    path = folder / "text.safetensors"
    path.write_text("these are words")
    return path


def of_another_network(folder: Path) -> Path:
    path = folder / "other.safetensors"
    save_file({"weight": torch.zeros(1)}, path)
    return path


@pytest.mark.parametrize("make", [missing, broken, of_another_network])
def test_wrong_weights_are_refused_with_a_remedy(make: Callable[[Path], Path], tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match="install models/voice/requirements"):
        Voice.load(make(tmp_path), torch.device("cpu"))


def test_the_weights_are_read_without_an_import_of_their_package() -> None:
    program = (
        "import sys, torch, voice; voice.Voice.load(None, torch.device('cpu')); print('silero_vad' in sys.modules)"
    )

    here = str(Path(__file__).parent)
    answer = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=True, cwd=here
    )

    assert answer.stdout.strip() == "False"
