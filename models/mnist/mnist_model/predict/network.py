"""The network, the normalization of its input, and its doubt.

In: raw pictures. Out: probabilities. Training and serving both import this module, so that they cannot drift apart.
"""

import torch
from torch import Tensor, nn
from torch.nn import functional

MNIST_MEAN = 0.1307
"""Mean of all training pixels, with 255 counted as 1."""

MNIST_STD = 0.3081
"""Standard deviation of all training pixels, with 255 counted as 1."""

MIN_DOUBT = 0.0015
"""Least doubt: people found 15 wrong labels in MNIST's 10,000 test pictures (Northcutt et al., 2021)."""

MAX_DOUBT = 0.9
"""Most doubt: less than 1, so that the most likely digit stays the most likely."""


def normalize(images: Tensor) -> Tensor:
    """Return raw pictures as input of the network: mean 0 and standard deviation 1 over MNIST.

    Args:
        images: (B, 28, 28) uint8, 0 = background, 255 = ink.

    Returns:
        (B, 1, 28, 28) float32 on the same device.
    """
    scaled = images.to(torch.float32) / 255
    return ((scaled - MNIST_MEAN) / MNIST_STD).unsqueeze(1)  # (B, 1, 28, 28)


def spread(logits: Tensor, none: Tensor) -> Tensor:
    """Return the probabilities of the digits, (B, 10), where some of the pictures hold no digit at all.

    Doubt is the chance that a picture holds none. It is spread evenly over the ten digits, which keeps their order: no
    picture is surer than `1 - 0.9 * MIN_DOUBT`.

    Args:
        logits: (B, 10) float32, of the digits.
        none: (B, 1) float32, the logit of "none of these".
    """
    share = torch.sigmoid(none - logits.logsumexp(dim=1, keepdim=True))  # (B, 1)
    doubt = MIN_DOUBT + (MAX_DOUBT - MIN_DOUBT) * share
    return (1 - doubt) * logits.softmax(dim=1) + doubt / logits.shape[1]


class ConvNet(nn.Module):
    """Two convolutions and two dense layers, and a layer for doubt; 1,200,011 parameters.

    Without the doubt, the layout is that of PyTorch's own MNIST example (pytorch/examples, mnist/main.py).
    """

    def __init__(self) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(1, 32, kernel_size=3)
        self.conv2 = nn.Conv2d(32, 64, kernel_size=3)
        self.dropout1 = nn.Dropout(0.25)
        self.dense1 = nn.Linear(64 * 12 * 12, 128)
        self.dropout2 = nn.Dropout(0.5)
        self.dense2 = nn.Linear(128, 10)
        self.none = nn.Linear(128, 1)

    def forward(self, inputs: Tensor) -> Tensor:
        """Return the logits (B, 10) float32 of normalized pictures (B, 1, 28, 28) float32."""
        logits: Tensor = self.dense2(self.dropout2(self.find_features(inputs)))  # (B, 10)
        return logits

    def classify(self, inputs: Tensor) -> Tensor:
        """Return the probabilities (B, 10) float32 of normalized pictures (B, 1, 28, 28) float32, doubt included."""
        features = self.find_features(inputs)  # (B, 128)
        return spread(self.dense2(features), self.none(features))

    def find_features(self, inputs: Tensor) -> Tensor:
        """Return the values before the last layer, (B, 128) float32."""
        # No padding: each 3x3 convolution takes one pixel off every side. ReLU runs in place and after the pooling:
        # the numbers are the same, and on a CPU it takes two thirds of the time.
        x = functional.relu_(self.conv1(inputs))  # (B, 32, 26, 26)
        x = self.conv2(x)  # (B, 64, 24, 24)
        x = functional.relu_(functional.max_pool2d(x, 2))  # (B, 64, 12, 12)
        x = self.dropout1(x).flatten(1)  # (B, 9216)
        return functional.relu_(self.dense1(x))  # (B, 128)
