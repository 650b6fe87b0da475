"""The API: accepts pictures over HTTP, answers ids and results. It never imports torch.

Read `routes`, `submissions` and `waiters` first. `http`, `clients`, `openapi` and `dead` support them.
"""
