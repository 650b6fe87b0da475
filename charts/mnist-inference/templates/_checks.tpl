{{/* Checks that a schema cannot express. Every message names the value, the rule and the remedy. */}}
{{- define "inference.checks" -}}
{{- $v := .Values -}}
{{- $settings := $v.settings -}}
{{- if lt (int64 $settings.INFERENCE_RESULT_TTL_S) (add (int64 $settings.INFERENCE_JOB_TTL_S) 60) -}}
{{- fail (printf "settings.INFERENCE_RESULT_TTL_S is %d, but must be at least settings.INFERENCE_JOB_TTL_S + 60 = %d, or an expired result would read as pending; raise it" (int64 $settings.INFERENCE_RESULT_TTL_S) (add (int64 $settings.INFERENCE_JOB_TTL_S) 60)) -}}
{{- end -}}
{{- $api := $v.api.settings -}}
{{- if and $api.INFERENCE_MAX_BYTES $api.INFERENCE_MAX_BUFFERED_BYTES (lt (int64 $api.INFERENCE_MAX_BUFFERED_BYTES) (add (int64 $api.INFERENCE_MAX_BYTES) 65536)) -}}
{{- fail (printf "api.settings.INFERENCE_MAX_BUFFERED_BYTES is %d, but must be at least api.settings.INFERENCE_MAX_BYTES + 65536 = %d, or the largest picture would never be taken; raise it" (int64 $api.INFERENCE_MAX_BUFFERED_BYTES) (add (int64 $api.INFERENCE_MAX_BYTES) 65536)) -}}
{{- end -}}
{{- $external := $v.externalRabbitmq -}}
{{- if and (not $v.rabbitmq.enabled) (not $external.url) (not $external.existingSecret) -}}
{{- fail "rabbitmq.enabled is false and there is no other RabbitMQ; set externalRabbitmq.url or externalRabbitmq.existingSecret" -}}
{{- end -}}
{{- if and (not $v.redis.enabled) (not $v.externalRedis.url) (not $v.externalRedis.existingSecret) -}}
{{- fail "redis.enabled is false and there is no other Redis; set externalRedis.url or externalRedis.existingSecret" -}}
{{- end -}}
{{- if and $v.api.ingress.enabled (not $v.api.ingress.hosts) -}}
{{- fail "api.ingress.enabled is true, but api.ingress.hosts is empty; name at least one host" -}}
{{- end -}}
{{- if and $v.api.httpRoute.enabled (not $v.api.httpRoute.parentRefs) -}}
{{- fail "api.httpRoute.enabled is true, but api.httpRoute.parentRefs is empty; name a gateway" -}}
{{- end -}}
{{- if $v.autoscaling.enabled -}}
{{- if and (eq $v.autoscaling.source "queue") (not $v.rabbitmq.enabled) (not $external.managementUrl) -}}
{{- fail "autoscaling.enabled is true, but externalRabbitmq.managementUrl is empty: KEDA counts jobs over RabbitMQ's management API; set it, such as https://rabbitmq.example.org:15671/, or set autoscaling.source=wait, which does without" -}}
{{- end -}}
{{- if gt (int $v.autoscaling.minReplicas) (int $v.autoscaling.maxReplicas) -}}
{{- fail (printf "autoscaling.minReplicas is %d, but must not be above autoscaling.maxReplicas = %d; lower it" (int $v.autoscaling.minReplicas) (int $v.autoscaling.maxReplicas)) -}}
{{- end -}}
{{- /* Every cluster serves apiregistration.k8s.io; `helm template` and `helm lint` without a cluster do not know it. */ -}}
{{- if and (.Capabilities.APIVersions.Has "apiregistration.k8s.io/v1") (not (.Capabilities.APIVersions.Has "keda.sh/v1alpha1/ScaledObject")) -}}
{{- fail "autoscaling.enabled is true, but this cluster has no KEDA (no keda.sh/v1alpha1 ScaledObject); install KEDA first, or set autoscaling.enabled=false and worker.replicas" -}}
{{- end -}}
{{- end -}}
{{- end -}}
