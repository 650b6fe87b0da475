"""The OpenAPI description in `/docs`: `models` describes the calls, `answers` and `schemas` the answers."""
