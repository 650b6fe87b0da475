"""The page at `/`, on which people try a model in a browser, and the documentation of the calls at `/docs`."""
