"""The worker: takes jobs in batches, runs the model, stores the results. Read `worker` first."""
