{{/* The models as JSON, by key: "text", the spec file; "spec", its content; "isOurs", whether it is a file of the chart;
     "pools", each with its "name", "worker" and "autoscaling". They are made once per rendering and kept in .Values. */}}
{{- define "inference.models" -}}
{{- if not (hasKey .Values "madeModels") -}}
{{- $models := dict -}}
{{- range $key, $of := .Values.models -}}
{{- if not (kindIs "invalid" $of) -}}
{{- $text := include "inference.specText" (dict "root" $ "key" $key "spec" $of.spec) -}}
{{- $spec := include "inference.checkedSpec" (dict "key" $key "text" $text) | fromJson -}}
{{- $pools := include "inference.pools" (dict "root" $ "key" $key "of" $of) | fromJson -}}
{{- $_ := set $models $key (dict "text" $text "spec" $spec "isOurs" (not $of.spec) "pools" $pools) -}}
{{- end -}}
{{- end -}}
{{- $_ := set .Values "madeModels" $models -}}
{{- end -}}
{{- .Values.madeModels | toJson -}}
{{- end -}}

{{/* "root", "key" and "spec": the text of the spec file, from the values, else from a file of the chart. */}}
{{- define "inference.specText" -}}
{{- if kindIs "map" .spec }}{{ .spec | toPrettyJson }}{{ else }}{{ .spec | default (.root.Files.Get (printf "files/specs/%s.json" .key)) }}{{ end -}}
{{- end -}}

{{/* "key" and "text": the spec as JSON, without the example. */}}
{{- define "inference.checkedSpec" -}}
{{- $remedy := printf "write it with `python -m inference_worker describe MODULE:CLASS > %s.json` and add --set-file models.%s.spec=%s.json" .key .key .key -}}
{{- if not (trim .text) -}}
{{- fail (printf "models.%s.spec is empty, and the chart has no files/specs/%s.json, but every model needs a spec; %s" .key .key $remedy) -}}
{{- end -}}
{{- $spec := fromJson .text -}}
{{- range list "name" "version" "queue_prefix" "max_body_bytes" -}}
{{- if not (hasKey $spec .) -}}
{{- fail (printf "models.%s.spec has no %s, but a spec file has; %s" $.key . $remedy) -}}
{{- end -}}
{{- end -}}
{{- omit $spec "example" | toJson -}}
{{- end -}}

{{/* "root", "key" and "of", an entry of models: its pools as JSON, by name. The pool "default" is there unless it is null. */}}
{{- define "inference.pools" -}}
{{- $worker := mergeOverwrite (deepCopy .root.Values.worker) (deepCopy (.of.worker | default dict)) -}}
{{- $autoscaling := mergeOverwrite (deepCopy .root.Values.autoscaling) (deepCopy (.of.autoscaling | default dict)) -}}
{{- $pools := dict -}}
{{- $given := .of.pools | default dict -}}
{{- range $pool := append (keys $given) "default" | uniq -}}
{{- $own := index $given $pool | default dict | deepCopy -}}
{{- if not (and (hasKey $given $pool) (kindIs "invalid" (index $given $pool))) -}}
{{- $name := include "inference.workerName" (dict "root" $.root "key" $.key "pool" $pool) -}}
{{- $_ := set $pools $pool (dict
      "name" $name
      "worker" (mergeOverwrite (deepCopy $worker) (omit $own "autoscaling"))
      "autoscaling" (mergeOverwrite (deepCopy $autoscaling) ($own.autoscaling | default dict))) -}}
{{- end -}}
{{- end -}}
{{- $pools | toJson -}}
{{- end -}}

{{/* The first parts of the queues' names as JSON, by the model's name: a name may have several versions. */}}
{{- define "inference.prefixes" -}}
{{- $prefixes := dict -}}
{{- range include "inference.models" . | fromJson -}}
{{- $_ := set $prefixes .spec.name (append (index $prefixes .spec.name | default list) .spec.queue_prefix | sortAlpha) -}}
{{- end -}}
{{- $prefixes | toJson -}}
{{- end -}}

{{/* The same as one list, sorted. */}}
{{- define "inference.allPrefixes" -}}
{{- $all := list -}}
{{- range include "inference.prefixes" . | fromJson }}{{ $all = concat $all . }}{{ end -}}
{{- $all | sortAlpha | toJson -}}
{{- end -}}

{{/* Names as a regular expression. */}}
{{- define "inference.anyOf" -}}
{{- $quoted := list -}}
{{- range . }}{{ $quoted = append $quoted (regexQuoteMeta .) }}{{ end -}}
{{- if eq (len $quoted) 1 }}{{ first $quoted }}{{ else }}({{ join "|" $quoted }}){{ end -}}
{{- end -}}

{{/* "root" and "server", rabbitmq or redis: its users as a JSON list. */}}
{{- define "inference.users" -}}
{{- $users := list "api" -}}
{{- range $name, $_ := include "inference.prefixes" .root | fromJson }}{{ $users = append $users (printf "worker-%s" $name) }}{{ end -}}
{{- if eq .server "rabbitmq" }}{{ $users = append $users "autoscaler" }}{{ end -}}
{{- if and (eq .server "redis") .root.Values.webhooks.existingSecret }}{{ $users = append $users "hooks" }}{{ end -}}
{{- if and (eq .server "redis") .root.Values.redis.metrics.enabled }}{{ $users = append $users "exporter" }}{{ end -}}
{{- append $users "operator" | toJson -}}
{{- end -}}

{{/* The variable with a user's password. */}}
{{- define "inference.passwordVariable" -}}
{{ . | upper | replace "-" "_" }}_PASSWORD
{{- end -}}
