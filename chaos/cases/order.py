"""The cases in the order of the report."""

from chaos.cases.case import Case
from chaos.cases.dead_queue import dead_queue_deleted
from chaos.cases.demotion import store_demoted
from chaos.cases.endless_bodies import endless_bodies
from chaos.cases.many_apis import broker_restarted_beside_many, queue_deleted_beside_many
from chaos.cases.orderly_stops import worker_stopped_alone
from chaos.cases.slow_disk import slow_disk
from chaos.cases.suspects import suspects_under_overload
from chaos.cases.webhooks import webhooks

CASES = (
    Case("suspects-overloaded", "a worker killed under lasting overload", suspects_under_overload),
    Case("slow-disk", "Redis's syncs take 2.3 s for 15 s while suspects run alone", slow_disk),
    Case("store-demoted", "Redis demoted in place, its address leads to its successor", store_demoted),
    Case("many-apis-queue", "the jobs queue deleted beside six API processes", queue_deleted_beside_many),
    Case("many-apis-broker", "RabbitMQ killed beside six API processes, back after 3 s", broker_restarted_beside_many),
    Case("endless-bodies", "150 bodies that each lack a byte", endless_bodies),
    Case("stopped-alone", "a worker stopped (SIGTERM) in each solo run of a job", worker_stopped_alone),
    Case("dead-queue", "the queue of dead letters deleted while poison arrives", dead_queue_deleted),
    Case("webhooks", "webhooks to a bad endpoint; senders, workers and Redis killed at random", webhooks),
)
