"""A broker and a store in memory, for one process without servers."""
