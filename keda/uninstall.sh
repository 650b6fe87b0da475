#!/bin/sh
# Removes KEDA from the current context's cluster, unless a ScaledObject or ScaledJob is left.
#   [KEDA_NAMESPACE=keda] keda/uninstall.sh
# Only KEDA takes its finalizer off them: one that outlives KEDA can never be deleted, nor can its namespace.
set -eu

left=$(kubectl get scaledobjects,scaledjobs --all-namespaces --output \
  'jsonpath={range .items[*]}{.kind} {.metadata.namespace}/{.metadata.name}{"\n"}{end}')
if [ -n "$left" ]; then
  echo "keda/uninstall.sh: these are left, but would hang without KEDA; uninstall their releases first:" >&2
  echo "$left" >&2
  exit 1
fi
helm uninstall keda --namespace "${KEDA_NAMESPACE:-keda}" --wait
