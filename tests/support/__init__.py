"""Helpers of more than one test: servers, processes, clients, stand-ins, models and pictures."""
