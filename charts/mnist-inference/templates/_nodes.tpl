{{/* The name of a RabbitMQ node; "root" and "pod". */}}
{{- define "inference.rabbitmqNode" -}}
{{- $service := printf "%s-rabbitmq-nodes" (include "inference.fullname" .root) -}}
rabbit@{{ .pod }}.{{ $service }}.{{ .root.Release.Namespace }}.svc.{{ .root.Values.clusterDomain }}
{{- end -}}

{{/* The part of RabbitMQ's fill-in.sh that finds the node to join through. It is kept on the volume: a node whose first start was
     broken off has files, but is still in no cluster. */}}
{{- define "inference.findSeed" -}}
node={{ include "inference.rabbitmqNode" (dict "root" . "pod" "$POD_NAME") }}
host=${node#rabbit@}
seed=/var/lib/rabbitmq/mnesia/seed
if [ ! -d "/var/lib/rabbitmq/mnesia/$node" ]; then
  peers=
  for pod in{{ range until (int .Values.rabbitmq.replicas) }} {{ include "inference.fullname" $ }}-rabbitmq-{{ . }}{{ end }}; do
    [ "$pod" = "$POD_NAME" ] || peers="$peers rabbit@$pod.${host#*.}"
  done
  # As few ports as RabbitMQ's files, or Erlang may reserve gigabytes for them. It listens on RabbitMQ's port between nodes: network
  # policies allow it.
  export ERL_FLAGS="+Q 16384 -name blank@$host -hidden -kernel inet_dist_listen_min 25672 inet_dist_listen_max 25672"
  {{- if eq (first .Values.ipFamilies) "IPv6" }}
  export ERL_INETRC=/templates/erl_inetrc ERL_FLAGS="$ERL_FLAGS -proto_dist inet6_tcp"
  {{- end }}
  HOME=/var/lib/rabbitmq escript /templates/seed.escript "$node" $peers > "$seed"
fi
# A node of an older release has no such file; it is in its cluster.
{ [ ! -f "$seed" ] || printf 'cluster_formation.k8s.seed_node = %s\n' "$(cat "$seed")"; } > /filled/seed.conf
{{- end -}}
