{{/* The paths that an Ingress or an HTTPRoute shows, as a JSON list: api.paths, each after the prefix of all calls. */}}
{{- define "inference.paths" -}}
{{- $paths := list -}}
{{- range .Values.api.paths -}}
{{- $paths = append $paths (printf "%s%s" ($.Values.api.settings.INFERENCE_PATH_PREFIX | default "") . | trimSuffix "/" | default "/") -}}
{{- end -}}
{{- $paths | toJson -}}
{{- end -}}

{{/* The path of the page alone, without all below it; empty if the page is switched off. */}}
{{- define "inference.pagePath" -}}
{{- if ne (toString .Values.api.settings.INFERENCE_PAGE) "false" }}{{ .Values.api.settings.INFERENCE_PATH_PREFIX }}/{{ end -}}
{{- end -}}

{{/* The rules of the HTTPRoute as a JSON list: one for all paths, or the user's own, each to the API. */}}
{{- define "inference.routeRules" -}}
{{- $matches := list -}}
{{- range include "inference.paths" . | fromJsonArray -}}
{{- $matches = append $matches (dict "path" (dict "type" "PathPrefix" "value" .)) -}}
{{- end -}}
{{- with include "inference.pagePath" . -}}
{{- $matches = append $matches (dict "path" (dict "type" "Exact" "value" .)) -}}
{{- end -}}
{{- /* Longer than the longest wait for a result: some gateways cut every call after 15 s. */ -}}
{{- $seconds := add 5 (.Values.api.settings.INFERENCE_MAX_WAIT_S | ceil | int) -}}
{{- $rule := dict "matches" $matches "timeouts" (dict "request" (printf "%ds" $seconds)) -}}
{{- $to := list (dict "name" (printf "%s-api" (include "inference.fullname" .)) "port" .Values.api.service.port) -}}
{{- $rules := list -}}
{{- range .Values.api.httpRoute.rules | default (list $rule) -}}
{{- $rules = append $rules (merge (dict) . (dict "backendRefs" $to)) -}}
{{- end -}}
{{- $rules | toJson -}}
{{- end -}}
