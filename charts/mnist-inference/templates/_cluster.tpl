{{/* Checks against what runs in the cluster: changes that Kubernetes would refuse halfway through an upgrade, or that lose jobs.
     Where there is no cluster to ask, such as in `helm template`, they find nothing. */}}
{{- define "inference.clusterChecks" -}}
{{- range $server := list "rabbitmq" "redis" -}}
{{- $of := index $.Values $server -}}
{{- $name := printf "%s-%s" (include "inference.fullname" $) $server -}}
{{- with and $of.enabled (lookup "apps/v1" "StatefulSet" $.Release.Namespace $name) -}}
{{- if and (eq $server "rabbitmq") (lt (int $of.replicas) (int .spec.replicas)) -}}
{{- fail (printf "rabbitmq.replicas is %d, but %s has %d nodes, and the nodes that go take the majority of each queue with them; keep %d, or follow \"Fewer RabbitMQ nodes\" in docs/operations.md" (int $of.replicas) $name (int .spec.replicas) (int .spec.replicas)) -}}
{{- end -}}
{{- include "inference.volumeChecks" (dict "server" $server "name" $name "of" $of.persistence "claims" .spec.volumeClaimTemplates) -}}
{{- end -}}
{{- end -}}
{{- end -}}

{{/* "server", its StatefulSet's "name", the `persistence` "of" the values, and the StatefulSet's "claims": Kubernetes changes none of them. */}}
{{- define "inference.volumeChecks" -}}
{{- $value := printf "%s.persistence" .server -}}
{{- $entry := get (dict "rabbitmq" "Other volumes" "redis" "Another volume for Redis") .server -}}
{{- $wantsClaims := and .of.enabled (not .of.existingClaim) -}}
{{- if ne $wantsClaims (gt (len (.claims | default list)) 0) -}}
{{- fail (printf "%s.enabled is %t, but %s was made with %t, and Kubernetes does not change it; keep it, or follow %q in docs/operations.md" $value $wantsClaims .name (not $wantsClaims) $entry) -}}
{{- end -}}
{{- range .claims -}}
{{- $size := .spec.resources.requests.storage -}}
{{- if ne (include "inference.bytes" $size) (include "inference.bytes" $.of.size) -}}
{{- fail (printf "%s.size is %s, but the volumes of %s have %s, and Kubernetes does not change it here; set %s, or follow \"Larger volumes\" in docs/operations.md" $value $.of.size $.name $size $size) -}}
{{- end -}}
{{- $class := .spec.storageClassName | default "" -}}
{{- if ne $class $.of.storageClass -}}
{{- fail (printf "%s.storageClass is %q, but %s was made with %q, and Kubernetes does not change it; set that, or follow %q in docs/operations.md" $value $.of.storageClass $.name $class $entry) -}}
{{- end -}}
{{- end -}}
{{- end -}}

{{/* A quantity such as 8Gi, in bytes. */}}
{{- define "inference.bytes" -}}
{{- $number := regexFind "^[0-9.]+" . -}}
{{- $powers := dict "" 0 "k" 1 "M" 2 "G" 3 "T" 4 "P" 5 "E" 6 -}}
{{- $unit := trimPrefix $number . -}}
{{- $bytes := float64 $number -}}
{{- range until (index $powers (trimSuffix "i" $unit) | int) -}}
{{- $bytes = mulf $bytes (ternary 1024.0 1000.0 (hasSuffix "i" $unit)) -}}
{{- end -}}
{{- $bytes | toString -}}
{{- end -}}
