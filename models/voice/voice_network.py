"""The network: it says for each window of 32 ms how probable speech is in it.

The layers and their sizes are those of Silero VAD's weights for 16 kHz.
"""

import torch
from torch import Tensor, nn
from torch.nn import functional

RATE_HZ = 16_000
#: Length of a window in samples: 32 ms.
WINDOW = 512
#: Samples of the window before, which the network sees with each window.
_CONTEXT = 64
#: Frequencies of a spectrum; the convolution gives a real and an imaginary part of each.
_FREQUENCIES = 129
#: Windows whose layers are computed at once; this bounds the memory of long clips.
_BLOCK = 1_024


class VoiceNetwork(nn.Module):
    """A spectrum, four convolutions within each window, and an LSTM from window to window; 309,633 parameters."""

    def __init__(self) -> None:
        super().__init__()
        self.stft_conv = nn.Conv1d(1, 2 * _FREQUENCIES, kernel_size=256, stride=128, bias=False)
        self.conv1 = nn.Conv1d(_FREQUENCIES, 128, kernel_size=3, padding=1)
        self.conv2 = nn.Conv1d(128, 64, kernel_size=3, stride=2, padding=1)
        self.conv3 = nn.Conv1d(64, 64, kernel_size=3, stride=2, padding=1)
        self.conv4 = nn.Conv1d(64, 128, kernel_size=3, padding=1)
        self.lstm = nn.LSTM(128, 128, batch_first=True)
        self.final_conv = nn.Conv1d(128, 1, kernel_size=1)

    def forward(self, samples: Tensor) -> Tensor:
        """Return the probability of speech (B, W) in each window of 512 samples.

        Args:
            samples: (B, W * 512) float32 at 16 kHz, -1 to 1.
        """
        started = functional.pad(samples, (_CONTEXT, 0))  # (B, 64 + W * 512)
        windows = started.unfold(1, _CONTEXT + WINDOW, WINDOW)  # (B, W, 576)
        memory, scores = None, []
        for block in windows.split(max(1, _BLOCK // len(samples)), dim=1):
            features = self._describe(block.flatten(0, 1)).unflatten(0, block.shape[:2])  # (B, up to W, 128)
            # The LSTM looks back only, so the zeros after a short clip do not change its answers.
            states, memory = self.lstm(features, memory)  # (B, up to W, 128)
            scores.append(self.final_conv(states.relu().transpose(1, 2)).squeeze(1))  # (B, up to W)
        return torch.cat(scores, dim=1).sigmoid()  # (B, W)

    def _describe(self, windows: Tensor) -> Tensor:
        """Return the features (N, 128) of windows (N, 576)."""
        mirrored = functional.pad(windows.unsqueeze(1), (0, _CONTEXT), mode="reflect")  # (N, 1, 640)
        real, imaginary = self.stft_conv(mirrored).chunk(2, dim=1)  # each (N, 129, 4)
        x = self.conv1(torch.hypot(real, imaginary)).relu_()  # (N, 128, 4)
        x = self.conv2(x).relu_()  # (N, 64, 2)
        x = self.conv3(x).relu_()  # (N, 64, 1)
        features: Tensor = self.conv4(x).relu_().squeeze(2)  # (N, 128)
        return features
