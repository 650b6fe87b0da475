{{/* The IP families of a Service; none leaves them to the cluster. */}}
{{- define "inference.ipFamilies" -}}
{{- $families := .Values.ipFamilies -}}
{{- with .Values.ipFamilyPolicy | default (ternary "PreferDualStack" "" (eq (len $families) 2)) }}
ipFamilyPolicy: {{ . }}
{{- end }}
{{- with $families }}
ipFamilies: {{ toJson . }}
{{- end }}
{{- end -}}

{{/* The address that a service listens on. Empty is every address of both families; `::` would be IPv6 only. */}}
{{- define "inference.listenHost" -}}
{{- ternary "" "0.0.0.0" (has "IPv6" .Values.ipFamilies) -}}
{{- end -}}

{{/* Of Erlang: nodes and their tools find each other over IPv6, and by names that have no other address. */}}
{{- define "inference.distributionArguments" -}}
-kernel inetrc '/etc/rabbitmq/erl_inetrc' -proto_dist inet6_tcp
{{- end -}}

{{- define "inference.ipFamilyChecks" -}}
{{- $families := len .Values.ipFamilies -}}
{{- $policy := .Values.ipFamilyPolicy -}}
{{- if and (hasSuffix "DualStack" $policy) (lt $families 2) -}}
{{- fail (printf "ipFamilyPolicy is %s, but ipFamilies has %d of two families, and the servers listen on those only; set ipFamilies to [IPv4, IPv6], the cluster's first family first" $policy $families) -}}
{{- end -}}
{{- if and (eq $policy "SingleStack") (eq $families 2) -}}
{{- fail "ipFamilyPolicy is SingleStack, but ipFamilies has two families; remove one, or the policy" -}}
{{- end -}}
{{- end -}}
