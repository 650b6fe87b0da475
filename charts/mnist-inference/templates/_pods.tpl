{{/* Pod Security "restricted" asks for this; "uid" is the user in the image, "fsGroup" owns the volumes. */}}
{{- define "inference.podSecurity" -}}
runAsNonRoot: true
runAsUser: {{ int64 .uid }}
runAsGroup: {{ int64 .gid }}
{{- if .fsGroup }}
fsGroup: {{ int64 .gid }}
fsGroupChangePolicy: OnRootMismatch
{{- end }}
seccompProfile:
  type: RuntimeDefault
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
{{- with .root.Values.imagePullSecrets }}
imagePullSecrets:
  {{- toYaml . | nindent 2 }}
{{- end }}
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

{{/* "root", "of", "component": soft spreading over the values of a node label. */}}
{{- define "inference.spread" -}}
{{- with .of.spreadOver }}
topologySpreadConstraints:
  - maxSkew: 1
    topologyKey: {{ . }}
    whenUnsatisfiable: ScheduleAnyway
    labelSelector:
      matchLabels:
        {{- include "inference.selector" $ | nindent 8 }}
{{- end }}
{{- end -}}
