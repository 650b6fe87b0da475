"""Clients: `key_file` and `require_key` check keys, `allowances` applies limits, `claims` joins repetitions."""
