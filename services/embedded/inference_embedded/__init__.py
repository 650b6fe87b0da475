"""API and worker in one process, without RabbitMQ and Redis."""
