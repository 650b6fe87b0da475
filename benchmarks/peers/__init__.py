"""Other servers with the same models; each is started as a program with a port. `MODEL` names the model."""
