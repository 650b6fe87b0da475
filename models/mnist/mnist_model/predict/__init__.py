"""The worker's half of the model: network, weights, classifier. It imports torch."""
