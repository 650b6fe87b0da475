{{/* "root", "uid", the user in the image, "gid", and "fsGroup", whether the group owns the volumes: Pod Security "restricted" asks for this.
     OpenShift chooses the user and the groups of a namespace itself. */}}
{{- define "inference.podSecurity" -}}
{{- $fixed := not (include "inference.choosesUser" .root) -}}
runAsNonRoot: true
{{- if and $fixed .uid }}
runAsUser: {{ int64 .uid }}
{{- end }}
{{- if and $fixed .gid }}
runAsGroup: {{ int64 .gid }}
{{- end }}
{{- if .fsGroup }}
{{- if and $fixed .gid }}
fsGroup: {{ int64 .gid }}
{{- end }}
fsGroupChangePolicy: OnRootMismatch
{{- end }}
seccompProfile:
  type: RuntimeDefault
{{- end -}}

{{/* "true" where the platform chooses the users of pods. */}}
{{- define "inference.choosesUser" -}}
{{- $mode := (((.Values.global).compatibility).openshift).adaptSecurityContext | default "auto" -}}
{{- if or (eq $mode "force") (and (eq $mode "auto") (.Capabilities.APIVersions.Has "security.openshift.io/v1")) }}true{{ end -}}
{{- end -}}

{{- define "inference.containerSecurity" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
capabilities:
  drop: [ALL]
{{- end -}}

{{/* "root" and "of": the common part of all pod templates. No token: a pod that calls Kubernetes mounts its own.
     No service links: a Service named "inference" would set INFERENCE_PORT, a Service named "rabbitmq" RABBITMQ_PORT. */}}
{{- define "inference.podCommon" -}}
automountServiceAccountToken: false
enableServiceLinks: false
{{- $secrets := include "inference.pullSecrets" .root | fromJsonArray }}
{{- include "inference.fields" (dict "indent" 0 "fields" (dict
      "imagePullSecrets" $secrets "schedulerName" .of.schedulerName "hostAliases" .of.hostAliases
      "dnsPolicy" .of.dnsPolicy "dnsConfig" .of.dnsConfig)) }}
{{- with .of.priorityClassName }}
priorityClassName: {{ . }}
{{- end }}
{{- with .of.nodeSelector }}
nodeSelector:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .of.tolerations }}
tolerations:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .of.affinity }}
affinity:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end -}}

{{/* The Secrets to pull images with, given as strings or as maps, as a JSON list of maps. */}}
{{- define "inference.pullSecrets" -}}
{{- $names := list -}}
{{- range concat ((.Values.global).imagePullSecrets | default list) (.Values.imagePullSecrets | default list) -}}
{{- if kindIs "map" . }}{{ $names = append $names .name }}{{ else }}{{ $names = append $names . }}{{ end -}}
{{- end -}}
{{- $secrets := list -}}
{{- range $names | uniq }}{{ $secrets = append $secrets (dict "name" .) }}{{ end -}}
{{- $secrets | toJson -}}
{{- end -}}

{{/* "of" and "selector", the labels of its pods: soft spreading over the values of a node label, and the constraints of the values. They
     count the pods with these labels, unless they say otherwise. */}}
{{- define "inference.spread" -}}
{{- $pods := dict "matchLabels" (.selector | fromYaml) -}}
{{- $wanted := .of.topologySpreadConstraints | default list -}}
{{- with .of.spreadOver }}{{ $wanted = prepend $wanted (dict "maxSkew" 1 "topologyKey" . "whenUnsatisfiable" "ScheduleAnyway") }}{{ end -}}
{{- $constraints := list -}}
{{- range $wanted }}{{ $constraints = append $constraints (set (deepCopy .) "labelSelector" (.labelSelector | default $pods)) }}{{ end -}}
{{- include "inference.fields" (dict "indent" 0 "fields" (dict "topologySpreadConstraints" $constraints)) -}}
{{- end -}}
