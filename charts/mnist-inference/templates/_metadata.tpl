{{/* "root" and "more", labels of the object itself, which win: the labels of every object. No selector has them, and no pod. */}}
{{- define "inference.moreLabels" -}}
{{- with merge (deepCopy (.more | default dict)) (.root.Values.commonLabels | default dict) }}{{ toYaml . }}{{ end -}}
{{- end -}}

{{/* "root" and "own", annotations of the object itself, which win: its `annotations`, on lines of their own; nothing without any. */}}
{{- define "inference.annotations" -}}
{{- with merge (deepCopy (.own | default dict)) (.root.Values.commonAnnotations | default dict) }}
  annotations:
    {{- toYaml . | nindent 4 }}
{{- end }}
{{- end -}}

{{/* "indent" and "fields", a map: those fields that have a value, each on lines of its own. */}}
{{- define "inference.fields" -}}
{{- range $name, $value := .fields -}}
{{- if or $value (eq (toString $value) "0") }}{{ dict $name $value | toYaml | nindent (int $.indent) }}{{ end -}}
{{- end -}}
{{- end -}}
