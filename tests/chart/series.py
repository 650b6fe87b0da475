"""The series that the alerts ask for, as Prometheus names them."""

from tests.chart.helm import NAME

_API = f'namespace="default",pod="{NAME}-api-1"'
_RABBITMQ = f'namespace="default",pod="{NAME}-rabbitmq-0"'
_WORKER = f'namespace="default",pod="{NAME}-worker-mnist-1"'
_REDIS = f'namespace="default",pod="{NAME}-redis-0"'
_KEDA = f'exported_namespace="default",scaledObject="{NAME}-worker-mnist"'

WAITING = f'inference_waiting_jobs{{{_API},model="mnist",queue="mnist.jobs"}}'
SUSPECTS = f'inference_waiting_jobs{{{_API},model="mnist",queue="mnist.retry"}}'
REFUSED = f'inference_http_responses_total{{{_API},model="mnist",call="classify",status="503"}}'
ACCEPTED = f'inference_http_responses_total{{{_API},model="mnist",call="classify",status="202"}}'

BUSY = f'inference_device_busy{{{_WORKER},model="mnist"}}'
SUCCEEDED = f'inference_results_total{{{_WORKER},model="mnist",status="succeeded"}}'
#: What the workers of another model show, and those of another release.
OTHER_SUCCEEDED = SUCCEEDED.replace("worker-mnist", "worker-voice").replace('"mnist"', '"voice"')
STRANGERS_SUCCEEDED = SUCCEEDED.replace(NAME, "letters-mnist-inference")
EXPIRED = f'inference_results_total{{{_WORKER},model="mnist",status="expired"}}'
RETRIES = f"inference_store_retries_total{{{_WORKER}}}"

IN_RABBITMQ = f'rabbitmq_detailed_queue_messages{{{_RABBITMQ},queue="mnist.jobs"}}'
DEAD = f'rabbitmq_detailed_queue_messages{{{_RABBITMQ},queue="mnist.dead"}}'
SHORT_OF_DISK = f"rabbitmq_alarms_free_disk_space_watermark{{{_RABBITMQ}}}"

IN_MEMORY = f"redis_memory_used_bytes{{{_REDIS}}}"
MOST_IN_MEMORY = f"redis_memory_max_bytes{{{_REDIS}}}"

CRASHES = f'kube_pod_container_status_waiting_reason{{{_WORKER},reason="CrashLoopBackOff"}}'
RUNNING = f'kube_pod_status_phase{{{_WORKER},phase="Running"}}'

KEDA_READS = f"keda_scaler_metrics_value{{{_KEDA}}}"
KEDA_ERRORS = f"keda_scaler_detail_errors_total{{{_KEDA}}}"
PAUSED = f"keda_scaled_object_paused{{{_KEDA}}}"

#: Values for a RabbitMQ that is not the chart's.
EXTERNAL = (
    "rabbitmq.enabled=false",
    "externalRabbitmq.existingSecret=broker",
    "externalRabbitmq.managementUrl=https://broker:15671/",
)


def pending(worker: int) -> str:
    """Return the series that says whether that worker waits for a node."""
    return f'kube_pod_status_phase{{namespace="default",pod="{NAME}-worker-mnist-{worker}",phase="Pending"}}'
