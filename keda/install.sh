#!/bin/sh
# Installs KEDA's operator into the current context's cluster with KEDA's own chart, or upgrades it, and checks it.
#   [KEDA_VERSION=…] [KEDA_NAMESPACE=keda] keda/install.sh
set -eu
here=$(dirname "$0")
namespace=${KEDA_NAMESPACE:-keda}

helm upgrade --install keda keda --repo https://kedacore.github.io/charts --version "${KEDA_VERSION:-2.21.0}" \
  --namespace "$namespace" --create-namespace --values "$here/values.yaml" --wait --timeout 5m
KEDA_NAMESPACE=$namespace exec sh "$here/check.sh"
