{{/* A map of settings as environment variables; null keeps the service's default. */}}
{{- define "inference.settings" -}}
{{- range $name, $value := . }}
{{- if not (kindIs "invalid" $value) }}
- name: {{ $name }}
  value: {{ ternary $value ($value | toJson) (kindIs "string" $value) | quote }}
{{- end }}
{{- end }}
{{- end -}}

{{/* "root", "name", "secret", "key" */}}
{{- define "inference.fromSecret" -}}
- name: {{ .name }}
  valueFrom:
    secretKeyRef:
      name: {{ .secret }}
      key: {{ .key }}
{{- end -}}

{{/* "root" and "user" (api or worker-NAME): the variables with that side's URLs of RabbitMQ and Redis. */}}
{{- define "inference.connections" -}}
{{- $auth := include "inference.authSecret" .root -}}
{{- if .root.Values.rabbitmq.enabled }}
{{ include "inference.fromSecret" (dict "name" "RABBITMQ_PASSWORD" "secret" $auth "key" (printf "rabbitmq-%s-password" .user)) }}
- name: INFERENCE_AMQP_URL
  value: {{ ternary "amqps" "amqp" .root.Values.tls.enabled }}://{{ .user }}:$(RABBITMQ_PASSWORD)@{{ include "inference.rabbitmqHost" .root }}:{{ include "inference.amqpPort" .root }}/%2F
{{- else }}
{{ include "inference.fromSecret" (dict "name" "INFERENCE_AMQP_URL" "secret" (include "inference.externalRabbitmqSecret" .root) "key" (printf "rabbitmq-%s-url" .user)) }}
{{- end }}
{{- include "inference.redisConnection" . }}
{{- end -}}

{{/* "root" and "user" (also hooks): the variables with that side's URL of Redis and with the CA. */}}
{{- define "inference.redisConnection" -}}
{{- $auth := include "inference.authSecret" .root -}}
{{- if .root.Values.redis.enabled }}
{{ include "inference.fromSecret" (dict "name" "REDIS_PASSWORD" "secret" $auth "key" (printf "redis-%s-password" .user)) }}
- name: INFERENCE_REDIS_URL
  value: {{ ternary "rediss" "redis" .root.Values.tls.enabled }}://{{ .user }}:$(REDIS_PASSWORD)@{{ include "inference.redisHost" .root }}:6379/0
{{- else }}
{{ include "inference.fromSecret" (dict "name" "INFERENCE_REDIS_URL" "secret" (include "inference.externalRedisSecret" .root) "key" (printf "redis-%s-url" .user)) }}
{{- end }}
{{- with include "inference.ca" .root | fromJson }}
- name: INFERENCE_CA_FILE
  value: /etc/inference-ca/{{ .key }}
{{- end }}
{{- end -}}

{{- define "inference.caMount" -}}
{{- if include "inference.ca" . | fromJson }}
- name: ca
  mountPath: /etc/inference-ca
  readOnly: true
{{- end }}
{{- end -}}

{{- define "inference.caVolume" -}}
{{- with include "inference.ca" . | fromJson }}
- name: ca
  secret:
    secretName: {{ .secret }}
    items:
      - {key: {{ .key }}, path: {{ .key }}}
{{- end }}
{{- end -}}
