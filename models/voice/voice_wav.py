"""Reads a WAV file as samples at 16 kHz."""

import io
import wave
from math import ceil

import numpy as np
from numpy.typing import NDArray

from inference_bridge.errors import InputTooLarge, InvalidInput, UnsupportedInput
from voice_network import RATE_HZ

#: Length of the longest clip in seconds.
MAX_DURATION_S = 120
#: Rates of the files that are read. All have small prime factors: `_resample` is fast with them.
RATES_HZ = (8_000, 11_025, 12_000, 16_000, 22_050, 24_000, 32_000, 44_100, 48_000, 88_200, 96_000, 176_400, 192_000)
_MAX_CHANNELS, _MAX_BITS = 8, 32
_REMEDY = "convert it with `ffmpeg -i INPUT -ar 16000 -ac 1 -c:a pcm_s16le OUTPUT.wav`"


def read_wav(content: bytes) -> NDArray[np.float32]:
    """Return the samples (S,) of a WAV file at 16 kHz, its channels mixed down, -1 to 1.

    Raises:
        InvalidInput: the file is not PCM of 8, 16, 24 or 32 bits, one of `RATES_HZ` and 1 to 8 channels; or it is
            empty, incomplete or longer than 120 seconds.
    """
    header, frames = _open(content)
    _check_format(header)
    _check_length(header, len(frames))
    samples = _to_floats(frames, header.getsampwidth()).reshape(-1, header.getnchannels())  # (S, C)
    return _resample(samples.mean(axis=1), header.getframerate())


def _open(content: bytes) -> tuple[wave.Wave_read, bytes]:
    try:
        with wave.open(io.BytesIO(content)) as file:
            return file, file.readframes(file.getnframes())
    except (wave.Error, EOFError, RuntimeError) as error:  # `wave` raises the last where a chunk is cut off
        reason = str(error) or "it ends too early"
        raise UnsupportedInput(f"the file is not a WAV file of PCM samples ({reason}); {_REMEDY}") from error


def _check_format(header: wave.Wave_read) -> None:
    rate_hz, channels, bits = header.getframerate(), header.getnchannels(), 8 * header.getsampwidth()
    if rate_hz not in RATES_HZ:
        raise UnsupportedInput(f"the file has {rate_hz} Hz, expected one of {RATES_HZ}; {_REMEDY}")
    if channels > _MAX_CHANNELS or bits > _MAX_BITS:
        found = f"{channels} channels of {bits} bits"
        raise UnsupportedInput(f"the file has {found}, expected up to {_MAX_CHANNELS} of {_MAX_BITS}; {_REMEDY}")


def _check_length(header: wave.Wave_read, byte_count: int) -> None:
    length = header.getnframes()
    if not length:
        raise InvalidInput("the file has no samples; send a file with sound")
    if byte_count != length * header.getnchannels() * header.getsampwidth():
        raise InvalidInput(f"the file ends before the {length} samples of its header; send the whole file")
    duration_s = length / header.getframerate()
    if duration_s > MAX_DURATION_S:
        raise InputTooLarge(
            f"the clip lasts {duration_s:.1f} s, at most {MAX_DURATION_S} are allowed; send parts of it"
        )


def _to_floats(frames: bytes, width: int) -> NDArray[np.float32]:
    """Return little-endian integers of 1 to 4 bytes as numbers from -1 to 1."""
    wide = np.zeros((len(frames) // width, 4), np.uint8)
    wide[:, -width:] = np.frombuffer(frames, np.uint8).reshape(-1, width)
    if width == 1:
        wide[:, 3] ^= 0x80  # samples of 8 bits, and no others, are unsigned
    scaled: NDArray[np.float32] = wide.view("<i4")[:, 0].astype(np.float32) / np.float32(2**31)  # (N,)
    return scaled


def _resample(samples: NDArray[np.float32], rate_hz: int) -> NDArray[np.float32]:
    """Return the samples at 16 kHz: their spectrum, cut off or continued with zeros at 8 kHz."""
    if rate_hz == RATE_HZ:
        return samples
    # Whole seconds have a number of samples with small prime factors at both rates.
    duration_s = ceil(len(samples) / rate_hz)
    padded = np.pad(samples, (0, duration_s * rate_hz - len(samples)))  # (D * rate_hz,)
    spectrum = np.fft.rfft(padded)[: duration_s * RATE_HZ // 2 + 1]  # (up to D * 8000 + 1,)
    resampled = np.fft.irfft(spectrum, duration_s * RATE_HZ) * (RATE_HZ / rate_hz)  # (D * 16000,)
    return resampled[: ceil(len(samples) * RATE_HZ / rate_hz)].astype(np.float32)  # (S,)
