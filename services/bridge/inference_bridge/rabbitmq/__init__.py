"""RabbitMQ: `connection` stays connected, `declare` makes the `topology`, `publisher` and `consumer` carry the jobs."""
