{{/* "root" and "image": registry/repository. */}}
{{- define "inference.imageName" -}}
{{- $registry := (.root.Values.global | default dict).imageRegistry | default .image.registry -}}
{{- ternary (printf "%s/%s" $registry .image.repository) .image.repository (ne $registry "") -}}
{{- end -}}

{{/* The names of our own images begin with a registry. */}}
{{- define "inference.imageChecks" -}}
{{- include "inference.imageCheck" (dict "root" . "image" .Values.api.image "path" "api" "remedy" "api.image.registry") -}}
{{- range $key, $model := include "inference.models" . | fromJson -}}
{{- range $pool, $made := $model.pools -}}
{{- $path := ternary (printf "models.%s" $key) (printf "models.%s.pools.%s" $key $pool) (eq $pool "default") -}}
{{- include "inference.imageCheck" (dict "root" $ "image" $made.worker.image "path" $path "remedy" "worker.image.registry") -}}
{{- end -}}
{{- end -}}
{{- end -}}

{{/* "root", "image", the "path" of its owner in the values and the "remedy". A registry has a dot or a port, or is localhost:
     any other name is one of Docker Hub's. */}}
{{- define "inference.imageCheck" -}}
{{- $name := include "inference.imageName" . -}}
{{- if not (regexMatch "^([^/]*[.:][^/]*|localhost)/" $name) -}}
{{- fail (printf "%s runs the image %s, but its name has no registry, and anybody may own it on Docker Hub; set global.imageRegistry or %s, such as registry.example.org" .path $name .remedy) -}}
{{- end -}}
{{- end -}}
