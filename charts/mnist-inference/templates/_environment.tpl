{{/* A map of settings as environment variables; null leaves the service's own default. */}}
{{- define "mnist.settings" -}}
{{- range $name, $value := . }}
{{- if not (kindIs "invalid" $value) }}
- name: {{ $name }}
  value: {{ ternary $value ($value | toJson) (kindIs "string" $value) | quote }}
{{- end }}
{{- end }}
{{- end -}}

{{/* "root", "name", "secret", "key" */}}
{{- define "mnist.fromSecret" -}}
- name: {{ .name }}
  valueFrom:
    secretKeyRef:
      name: {{ .secret }}
      key: {{ .key }}
{{- end -}}

{{/* "root" and "user" (api or worker): how that side reaches RabbitMQ and Redis. */}}
{{- define "mnist.connections" -}}
{{- $auth := include "mnist.authSecret" .root -}}
{{- if .root.Values.rabbitmq.enabled }}
{{ include "mnist.fromSecret" (dict "name" "RABBITMQ_PASSWORD" "secret" $auth "key" (printf "rabbitmq-%s-password" .user)) }}
- name: MNIST_AMQP_URL
  value: amqp://{{ .user }}:$(RABBITMQ_PASSWORD)@{{ include "mnist.rabbitmqHost" .root }}:5672/%2F
{{- else }}
{{ include "mnist.fromSecret" (dict "name" "MNIST_AMQP_URL" "secret" (include "mnist.externalRabbitmqSecret" .root) "key" (printf "rabbitmq-%s-url" .user)) }}
{{- end }}
{{- if .root.Values.redis.enabled }}
{{ include "mnist.fromSecret" (dict "name" "REDIS_PASSWORD" "secret" $auth "key" (printf "redis-%s-password" .user)) }}
- name: MNIST_REDIS_URL
  value: redis://{{ .user }}:$(REDIS_PASSWORD)@{{ include "mnist.redisHost" .root }}:6379/0
{{- else }}
{{ include "mnist.fromSecret" (dict "name" "MNIST_REDIS_URL" "secret" (include "mnist.externalRedisSecret" .root) "key" (printf "redis-%s-url" .user)) }}
{{- end }}
{{- if .root.Values.ca.existingSecret }}
- name: MNIST_CA_FILE
  value: /etc/mnist-ca/{{ .root.Values.ca.key }}
{{- end }}
{{- end -}}

{{- define "mnist.caMount" -}}
{{- if .Values.ca.existingSecret }}
- name: ca
  mountPath: /etc/mnist-ca
  readOnly: true
{{- end }}
{{- end -}}

{{- define "mnist.caVolume" -}}
{{- if .Values.ca.existingSecret }}
- name: ca
  secret:
    secretName: {{ .Values.ca.existingSecret }}
{{- end }}
{{- end -}}
