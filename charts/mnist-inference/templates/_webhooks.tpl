{{/* The endpoints of webhooks, for the API and for the sender; nothing if there are none. A mount of the whole Secret, because
     Kubernetes then writes its changes into the running pod. */}}
{{- define "inference.webhooksMount" -}}
{{- if .Values.webhooks.existingSecret }}
- {name: webhooks, mountPath: /etc/inference-webhooks, readOnly: true}
{{- end }}
{{- end -}}

{{- define "inference.webhooksVolume" -}}
{{- with .Values.webhooks }}
{{- if .existingSecret }}
- name: webhooks
  secret:
    secretName: {{ .existingSecret }}
    items:
      - {key: {{ .key }}, path: webhooks.toml}
{{- end }}
{{- end }}
{{- end -}}
