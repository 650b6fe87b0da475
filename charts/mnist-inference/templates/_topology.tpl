{{/* RabbitMQ's definitions: users, their permissions (`docs/security.md`) and the topology
     (`inference_bridge/rabbitmq/topology.py`). The pod replaces each @USER_PASSWORD@ by the password. */}}
{{- define "inference.definitions" -}}
{{- $maxLength := int64 .Values.settings.INFERENCE_QUEUE_MAX_LENGTH -}}
{{- $handsOn := dict "x-queue-type" "quorum" "x-overflow" "reject-publish" "x-dead-letter-strategy" "at-least-once" "x-dead-letter-exchange" "inference.dlx" -}}
{{- $jobs := merge (dict "x-dead-letter-routing-key" "mnist.retry" "x-max-length" $maxLength "x-delivery-limit" 20) $handsOn -}}
{{- $retry := merge (dict "x-dead-letter-routing-key" "mnist.dead" "x-delivery-limit" 40) $handsOn -}}
{{- $dead := dict "x-queue-type" "quorum" "x-max-length" 10000 "x-overflow" "drop-head" "x-delivery-limit" 1000000 -}}
{{- $none := "^$" -}}
{{- $users := list
      (dict "name" "api" "tags" list "configure" "^mnist\\.jobs\\.settled$" "write" "^inference$|^mnist\\.(jobs|retry)$" "read" "^mnist\\.jobs\\.settled$")
      (dict "name" "worker" "tags" list "configure" $none "write" $none "read" "^mnist\\.(jobs|retry)$")
      (dict "name" "autoscaler" "tags" (list "management") "configure" $none "write" $none "read" $none)
      (dict "name" "operator" "tags" (list "management") "configure" $none "write" "^inference$" "read" "^mnist\\.dead$") -}}
{{- $exchanges := list -}}
{{- range list "inference" "inference.dlx" -}}
{{- $exchanges = append $exchanges (dict "name" . "vhost" "/" "type" "direct" "durable" true "auto_delete" false "internal" false "arguments" dict) -}}
{{- end -}}
{{- $queues := list -}}
{{- $bindings := list -}}
{{- range list
      (dict "name" "mnist.dead" "exchange" "inference.dlx" "key" "mnist.dead" "arguments" $dead)
      (dict "name" "mnist.retry" "exchange" "inference.dlx" "key" "mnist.retry" "arguments" $retry)
      (dict "name" "mnist.jobs" "exchange" "inference" "key" "mnist" "arguments" $jobs) -}}
{{- $queues = append $queues (dict "name" .name "vhost" "/" "durable" true "auto_delete" false "arguments" .arguments) -}}
{{- $bindings = append $bindings (dict "source" .exchange "vhost" "/" "destination" .name "destination_type" "queue" "routing_key" .key "arguments" dict) -}}
{{- end -}}
{{- $accounts := list -}}
{{- $permissions := list -}}
{{- range $users -}}
{{- $accounts = append $accounts (dict "name" .name "password" (printf "@%s_PASSWORD@" (upper .name)) "tags" .tags) -}}
{{- $permissions = append $permissions (dict "user" .name "vhost" "/" "configure" .configure "write" .write "read" .read) -}}
{{- end -}}
{{- dict "vhosts" (list (dict "name" "/")) "users" $accounts "permissions" $permissions "exchanges" $exchanges "queues" $queues "bindings" $bindings | toPrettyJson -}}
{{- end -}}

{{/* Redis's users, as in `docs/security.md`. */}}
{{- define "inference.redisUsers" -}}
{{- /* Nobody can log in as `default`, but it has all permissions: Redis reads its own append-only file as this user, and
       drops every transaction with a command that the user may not run. */ -}}
user default off resetpass ~* &* +@all
user api on >@API_PASSWORD@ %R~r:* %R~revived:* %R~workers:mnist ~idem:* &results:mnist -@all +get +mget +exists +set +time +hvals +evalsha +script|load +subscribe +unsubscribe +ping +client|setname +client|setinfo
user worker on >@WORKER_PASSWORD@ ~r:* ~attempts:* ~workers:mnist &results:mnist -@all +mget +set +time +hgetall +hset +hdel +expire +sadd +srem +scard +pexpire +multi +exec +evalsha +script|load +publish +ping +client|setname +client|setinfo
user operator on >@OPERATOR_PASSWORD@ ~* &* +@all
{{- end -}}

{{/* A shell script that copies a file of /templates and fills in the passwords from the environment. */}}
{{- define "inference.fillIn" -}}
set -eu
umask 077
for password in {{ range .users }}"${{ . }}_PASSWORD" {{ end }}; do
  case $password in
    '' | *[!A-Za-z0-9_-]*) echo "a password is empty or has other characters than A-Z a-z 0-9 _ -; correct the Secret" >&2; exit 1 ;;
  esac
done
sed {{ range .users }}-e "s/@{{ . }}_PASSWORD@/${{ . }}_PASSWORD/g" {{ end }}/templates/{{ .file }} > /filled/{{ .file }}
{{- end -}}
