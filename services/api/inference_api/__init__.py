"""The HTTP side: pictures in, ids out, results out. Never imports torch.

Read `routes`, `submissions`, `waiters`: the product. `http`, `clients`, `openapi` and `dead` hold what stands
around it.
"""
