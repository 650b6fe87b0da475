"""What the API and the worker share: requests, results, ids, and the way to RabbitMQ and Redis.

`contract` says what both ways keep to: `rabbitmq` with `redis_store`, and `memory`, without servers; `wiring`
builds them from the settings.
"""
