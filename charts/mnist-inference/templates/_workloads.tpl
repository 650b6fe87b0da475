{{/* Checks of the values that the workloads share. */}}
{{- define "inference.workloadChecks" -}}
{{- $rabbitmq := .Values.rabbitmq -}}
{{- if and $rabbitmq.persistence.existingClaim (gt (int $rabbitmq.replicas) 1) -}}
{{- fail (printf "rabbitmq.persistence.existingClaim is %s, but rabbitmq.replicas is %d, and each node needs a volume of its own; leave it empty, or run one node" $rabbitmq.persistence.existingClaim (int $rabbitmq.replicas)) -}}
{{- end -}}
{{- $scaled := .Values.api.autoscaling -}}
{{- if and $scaled.enabled (gt (int $scaled.minReplicas) (int $scaled.maxReplicas)) -}}
{{- fail (printf "api.autoscaling.minReplicas is %d, but it must not be above api.autoscaling.maxReplicas = %d; lower it" (int $scaled.minReplicas) (int $scaled.maxReplicas)) -}}
{{- end -}}
{{- $service := .Values.api.service -}}
{{- if eq $service.type "ClusterIP" -}}
{{- range $name := list "nodePort" "externalTrafficPolicy" -}}
{{- with index $service $name -}}
{{- fail (printf "api.service.%s is %v, but a Service of the type ClusterIP has none; set api.service.type to NodePort or LoadBalancer" $name .) -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- if ne $service.type "LoadBalancer" -}}
{{- range $name := list "loadBalancerClass" "loadBalancerSourceRanges" -}}
{{- with index $service $name -}}
{{- fail (printf "api.service.%s is %v, but a Service of the type %s has none; set api.service.type to LoadBalancer" $name . $service.type) -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- end -}}
