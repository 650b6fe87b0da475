{{- define "inference.name" -}}
{{ .Values.nameOverride | default .Chart.Name }}
{{- end -}}

{{/* The name of every object. KEDA allows 54 characters: this leaves 10 for a model's key and its pool. */}}
{{- define "inference.fullname" -}}
{{- $name := include "inference.name" . -}}
{{- if .Values.fullnameOverride -}}
{{- .Values.fullnameOverride -}}
{{- else if contains $name .Release.Name -}}
{{- include "inference.shortName" .Release.Name -}}
{{- else -}}
{{- include "inference.shortName" (printf "%s-%s" .Release.Name $name) -}}
{{- end -}}
{{- end -}}

{{/* A name as it is if a Service may have it: a letter, then letters, digits and hyphens, 36 characters at most. Any other gets
     six characters of its checksum, so that two names stay different. The alias of a dependency may have capitals and `_`. */}}
{{- define "inference.shortName" -}}
{{- if and (regexMatch "^[a-z]([a-z0-9-]*[a-z0-9])?$" .) (le (len .) 36) -}}
{{- . -}}
{{- else -}}
{{- $valid := . | lower | replace "." "-" | replace "_" "-" -}}
{{- if not (regexMatch "^[a-z]" $valid) }}{{ $valid = printf "r%s" $valid }}{{ end -}}
{{- printf "%s-%s" ($valid | trunc 29 | trimSuffix "-") (sha256sum . | trunc 6) -}}
{{- end -}}
{{- end -}}

{{- define "inference.nameChecks" -}}
{{- range $value := list "nameOverride" "fullnameOverride" -}}
{{- $name := index $.Values $value -}}
{{- if and $name (not (regexMatch "^[a-z]([a-z0-9-]*[a-z0-9])?$" $name)) -}}
{{- fail (printf "%s is %s, but the names of objects begin with a small letter and have only small letters, digits and hyphens; change it" $value $name) -}}
{{- end -}}
{{- end -}}
{{- end -}}

{{/* "root" and "component": the labels that a selector may use; they never change. `toYaml` quotes a release called 123 or true. */}}
{{- define "inference.selector" -}}
app.kubernetes.io/name: {{ include "inference.name" .root | toYaml }}
app.kubernetes.io/instance: {{ .root.Release.Name | toYaml }}
app.kubernetes.io/component: {{ .component }}
{{- end -}}

{{- define "inference.labels" -}}
{{ include "inference.selector" . }}
app.kubernetes.io/version: {{ .root.Chart.AppVersion | quote }}
app.kubernetes.io/part-of: {{ .root.Chart.Name }}
app.kubernetes.io/managed-by: {{ .root.Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .root.Chart.Name .root.Chart.Version | replace "+" "_" | trunc 63 | trimSuffix "-" }}
{{- with include "inference.moreLabels" . }}
{{ . }}
{{- end }}
{{- end -}}

{{/* "root", "image" and the default tag "or": registry/repository:tag, or @digest if the values give a digest. */}}
{{- define "inference.image" -}}
{{- $name := include "inference.imageName" . -}}
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
