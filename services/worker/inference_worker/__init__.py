"""The model side: batches in, results out."""
