#!/bin/sh
# Checks KEDA in the current context's cluster, and the ScaledObjects of a namespace.
#   [KEDA_NAMESPACE=keda] keda/check.sh [NAMESPACE]
# Ends with 1 and a sentence where something is not right.
set -eu
keda=${KEDA_NAMESPACE:-keda}
namespace=${1:-}
api=/apis/external.metrics.k8s.io/v1beta1

fail() {
  echo "keda/check.sh: $*" >&2
  exit 1
}

kubectl wait --for=condition=Established crd/scaledobjects.keda.sh --timeout=60s >/dev/null ||
  fail "the CRD scaledobjects.keda.sh is not established, but ScaledObjects need it; run keda/install.sh"
kubectl wait --for=condition=Available apiservice/v1beta1.external.metrics.k8s.io --timeout=180s >/dev/null ||
  fail "the APIService v1beta1.external.metrics.k8s.io is not available, but the autoscaler asks it;" \
    "look at: kubectl --namespace $keda logs deployment/keda-operator-metrics-apiserver"

kubectl version
kubectl --namespace "$keda" get deployments --output \
  custom-columns=DEPLOYMENT:.metadata.name,READY:.status.readyReplicas,IMAGE:.spec.template.spec.containers[0].image
[ -n "$namespace" ] || exit 0

# get PATH: a field of the ScaledObject $name.
get() {
  kubectl --namespace "$namespace" get scaledobject "$name" --output "jsonpath=$1"
}

names=$(kubectl --namespace "$namespace" get scaledobjects --output 'jsonpath={.items[*].metadata.name}')
[ -n "$names" ] || fail "the namespace $namespace has no ScaledObject, expected at least one;" \
  "install the chart there with autoscaling.enabled=true"

for name in $names; do
  ready=$(get '{.status.conditions[?(@.type=="Ready")].status}')
  active=$(get '{.status.conditions[?(@.type=="Active")].status}')
  echo "$name: Ready=$ready Active=$active"
  [ "$ready" = True ] || fail "$name has Ready=$ready, expected True:" \
    "$(get '{.status.conditions[?(@.type=="Ready")].message}'); see \"It does not scale\" in keda/README.md"
  for metric in $(get '{.status.externalMetricNames[*]}'); do
    answer=$(kubectl get --raw \
      "$api/namespaces/$namespace/$metric?labelSelector=scaledobject.keda.sh%2Fname%3D$name") ||
      fail "$name: the metric $metric cannot be read, but the autoscaler must;" \
        "look at: kubectl --namespace $keda logs deployment/keda-operator"
    value=$(printf %s "$answer" | sed -n 's/.*"value": *"\([^"]*\)".*/\1/p')
    [ -n "$value" ] || fail "$name: the metric $metric has no value, expected a number;" \
      "look at: kubectl --namespace $keda logs deployment/keda-operator"
    echo "  $metric $value"
  done
done
