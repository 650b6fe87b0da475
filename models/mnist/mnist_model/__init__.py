"""MNIST: a picture of a handwritten digit in, the digit out. `spec` names the two halves, `prepare` and `predict`."""
