"""The network and the normalization of its input.

In: raw pictures. Out: logits. Training and serving both import this module, so that they cannot drift apart.
"""

import torch
from torch import Tensor, nn
from torch.nn import functional

MNIST_MEAN = 0.1307
"""Mean of all training pixels, with 255 counted as 1."""

MNIST_STD = 0.3081
"""Standard deviation of all training pixels, with 255 counted as 1."""


def normalize(images: Tensor) -> Tensor:
    """Return raw pictures as input of the network: mean 0 and standard deviation 1 over MNIST.

    Args:
        images: (B, 28, 28) uint8, 0 = background, 255 = ink.

    Returns:
        (B, 1, 28, 28) float32 on the same device.
    """
    scaled = images.to(torch.float32) / 255
    return ((scaled - MNIST_MEAN) / MNIST_STD).unsqueeze(1)  # (B, 1, 28, 28)


class ConvNet(nn.Module):
    """Two convolutions and two dense layers; 1,199,882 parameters.

    The layout is that of PyTorch's own MNIST example (pytorch/examples, mnist/main.py).
    """

    def __init__(self) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(1, 32, kernel_size=3)
        self.conv2 = nn.Conv2d(32, 64, kernel_size=3)
        self.dropout1 = nn.Dropout(0.25)
        self.dense1 = nn.Linear(64 * 12 * 12, 128)
        self.dropout2 = nn.Dropout(0.5)
        self.dense2 = nn.Linear(128, 10)

    def forward(self, inputs: Tensor) -> Tensor:
        """Return the logits (B, 10) float32 of normalized pictures (B, 1, 28, 28) float32."""
        # No padding: each 3x3 convolution takes one pixel off every side. ReLU runs in place and after the pooling:
        # the numbers are the same, and on a CPU it takes two thirds of the time.
        x = functional.relu_(self.conv1(inputs))  # (B, 32, 26, 26)
        x = self.conv2(x)  # (B, 64, 24, 24)
        x = functional.relu_(functional.max_pool2d(x, 2))  # (B, 64, 12, 12)
        x = self.dropout1(x).flatten(1)  # (B, 9216)
        x = functional.relu_(self.dense1(x))  # (B, 128)
        logits: Tensor = self.dense2(self.dropout2(x))  # (B, 10)
        return logits
