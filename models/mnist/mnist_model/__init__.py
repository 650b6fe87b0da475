"""The MNIST model reads the digit in a picture. `spec` names its two halves, `prepare` and `predict`."""
