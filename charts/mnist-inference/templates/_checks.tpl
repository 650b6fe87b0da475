{{/* Checks that a schema cannot express. Every message names the value, the rule and the remedy. */}}
{{- define "inference.checks" -}}
{{- $v := .Values -}}
{{- $settings := $v.settings -}}
{{- if lt (int64 $settings.INFERENCE_RESULT_TTL_S) (add (int64 $settings.INFERENCE_JOB_TTL_S) 60) -}}
{{- fail (printf "settings.INFERENCE_RESULT_TTL_S is %d, but must be at least settings.INFERENCE_JOB_TTL_S + 60 = %d, or an expired result would read as pending; raise it" (int64 $settings.INFERENCE_RESULT_TTL_S) (add (int64 $settings.INFERENCE_JOB_TTL_S) 60)) -}}
{{- end -}}
{{- $api := $v.api.settings -}}
{{- if and $api.INFERENCE_MAX_BYTES $api.INFERENCE_MAX_BUFFERED_BYTES (lt (int64 $api.INFERENCE_MAX_BUFFERED_BYTES) (add (int64 $api.INFERENCE_MAX_BYTES) 65536)) -}}
{{- fail (printf "api.settings.INFERENCE_MAX_BUFFERED_BYTES is %d, but must be at least api.settings.INFERENCE_MAX_BYTES + 65536 = %d, or the largest picture would never be taken; raise it" (int64 $api.INFERENCE_MAX_BUFFERED_BYTES) (add (int64 $api.INFERENCE_MAX_BYTES) 65536)) -}}
{{- end -}}
{{- if eq (int $api.INFERENCE_OPERATIONS_PORT) (int $api.INFERENCE_PORT) -}}
{{- fail (printf "api.settings.INFERENCE_OPERATIONS_PORT is %d, but api.settings.INFERENCE_PORT is the same, and a port has one server; change one" (int $api.INFERENCE_PORT)) -}}
{{- end -}}
{{- include "inference.nameChecks" . -}}
{{- include "inference.modelChecks" . -}}
{{- include "inference.imageChecks" . -}}
{{- include "inference.podLabelChecks" . -}}
{{- include "inference.passwordChecks" . -}}
{{- include "inference.workloadChecks" . -}}
{{- include "inference.ipFamilyChecks" . -}}
{{- include "inference.clusterChecks" . -}}
{{- $external := $v.externalRabbitmq -}}
{{- if and (not $v.rabbitmq.enabled) (not $external.url) (not $external.existingSecret) -}}
{{- fail "rabbitmq.enabled is false and there is no other RabbitMQ; set externalRabbitmq.url or externalRabbitmq.existingSecret" -}}
{{- end -}}
{{- if and (not $v.redis.enabled) (not $v.externalRedis.url) (not $v.externalRedis.existingSecret) -}}
{{- fail "redis.enabled is false and there is no other Redis; set externalRedis.url or externalRedis.existingSecret" -}}
{{- end -}}
{{- include "inference.tlsChecks" . -}}
{{- if and $v.api.ingress.enabled (not $v.api.ingress.hosts) -}}
{{- fail "api.ingress.enabled is true, but api.ingress.hosts is empty; name at least one host" -}}
{{- end -}}
{{- if and $v.api.httpRoute.enabled (not $v.api.httpRoute.parentRefs) -}}
{{- fail "api.httpRoute.enabled is true, but api.httpRoute.parentRefs is empty; name a gateway" -}}
{{- end -}}
{{- if $v.autoscaling.enabled -}}
{{- if and (eq $v.autoscaling.source "queue") (not $v.rabbitmq.enabled) (not $external.managementUrl) -}}
{{- fail "autoscaling.enabled is true, but externalRabbitmq.managementUrl is empty: KEDA counts jobs over RabbitMQ's management API; set it, such as https://rabbitmq.example.org:15671/, or set autoscaling.source=wait, which does without" -}}
{{- end -}}
{{- if and (eq $v.autoscaling.source "queue") (not $v.rabbitmq.enabled) (not $external.existingSecret) (or (not $external.managementUsername) (not $external.managementPassword)) -}}
{{- fail "autoscaling.enabled is true, but externalRabbitmq.managementUsername or externalRabbitmq.managementPassword is empty, so RabbitMQ would refuse KEDA; set both, or set autoscaling.source=wait, which does without" -}}
{{- end -}}
{{- /* Every cluster serves apiregistration.k8s.io; `helm template` and `helm lint` without a cluster do not know it. */ -}}
{{- if and (.Capabilities.APIVersions.Has "apiregistration.k8s.io/v1") (not (.Capabilities.APIVersions.Has "keda.sh/v1alpha1/ScaledObject")) -}}
{{- fail "autoscaling.enabled is true, but this cluster has no KEDA (no keda.sh/v1alpha1 ScaledObject); install KEDA first, or set autoscaling.enabled=false and worker.replicas" -}}
{{- end -}}
{{- end -}}
{{- end -}}

{{- define "inference.modelChecks" -}}
{{- $models := include "inference.models" . | fromJson -}}
{{- if not $models -}}
{{- fail "models is empty, but a release serves at least one model; name one, such as models.mnist={}" -}}
{{- end -}}
{{- $prefixes := include "inference.prefixes" . | fromJson -}}
{{- if and .Values.defaultModel (not (hasKey $prefixes .Values.defaultModel)) -}}
{{- fail (printf "defaultModel is %s, but the names of the models are %s; choose one of them, or null" .Values.defaultModel (keys $prefixes | sortAlpha | join ", ")) -}}
{{- end -}}
{{- $holders := dict -}}
{{- $workers := dict -}}
{{- range $key, $model := $models -}}
{{- $version := printf "%s.v%d" $model.spec.name (int $model.spec.version) -}}
{{- with index $holders $version -}}
{{- fail (printf "models.%s and models.%s both have the spec %s, but each needs a name or a version of its own; remove one, or make it a pool of the other" . $key $version) -}}
{{- end -}}
{{- $_ := set $holders $version $key -}}
{{- if not $model.pools -}}
{{- fail (printf "models.%s.pools.default is null and there is no other pool, but every model needs workers; name a pool, or set models.%s to null" $key $key) -}}
{{- end -}}
{{- range $pool, $made := $model.pools -}}
{{- $path := ternary (printf "models.%s" $key) (printf "models.%s.pools.%s" $key $pool) (eq $pool "default") -}}
{{- if gt (len $made.name) 54 -}}
{{- fail (printf "%s makes workers named %s, which has %d characters, but KEDA allows 54; shorten the key, or set a shorter fullnameOverride" $path $made.name (len $made.name)) -}}
{{- end -}}
{{- with index $workers $made.name -}}
{{- fail (printf "%s and %s both make workers named %s, but each needs a name of its own; rename one" . $path $made.name) -}}
{{- end -}}
{{- $_ := set $workers $made.name $path -}}
{{- /* The chart's own image holds MNIST: its workers would refuse every job of another model. */ -}}
{{- if and (ne $model.spec.name "mnist") (has $made.worker.image.repository (list "mnist-inference/worker" "mnist-inference/worker-cpu")) (not $made.worker.settings.INFERENCE_MODEL) -}}
{{- fail (printf "%s runs the image %s, which holds MNIST, but its spec is of %s; set models.%s.worker.image.repository to the model's own image, or models.%s.worker.settings.INFERENCE_MODEL" $path $made.worker.image.repository $model.spec.name $key $key) -}}
{{- end -}}
{{- $claims := list -}}
{{- range $made.worker.resourceClaims }}{{ $claims = append $claims .name }}{{ end -}}
{{- range $made.worker.resources.claims -}}
{{- if not (has .name $claims) -}}
{{- fail (printf "%s has the claim %s in worker.resources.claims, but not in worker.resourceClaims, which says where it comes from; add it there" $path .name) -}}
{{- end -}}
{{- end -}}
{{- $of := $made.autoscaling -}}
{{- if and $of.enabled (gt (int $of.minReplicas) (int $of.maxReplicas)) -}}
{{- fail (printf "%s has autoscaling.minReplicas %d, but it must not be above autoscaling.maxReplicas = %d; lower it" $path (int $of.minReplicas) (int $of.maxReplicas)) -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- end -}}
