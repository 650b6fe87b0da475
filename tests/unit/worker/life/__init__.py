"""Workers one after the other between a broker and a store that misbehave; each broken promise is noted.

The workers, their batches, engines and inboxes are the real ones, on a loop with a clock of its own.
"""
