"""What the API and the worker share: requests, results, ids, and the way to RabbitMQ and Redis."""
