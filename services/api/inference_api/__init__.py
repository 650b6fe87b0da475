"""The HTTP side: pictures in, ids out, results out. Never imports torch."""
