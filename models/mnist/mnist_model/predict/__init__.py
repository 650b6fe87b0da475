"""The worker's half of the model: network, weights, classifier. It imports torch."""

from mnist_model.predict.classifier import DigitClassifier

__all__ = ["DigitClassifier"]
