{{/* A pod's own labels must not replace the labels that select it: the API server would refuse the Deployment. */}}
{{- define "inference.podLabelChecks" -}}
{{- $owners := dict "api" .Values.api "rabbitmq" .Values.rabbitmq "redis" .Values.redis "webhooks" .Values.webhooks "worker" .Values.worker -}}
{{- range $key, $model := include "inference.models" . | fromJson -}}
{{- range $pool, $made := $model.pools }}{{ $_ := set $owners (ternary (printf "models.%s.worker" $key) (printf "models.%s.pools.%s" $key $pool) (eq $pool "default")) $made.worker }}{{ end -}}
{{- end -}}
{{- $ours := list "app.kubernetes.io/name" "app.kubernetes.io/instance" "app.kubernetes.io/component" "mnist-inference/model" "mnist-inference/pool" -}}
{{- range $owner, $of := $owners -}}
{{- range $label, $_ := $of.podLabels -}}
{{- if has $label $ours -}}
{{- fail (printf "%s.podLabels has %s, but the chart selects pods by it; remove it, or use a label of another name" $owner $label) -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- end -}}
