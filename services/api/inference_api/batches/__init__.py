"""Many jobs in one call: `uploads` reads a batch, `submit` accepts it, `view` says how its jobs stand."""
