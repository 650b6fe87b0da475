"""Clients: `key_file` reads their keys and limits, `require_key` checks keys, `allowances` applies limits."""
