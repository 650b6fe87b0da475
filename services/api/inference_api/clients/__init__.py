"""Clients: `key_file` reads who they are, `require_key` lets them in, `allowances` counts what each of them does."""
