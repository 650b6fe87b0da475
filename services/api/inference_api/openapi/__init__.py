"""What `/docs` shows: `paths` describes the calls, `schemas` their answers."""
