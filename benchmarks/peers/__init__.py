"""The model of `benchmarks.large_model` in other servers; each is started as a program with a port."""
