{{/* The container with the exporter. It reaches Redis inside the pod, where no certificate tells more than the address. */}}
{{- define "inference.redisExporter" -}}
{{- $of := .Values.redis.metrics -}}
- name: metrics
  image: {{ include "inference.image" (dict "root" . "image" $of.image "or" "") | quote }}
  imagePullPolicy: {{ $of.image.pullPolicy }}
  env:
    - name: REDIS_ADDR
      value: {{ ternary "rediss" "redis" .Values.tls.enabled }}://localhost:6379
    - name: REDIS_USER
      value: exporter
    {{- include "inference.fromSecret" (dict "name" "REDIS_PASSWORD" "secret" (include "inference.authSecret" .) "key" "redis-exporter-password") | nindent 4 }}
    # Its user may not read the settings.
    - name: REDIS_EXPORTER_CONFIG_COMMAND
      value: "-"
    # It would show its password to any server that a caller names.
    - name: REDIS_EXPORTER_DISABLE_SCRAPE_ENDPOINT
      value: "true"
    {{- if .Values.tls.enabled }}
    - name: REDIS_EXPORTER_SKIP_TLS_VERIFICATION
      value: "true"
    {{- end }}
  ports:
    - {name: metrics, containerPort: 9121}
  resources:
    {{- toYaml $of.resources | nindent 4 }}
  securityContext:
    {{- include "inference.containerSecurity" . | nindent 4 }}
{{- end -}}
