{{/* "root", "name" of a Deployment, "fixed", its number without an autoscaler, and "autoscaled": the present number, or the fixed one, or
     nothing. An autoscaler needs the field left out. But if it stood in the manifest before, Kubernetes would then fall back to 1, so the
     present number stays there:
     - Helm with server-side apply: for as long as Helm owns the field, that is, until the autoscaler has changed the number once. Later
       it would conflict with the autoscaler.
     - Helm with a client's patch: from then on; only the label shows that the last manifest had it. */}}
{{- define "inference.replicas" -}}
{{- if .autoscaled -}}
{{- $live := lookup "apps/v1" "Deployment" .root.Release.Namespace .name -}}
{{- if $live -}}
{{- $applied := false -}}
{{- $owned := false -}}
{{- range $live.metadata.managedFields -}}
{{- $fields := dig "f:spec" dict (.fieldsV1 | default dict) -}}
{{- /* Several programs may apply a part of the Deployment, such as an annotation; only its maker applies the selector. */ -}}
{{- if and (eq .operation "Apply") (hasKey $fields "f:selector") -}}
{{- $applied = true -}}
{{- $owned = or $owned (hasKey $fields "f:replicas") -}}
{{- end -}}
{{- end -}}
{{- $labelled := hasKey ($live.metadata.labels | default dict) "mnist-inference/replicas" -}}
{{- if ternary $owned $labelled $applied }}{{ $live.spec.replicas }}{{ end -}}
{{- end -}}
{{- else -}}
{{- .fixed -}}
{{- end -}}
{{- end -}}
