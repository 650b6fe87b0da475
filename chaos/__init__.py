"""A system of real processes under load, one fault after another; see `__main__`."""
