{{/* "root", "component" and "of": the name of the pods' account; empty for the namespace's own. */}}
{{- define "inference.accountName" -}}
{{- $own := or .of.serviceAccount.create .of.protectBusy -}}
{{- .of.serviceAccount.name | default (empty $own | ternary "" (printf "%s-%s" (include "inference.fullname" .root) .component)) -}}
{{- end -}}

{{/* "root", "component", "name" and "annotations": an account, which gives nobody a token by itself. */}}
{{- define "inference.account" -}}
apiVersion: v1
kind: ServiceAccount
metadata:
  name: {{ .name }}
  labels:
    {{- include "inference.labels" . | nindent 4 }}
  {{- include "inference.annotations" (dict "root" .root "own" .annotations) }}
automountServiceAccountToken: false
{{- end -}}

{{/* The accounts that the chart makes for workers as JSON: annotations by name. */}}
{{- define "inference.workerAccounts" -}}
{{- $accounts := dict -}}
{{- range $key, $model := include "inference.models" . | fromJson -}}
{{- range $pool, $made := $model.pools -}}
{{- $of := $made.worker.serviceAccount -}}
{{- if or $of.create (and $made.worker.protectBusy (not $of.name)) -}}
{{- $name := include "inference.accountName" (dict "root" $ "component" "worker" "of" $made.worker) -}}
{{- $other := index $accounts $name -}}
{{- if and (hasKey $accounts $name) (ne (toJson $other) (toJson $of.annotations)) -}}
{{- fail (printf "the workers %s have other serviceAccount.annotations than others with the account %s, but an account has one set; give these workers a serviceAccount.name of their own" $made.name $name) -}}
{{- end -}}
{{- $_ := set $accounts $name $of.annotations -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- $accounts | toJson -}}
{{- end -}}

{{/* The names of all workers' accounts as a JSON list. */}}
{{- define "inference.workerAccountNames" -}}
{{- $names := list -}}
{{- range include "inference.models" . | fromJson -}}
{{- range .pools }}{{ $names = append $names (include "inference.accountName" (dict "root" $ "component" "worker" "of" .worker)) }}{{ end -}}
{{- end -}}
{{- $names | uniq | sortAlpha | toJson -}}
{{- end -}}
