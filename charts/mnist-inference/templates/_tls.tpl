{{/* Whether the chart runs a server with TLS: "true" or nothing. */}}
{{- define "inference.hasTls" -}}
{{- if and .Values.tls.enabled (or .Values.rabbitmq.enabled .Values.redis.enabled) }}true{{ end -}}
{{- end -}}

{{/* The Secret with the certificate of the chart's own servers, in cert-manager's form. */}}
{{- define "inference.tlsSecret" -}}
{{ .Values.tls.existingSecret | default (printf "%s-tls" (include "inference.fullname" .)) }}
{{- end -}}

{{/* The CA of RabbitMQ and Redis as JSON, "secret" and "key"; an empty object for the system's CAs. */}}
{{- define "inference.ca" -}}
{{- $ca := dict -}}
{{- if include "inference.hasTls" . }}{{ $ca = dict "secret" (include "inference.tlsSecret" .) "key" "ca.crt" }}{{ end -}}
{{- with .Values.ca.existingSecret }}{{ $ca = dict "secret" . "key" $.Values.ca.key }}{{ end -}}
{{- $ca | toJson -}}
{{- end -}}

{{- define "inference.amqpPort" -}}
{{ ternary 5671 5672 .Values.tls.enabled }}
{{- end -}}

{{- define "inference.managementPort" -}}
{{ ternary 15671 15672 .Values.tls.enabled }}
{{- end -}}

{{/* "root" and "host": the address of the management API there. */}}
{{- define "inference.managementUrl" -}}
{{ ternary "https" "http" .root.Values.tls.enabled }}://{{ .host }}:{{ include "inference.managementPort" .root }}/
{{- end -}}

{{/* The names under which the pods call the servers, and `localhost` for a port-forward. */}}
{{- define "inference.tlsNames" -}}
{{- $name := include "inference.fullname" . -}}
{{- $domain := printf "%s.svc.%s" .Release.Namespace .Values.clusterDomain -}}
{{- list
      (include "inference.rabbitmqHost" .)
      (printf "*.%s-rabbitmq-nodes.%s" $name $domain)
      (printf "%s-rabbitmq" $name)
      (include "inference.redisHost" .)
      (printf "%s-redis" $name)
      "localhost" | toJson -}}
{{- end -}}

{{- define "inference.tlsVolume" -}}
- name: tls
  secret:
    secretName: {{ include "inference.tlsSecret" . }}
    defaultMode: 0440
{{- end -}}

{{/* RabbitMQ reads changed files by itself, within minutes. */}}
{{- define "inference.rabbitmqTls" -}}
listeners.tcp = none
listeners.ssl.default = {{ include "inference.amqpPort" . }}
management.ssl.port = {{ include "inference.managementPort" . }}
{{- range list "ssl_options" "management.ssl" }}
{{ . }}.cacertfile = /tls/ca.crt
{{ . }}.certfile = /tls/tls.crt
{{ . }}.keyfile = /tls/tls.key
{{- end }}
# Clients have passwords, not certificates.
ssl_options.verify = verify_none
{{- end -}}

{{- define "inference.redisTls" -}}
port 0
tls-port 6379
tls-cert-file /tls/tls.crt
tls-key-file /tls/tls.key
tls-ca-cert-file /tls/ca.crt
# Clients have passwords, not certificates.
tls-auth-clients no
{{- end -}}

{{/* A probe that finds Redis's port open, even while Redis answers LOADING. With TLS, Redis would log each connection that
     ends without a word. */}}
{{- define "inference.redisOpen" -}}
{{- if .Values.tls.enabled -}}
exec:
  command: [redis-cli, --tls, --insecure, --user, api, --no-auth-warning, ping]
{{- else -}}
tcpSocket:
  port: redis
{{- end -}}
{{- end -}}

{{/* A shell script that tells Redis to read its certificate again whenever the files change. */}}
{{- define "inference.redisReload" -}}
trap 'exit 0' TERM
seen=""
while true; do
  files=$(cat /tls/tls.crt /tls/tls.key /tls/ca.crt | cksum)
  if [ "$files" != "$seen" ] && redis-cli --tls --insecure --user operator --no-auth-warning config set \
    tls-cert-file /tls/tls.crt tls-key-file /tls/tls.key tls-ca-cert-file /tls/ca.crt | grep -q OK; then
    seen=$files
    echo "Redis has read its certificate"
  fi
  sleep 10 & wait $!
done
{{- end -}}

{{- define "inference.tlsChecks" -}}
{{- $of := .Values.tls -}}
{{- if and $of.enabled (not $of.existingSecret) (not $of.certManager.enabled) -}}
{{- fail "tls.enabled is true, but there is no certificate; set tls.existingSecret, or tls.certManager.enabled" -}}
{{- end -}}
{{- if and $of.existingSecret $of.certManager.enabled -}}
{{- fail (printf "tls.existingSecret is %s, but tls.certManager.enabled makes another Secret; set one of them" $of.existingSecret) -}}
{{- end -}}
{{- if and $of.enabled $of.certManager.issuerRef (not $of.certManager.issuerRef.name) -}}
{{- fail "tls.certManager.issuerRef has no name, but cert-manager finds an issuer by its name; set tls.certManager.issuerRef.name, or leave issuerRef empty for a CA of the release's own" -}}
{{- end -}}
{{- if and $of.enabled $of.certManager.enabled (.Capabilities.APIVersions.Has "apiregistration.k8s.io/v1") (not (.Capabilities.APIVersions.Has "cert-manager.io/v1/Certificate")) -}}
{{- fail "tls.certManager.enabled is true, but this cluster has no cert-manager (no cert-manager.io/v1 Certificate); install it first, or set tls.existingSecret" -}}
{{- end -}}
{{- end -}}
