"""The code that the API and the worker share: jobs, results, ids, and access to RabbitMQ and Redis.

`contract` declares the broker and the store. `rabbitmq` and `redis_store` implement them with servers, `memory`
implements them without. `wiring` builds an implementation from the settings.
"""
