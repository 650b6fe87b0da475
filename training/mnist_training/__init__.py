"""Trains the network that the worker serves."""
