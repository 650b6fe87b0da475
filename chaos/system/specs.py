"""The models of the faults, by name. Imports none of them: the API of a system reads this too, and needs no torch."""

from dataclasses import replace

from mnist_model.spec import SPEC

SLOW = replace(SPEC, model="chaos.system.slow_model:SlowClassifier")
SLOWER = replace(SPEC, model="chaos.system.slow_model:SlowerClassifier")
POISONED = replace(SPEC, model="chaos.cases.dead_queue:PoisonedClassifier")
LONG_RUNNING = replace(SPEC, model="chaos.cases.orderly_stops:LongRunningClassifier")
