"""RabbitMQ: `supervise` keeps a `connection`, `declare` creates the `topology`, `publisher` and `consumer` use both."""
