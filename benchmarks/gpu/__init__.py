"""Measures the worker on a GPU, one file for each measurement."""
