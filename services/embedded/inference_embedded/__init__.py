"""The whole system in one process, without RabbitMQ and Redis."""
