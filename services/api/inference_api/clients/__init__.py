"""Clients: `key_file` reads keys and limits, `require_key` checks keys, `allowances` limits, `claims` joins repetitions."""
