{{/* The name of every object. KEDA allows 54 characters: this leaves 10 for a model's key and its pool. */}}
{{- define "inference.fullname" -}}
{{- if .Values.fullnameOverride -}}
{{- .Values.fullnameOverride | trunc 36 | trimSuffix "-" -}}
{{- else if contains .Chart.Name .Release.Name -}}
{{- .Release.Name | trunc 36 | trimSuffix "-" -}}
{{- else -}}
{{- printf "%s-%s" .Release.Name .Chart.Name | trunc 36 | trimSuffix "-" -}}
{{- end -}}
{{- end -}}

{{/* "root" and "component": the labels that a selector may use; they never change. */}}
{{- define "inference.selector" -}}
app.kubernetes.io/name: {{ .root.Chart.Name }}
app.kubernetes.io/instance: {{ .root.Release.Name }}
app.kubernetes.io/component: {{ .component }}
{{- end -}}

{{- define "inference.labels" -}}
{{ include "inference.selector" . }}
app.kubernetes.io/version: {{ .root.Chart.AppVersion | quote }}
app.kubernetes.io/part-of: {{ .root.Chart.Name }}
app.kubernetes.io/managed-by: {{ .root.Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .root.Chart.Name .root.Chart.Version | replace "+" "_" }}
{{- with include "inference.moreLabels" . }}
{{ . }}
{{- end }}
{{- end -}}

{{/* "root", "image" and the default tag "or": registry/repository:tag, or @digest if the values give a digest. */}}
{{- define "inference.image" -}}
{{- $registry := (.root.Values.global | default dict).imageRegistry | default .image.registry -}}
{{- $name := ternary (printf "%s/%s" $registry .image.repository) .image.repository (ne $registry "") -}}
{{- if .image.digest -}}
{{- printf "%s@%s" $name .image.digest -}}
{{- else -}}
{{- printf "%s:%s" $name (.image.tag | default .or | required (printf "the image %s has neither a tag nor a digest; set one" .image.repository) | toString) -}}
{{- end -}}
{{- end -}}

{{- define "inference.rabbitmqHost" -}}
{{ include "inference.fullname" . }}-rabbitmq.{{ .Release.Namespace }}.svc.{{ .Values.clusterDomain }}
{{- end -}}

{{- define "inference.redisHost" -}}
{{ include "inference.fullname" . }}-redis.{{ .Release.Namespace }}.svc.{{ .Values.clusterDomain }}
{{- end -}}

{{- define "inference.authSecret" -}}
{{ .Values.auth.existingSecret | default (printf "%s-auth" (include "inference.fullname" .)) }}
{{- end -}}

{{/* The Secret with the URLs of an external RabbitMQ. */}}
{{- define "inference.externalRabbitmqSecret" -}}
{{ .Values.externalRabbitmq.existingSecret | default (printf "%s-external" (include "inference.fullname" .)) }}
{{- end -}}

{{- define "inference.externalRedisSecret" -}}
{{ .Values.externalRedis.existingSecret | default (printf "%s-external" (include "inference.fullname" .)) }}
{{- end -}}

{{/* The name of the objects that all workers share: an account, KEDA's access to RabbitMQ. */}}
{{- define "inference.workersName" -}}
{{ include "inference.fullname" . }}-worker
{{- end -}}

{{/* "root", "key" and "pool" */}}
{{- define "inference.workerName" -}}
{{ include "inference.workersName" .root }}-{{ .key }}{{ if ne .pool "default" }}-{{ .pool }}{{ end }}
{{- end -}}

{{/* "root", "key" and "pool": the labels that select the workers of a pool. */}}
{{- define "inference.poolSelector" -}}
{{ include "inference.selector" (dict "root" .root "component" "worker") }}
mnist-inference/model: {{ .key | quote }}
mnist-inference/pool: {{ .pool | quote }}
{{- end -}}
