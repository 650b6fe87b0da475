"""Webhooks: the API names their endpoints, and a process of its own, `python -m inference_api.hooks`, delivers them."""
