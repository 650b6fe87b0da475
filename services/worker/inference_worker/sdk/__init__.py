"""Tools for the author of a model: make its folder, check its class, write its spec file."""
