{{/* RabbitMQ's definitions: users, their permissions (`docs/security.md`) and the topology
     (`inference_bridge/rabbitmq/topology.py`). The pod replaces each @USER_PASSWORD@ by the password. */}}
{{- define "inference.definitions" -}}
{{- $none := "^$" -}}
{{- $any := include "inference.anyOf" (include "inference.allPrefixes" . | fromJsonArray) -}}
{{- $settled := printf "^%s\\.jobs\\.settled$" $any -}}
{{- $users := list (dict "name" "api" "tags" list "configure" $settled "write" (printf "^inference$|^%s\\.(jobs|retry)$" $any) "read" $settled) -}}
{{- range $name, $prefixes := include "inference.prefixes" . | fromJson -}}
{{- $read := printf "^%s\\.(jobs|retry)$" (include "inference.anyOf" $prefixes) -}}
{{- $users = append $users (dict "name" (printf "worker-%s" $name) "tags" list "configure" $none "write" $none "read" $read) -}}
{{- end -}}
{{- $users = concat $users (list
      (dict "name" "autoscaler" "tags" (list "management") "configure" $none "write" $none "read" $none)
      (dict "name" "operator" "tags" (list "management") "configure" $none "write" "^inference$" "read" (printf "^%s\\.dead$" $any))) -}}
{{- $exchanges := list -}}
{{- range list "inference" "inference.dlx" -}}
{{- $exchanges = append $exchanges (dict "name" . "vhost" "/" "type" "direct" "durable" true "auto_delete" false "internal" false "arguments" dict) -}}
{{- end -}}
{{- $queues := list -}}
{{- $bindings := list -}}
{{- range include "inference.models" . | fromJson -}}
{{- range include "inference.queues" (dict "root" $ "spec" .spec) | fromJsonArray -}}
{{- $queues = append $queues (dict "name" .name "vhost" "/" "durable" true "auto_delete" false "arguments" .arguments) -}}
{{- $bindings = append $bindings (dict "source" .exchange "vhost" "/" "destination" .name "destination_type" "queue" "routing_key" .key "arguments" dict) -}}
{{- end -}}
{{- end -}}
{{- $accounts := list -}}
{{- $permissions := list -}}
{{- range $users -}}
{{- $accounts = append $accounts (dict "name" .name "password" (printf "@%s@" (include "inference.passwordVariable" .name)) "tags" .tags) -}}
{{- $permissions = append $permissions (dict "user" .name "vhost" "/" "configure" .configure "write" .write "read" .read) -}}
{{- end -}}
{{- dict "vhosts" (list (dict "name" "/")) "users" $accounts "permissions" $permissions "exchanges" $exchanges "queues" $queues "bindings" $bindings | toPrettyJson -}}
{{- end -}}

{{/* "root" and "spec": the queues of a model, each with its binding, as a JSON list. A queue holds at most 4 GiB. */}}
{{- define "inference.queues" -}}
{{- $prefix := .spec.queue_prefix -}}
{{- $handsOn := dict "x-queue-type" "quorum" "x-overflow" "reject-publish" "x-dead-letter-strategy" "at-least-once" "x-dead-letter-exchange" "inference.dlx" -}}
{{- $jobs := merge (dict "x-dead-letter-routing-key" (printf "%s.retry" $prefix) "x-max-length" (include "inference.maxLength" . | int64) "x-delivery-limit" 20) $handsOn -}}
{{- $retry := merge (dict "x-dead-letter-routing-key" (printf "%s.dead" $prefix) "x-delivery-limit" 40) $handsOn -}}
{{- $dead := dict "x-queue-type" "quorum" "x-max-length" (min 10000 (div 4294967296 (int64 .spec.max_body_bytes))) "x-overflow" "drop-head" "x-delivery-limit" 1000000 -}}
{{- list
      (dict "name" (printf "%s.dead" $prefix) "exchange" "inference.dlx" "key" (printf "%s.dead" $prefix) "arguments" $dead)
      (dict "name" (printf "%s.retry" $prefix) "exchange" "inference.dlx" "key" (printf "%s.retry" $prefix) "arguments" $retry)
      (dict "name" (printf "%s.jobs" $prefix) "exchange" "inference" "key" $prefix "arguments" $jobs) | toJson -}}
{{- end -}}

{{/* "root" and "spec": most jobs in a model's queue. */}}
{{- define "inference.maxLength" -}}
{{- min (int64 .root.Values.settings.INFERENCE_QUEUE_MAX_LENGTH) (div 4294967296 (int64 .spec.max_body_bytes)) -}}
{{- end -}}

{{/* Redis's users, as in `docs/security.md`. */}}
{{- define "inference.redisUsers" -}}
{{- $prefixes := include "inference.prefixes" . | fromJson -}}
{{- $hooks := .Values.webhooks.existingSecret -}}
{{- /* Nobody can log in as `default`, but it has all permissions: Redis reads its own append-only file as this user, and
       drops every transaction with a command that the user may not run. */ -}}
user default off resetpass ~* &* +@all
user api on >@API_PASSWORD@ ~r:* %R~o:* %R~revived:* %R~workers:* {{ if $hooks }}%R~hook:* ~hooks:* {{ end }}~idem:* {{ range $name, $_ := $prefixes }}&results:{{ $name }} {{ end }}-@all +get +mget +exists +set +time +hvals {{ if $hooks }}+hmget +zscore +zadd {{ end }}+evalsha +script|load +publish +subscribe +unsubscribe +ping +client|setname +client|setinfo
{{- range $name, $own := $prefixes }}
user worker-{{ $name }} on >@{{ include "inference.passwordVariable" (printf "worker-%s" $name) }}@ ~r:{{ $name }}:* ~o:{{ $name }}:* ~attempts:{{ $name }}:* {{ range $own }}~workers:{{ . }} {{ end }}{{ if $hooks }}~hook:{{ $name }}:* ~hooks:{{ $name }}:* {{ end }}&results:{{ $name }} -@all +mget +set +time +hgetall +hset +hdel +expire +sadd +srem +scard +pexpire +multi +exec {{ if $hooks }}+hsetnx +zadd {{ end }}+evalsha +script|load +publish +ping +client|setname +client|setinfo
{{- end }}
{{- if $hooks }}
user hooks on >@HOOKS_PASSWORD@ ~hook:* ~hooks:* -@all +time +hget +hmget +hset +hincrby +expire +zadd +zrem +zcard +zrange +zrangebyscore +evalsha +script|load +ping +client|setname +client|setinfo
{{- end }}
{{- if .Values.redis.metrics.enabled }}
user exporter on >@EXPORTER_PASSWORD@ -@all +info +slowlog|len +slowlog|get +latency|latest +latency|histogram +ping +client|setname
{{- end }}
user operator on >@OPERATOR_PASSWORD@ ~* &* +@all
{{- end -}}

{{/* "file" and "users": a shell script that copies a file of /templates and fills in the passwords from the environment. */}}
{{- define "inference.fillIn" -}}
set -eu
umask 077
for password in{{ range .users }} "${{ include "inference.passwordVariable" . }}"{{ end }}; do
  case $password in
    '' | *[!A-Za-z0-9_-]*) echo "a password is empty or has other characters than A-Z a-z 0-9 _ -; correct the Secret" >&2; exit 1 ;;
  esac
done
sed{{ range .users }} -e "s/@{{ include "inference.passwordVariable" . }}@/${{ include "inference.passwordVariable" . }}/g"{{ end }} /templates/{{ .file }} > /filled/{{ .file }}
{{- end -}}
