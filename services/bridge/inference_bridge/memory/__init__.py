"""The contract in one process, without servers: a broker and a store in memory."""
