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
  value: amqp://{{ .user }}:$(RABBITMQ_PASSWORD)@{{ include "inference.rabbitmqHost" .root }}:5672/%2F
{{- else }}
{{ include "inference.fromSecret" (dict "name" "INFERENCE_AMQP_URL" "secret" (include "inference.externalRabbitmqSecret" .root) "key" (printf "rabbitmq-%s-url" .user)) }}
{{- end }}
{{- if .root.Values.redis.enabled }}
{{ include "inference.fromSecret" (dict "name" "REDIS_PASSWORD" "secret" $auth "key" (printf "redis-%s-password" .user)) }}
- name: INFERENCE_REDIS_URL
  value: redis://{{ .user }}:$(REDIS_PASSWORD)@{{ include "inference.redisHost" .root }}:6379/0
{{- else }}
{{ include "inference.fromSecret" (dict "name" "INFERENCE_REDIS_URL" "secret" (include "inference.externalRedisSecret" .root) "key" (printf "redis-%s-url" .user)) }}
{{- end }}
{{- if .root.Values.ca.existingSecret }}
- name: INFERENCE_CA_FILE
  value: /etc/inference-ca/{{ .root.Values.ca.key }}
{{- end }}
{{- end -}}

{{- define "inference.caMount" -}}
{{- if .Values.ca.existingSecret }}
- name: ca
  mountPath: /etc/inference-ca
  readOnly: true
{{- end }}
{{- end -}}

{{- define "inference.caVolume" -}}
{{- if .Values.ca.existingSecret }}
- name: ca
  secret:
    secretName: {{ .Values.ca.existingSecret }}
{{- end }}
{{- end -}}
