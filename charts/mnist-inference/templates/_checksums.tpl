{{/* "root", "secret" and "keys": as JSON, these keys of a Secret that the chart did not make. Without a cluster (`helm template`) their
     values are empty, so that the checksum stays the same. */}}
{{- define "inference.heldKeys" -}}
{{- $data := (lookup "v1" "Secret" .root.Release.Namespace .secret).data | default dict -}}
{{- $held := dict "" .secret -}}
{{- range .keys }}{{ $_ := set $held . (index $data . | default "") }}{{ end -}}
{{- $held | toJson -}}
{{- end -}}

{{/* "root" and "user" (api or worker-NAME): a checksum of the URLs and the CA with which that side connects to servers that are not the
     chart's; nothing if there are none. */}}
{{- define "inference.connectionsChecksum" -}}
{{- $v := .root.Values -}}
{{- $used := list -}}
{{- range $server, $of := dict "rabbitmq" $v.externalRabbitmq "redis" $v.externalRedis -}}
{{- if not (index $v $server).enabled -}}
{{- if $of.existingSecret -}}
{{- $used = append $used (include "inference.heldKeys" (dict "root" $.root "secret" $of.existingSecret "keys" (list (printf "%s-%s-url" $server $.user)))) -}}
{{- else -}}
{{- $used = append $used $of.url -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- with $v.ca.existingSecret -}}
{{- $used = append $used (include "inference.heldKeys" (dict "root" $.root "secret" . "keys" (list $v.ca.key))) -}}
{{- end -}}
{{- with $used }}{{ toJson . | sha256sum }}{{ end -}}
{{- end -}}
