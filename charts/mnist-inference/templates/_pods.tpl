{{/* What Pod Security "restricted" asks of a pod; "uid" is the user in the image, "fsGroup" owns the volumes. */}}
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

{{/* "root" and "of": what each pod template has alike. No token: what speaks to Kubernetes mounts its own.
     No service links: a Service called "mnist" would set INFERENCE_PORT, one called "rabbitmq" RABBITMQ_PORT. */}}
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
