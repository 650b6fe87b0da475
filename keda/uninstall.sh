#!/bin/sh
# Removes KEDA from the current context's cluster; refuses while a ScaledObject or ScaledJob is left.
#   [KEDA_NAMESPACE=keda] keda/uninstall.sh
# Only KEDA removes its finalizer from them. Without KEDA, Kubernetes can delete neither the object nor its namespace.
set -eu

left=$(kubectl get scaledobjects,scaledjobs --all-namespaces --output \
  'jsonpath={range .items[*]}{.kind} {.metadata.namespace}/{.metadata.name}{"\n"}{end}')
if [ -n "$left" ]; then
  echo "keda/uninstall.sh: these objects are left, but cannot be deleted without KEDA; uninstall their releases first:" >&2
  echo "$left" >&2
  exit 1
fi
helm uninstall keda --namespace "${KEDA_NAMESPACE:-keda}" --wait
