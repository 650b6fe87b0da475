"""The OpenAPI description in `/docs`: `paths` describes the calls, `schemas` the answers."""
