"""The network as it serves: the same answers as `network.ConvNet` in fewer steps, from the same weights."""

import torch
from torch import Tensor
from torch.nn import functional

from mnist_model.predict.network import MNIST_MEAN, MNIST_STD, ConvNet


class FoldedNet(ConvNet):
    """A `ConvNet` for raw pictures, made by `fold`.

    Normalization is part of the first convolution. The first dense layer takes the channels last, as the convolutions
    leave them, so that nothing is copied between the two.
    """

    def find_features(self, inputs: Tensor) -> Tensor:
        """Return the values before the last layer, (B, 128) float32, of raw pictures (B, 1, 28, 28) float32."""
        x = functional.relu_(self.conv1(inputs))  # (B, 32, 26, 26)
        x = self.conv2(x)  # (B, 64, 24, 24)
        x = functional.relu_(functional.max_pool2d(x, 2))  # (B, 64, 12, 12)
        x = x.permute(0, 2, 3, 1).flatten(1)  # (B, 12 * 12 * 64)
        return functional.relu_(self.dense1(x))  # (B, 128)


def fold(network: ConvNet) -> FoldedNet:
    """Return the network for serving; no probability differs by more than 1e-6."""
    state = dict(network.state_dict())
    # In float64, so that only the last rounding is new. No convolution pads, so the mean is the same everywhere.
    kernels = state["conv1.weight"].double()  # (32, 1, 3, 3)
    shift = kernels.sum(dim=(1, 2, 3)) * (MNIST_MEAN / MNIST_STD)  # (32,)
    state["conv1.weight"] = (kernels / (255 * MNIST_STD)).float()
    state["conv1.bias"] = (state["conv1.bias"].double() - shift).float()
    state["dense1.weight"] = state["dense1.weight"].unflatten(1, (64, 12, 12)).permute(0, 2, 3, 1).flatten(1)
    with torch.device(shift.device):
        folded = FoldedNet()
    folded.load_state_dict(state)
    return folded.eval()
