{{/* Keys of the Secret, and the length of each. Only letters and digits: the passwords become part of URLs and JSON. */}}
{{- define "inference.passwordLengths" -}}
ticket-key: 64
{{- if .Values.rabbitmq.enabled }}
rabbitmq-erlang-cookie: 32
{{- end }}
{{- range $server := list "rabbitmq" "redis" }}
{{- if (index $.Values $server).enabled }}
{{- range include "inference.users" (dict "root" $ "server" $server) | fromJsonArray }}
{{ $server }}-{{ . }}-password: 32
{{- end }}
{{- end }}
{{- end }}
{{- end -}}

{{/* Where nothing is generated, the values hold every password: a renderer without the cluster would make new ones each time. */}}
{{- define "inference.passwordChecks" -}}
{{- if not (or .Values.auth.generate .Values.auth.existingSecret) -}}
{{- $missing := list -}}
{{- range $key, $_ := include "inference.passwordLengths" . | fromYaml -}}
{{- if not (index $.Values.auth.passwords $key) }}{{ $missing = append $missing $key }}{{ end -}}
{{- end -}}
{{- if $missing -}}
{{- fail (printf "auth.generate is false, but auth.passwords lacks %s; set them, or name a Secret that has them in auth.existingSecret" (sortAlpha $missing | join ", ")) -}}
{{- end -}}
{{- end -}}
{{- end -}}

{{/* The passwords as JSON: from the values, else from the cluster, else new. They are made once per rendering and kept in
     .Values: otherwise the Secret and the pods' checksums would have different passwords. */}}
{{- define "inference.passwords" -}}
{{- if not (hasKey .Values "madePasswords") -}}
{{- $kept := (lookup "v1" "Secret" .Release.Namespace (include "inference.authSecret" .)).data | default dict -}}
{{- $passwords := dict -}}
{{- range $key, $length := include "inference.passwordLengths" . | fromYaml -}}
{{- $given := index $.Values.auth.passwords $key | default "" -}}
{{- $password := $given | default (index $kept $key | default "" | b64dec) -}}
{{- $_ := set $passwords $key ($password | default (randAlphaNum (int $length))) -}}
{{- end -}}
{{- $_ := set .Values "madePasswords" $passwords -}}
{{- end -}}
{{- .Values.madePasswords | toJson -}}
{{- end -}}

{{/* "root" and "side" (-api-, -worker-NAME-password, rabbitmq-, redis-): a checksum of the passwords that those pods use. */}}
{{- define "inference.passwordChecksum" -}}
{{- if .root.Values.auth.existingSecret -}}
{{- $keys := list -}}
{{- range $key, $_ := include "inference.passwordLengths" .root | fromYaml -}}
{{- if contains $.side $key }}{{ $keys = append $keys $key }}{{ end -}}
{{- end -}}
{{- include "inference.heldKeys" (dict "root" .root "secret" .root.Values.auth.existingSecret "keys" $keys) | sha256sum -}}
{{- else -}}
{{- $passwords := include "inference.passwords" .root | fromJson -}}
{{- $used := dict -}}
{{- range $key, $password := $passwords -}}
{{- if contains $.side $key }}{{ $_ := set $used $key $password }}{{ end -}}
{{- end -}}
{{- $used | toJson | sha256sum -}}
{{- end -}}
{{- end -}}
