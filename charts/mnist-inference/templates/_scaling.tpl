{{/* An `autoscaling`: seconds between two polls of KEDA. The API's figure is fresh and cheap, RabbitMQ's is neither. */}}
{{- define "inference.pollingInterval" -}}
{{- if kindIs "invalid" .pollingInterval }}{{ ternary 1 5 (eq .source "wait") }}{{ else }}{{ .pollingInterval }}{{ end }}
{{- end -}}

{{/* "root", the "prefix" of a model's queues, "pool", its "worker" and "of", its autoscaling: the URL of the number of wanted workers. After a result a worker
     stays wanted for two polls and a second, so that KEDA also sees a job that is done between two polls. */}}
{{- define "inference.scalingUrl" -}}
{{- $v := .root.Values -}}
{{- $host := printf "%s-api-operations.%s.svc.%s" (include "inference.fullname" .root) .root.Release.Namespace $v.clusterDomain -}}
{{- $recent := add 1 (mul 2 (include "inference.pollingInterval" .of | int)) -}}
{{- printf "http://%s:%d/scaling/%s?pool=%s&target_wait_s=%s&recent_s=%d&throughput=%s&solo_throughput=%s" $host (int $v.api.settings.INFERENCE_OPERATIONS_PORT) .prefix .pool (.of.targetWaitSeconds | toJson) $recent (.worker.throughputPerReplica | toJson) (.worker.soloThroughputPerReplica | toJson) -}}
{{- end -}}
