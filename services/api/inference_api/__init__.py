"""The API: accepts inputs over HTTP, answers ids and results. It never imports torch.

Read `routes`, `submissions` and `waiters` first, then `inputs`. `http`, `clients`, `openapi`, `operations` and `dead`
support them.
"""
