"""Clients and the pictures they send, how many, and a ledger of what was answered."""
