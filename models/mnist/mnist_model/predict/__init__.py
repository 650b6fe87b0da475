"""The half of the model that the worker runs: network, weights, classifier. Imports torch."""
