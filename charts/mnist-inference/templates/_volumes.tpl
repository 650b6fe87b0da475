{{/* "root", "component" and "of", a StatefulSet's values: the claims of its pods' volumes. Kubernetes allows no change of them, so they have
     none of the labels and annotations of every object. */}}
{{- define "inference.claims" -}}
{{- $of := .of.persistence -}}
{{- if and $of.enabled (not $of.existingClaim) }}
persistentVolumeClaimRetentionPolicy:
  whenDeleted: {{ $of.whenDeleted }}
  whenScaled: Retain
volumeClaimTemplates:
  - apiVersion: v1
    kind: PersistentVolumeClaim
    metadata:
      name: data
      labels:
        {{- include "inference.selector" . | nindent 8 }}
        {{- with $of.labels }}{{ toYaml . | nindent 8 }}{{ end }}
      {{- include "inference.fields" (dict "indent" 6 "fields" (dict "annotations" $of.annotations)) }}
    spec:
      accessModes: {{ $of.accessModes | toJson }}
      {{- with $of.storageClass }}
      storageClassName: {{ . }}
      {{- end }}
      resources:
        requests:
          storage: {{ $of.size }}
{{- end }}
{{- end -}}

{{/* A StatefulSet's `persistence`: its pods' volume, unless a claim template makes it. */}}
{{- define "inference.dataVolume" -}}
{{- if not .enabled }}
- name: data
  emptyDir: {}
{{- else if .existingClaim }}
- name: data
  persistentVolumeClaim:
    claimName: {{ .existingClaim }}
{{- end }}
{{- end -}}
