#!/bin/sh
# Writes keda/manifests from the chart, or the same files into another directory; Helm 3 and 4 write the same.
#   [HELM=helm] keda/manifests.sh [DIRECTORY]
set -eu
here=$(dirname "$0")
out=${1:-$here/manifests}

for name in scaledobject triggerauthentication; do
  # Helm 3 built from source assumes Kubernetes 1.20. The labels that change with each release are left out.
  rendered=$("${HELM:-helm}" template mnist-inference "$here/../charts/mnist-inference" --namespace mnist-inference \
    --kube-version 1.34.0 --set global.imageRegistry=registry.example.org --show-only "templates/worker/$name.yaml")
  {
    echo "# Written by keda/manifests.sh (make manifests) from charts/mnist-inference: change the chart, not this file."
    [ $name = scaledobject ] ||
      echo "# The password is not here: it is rabbitmq-autoscaler-password in the Secret mnist-inference-auth, which you make."
    printf '%s\n' "$rendered" | grep -v -e '^$' -e '^# Source:' -e 'helm\.sh/chart:' -e 'app\.kubernetes\.io/managed-by:' \
      -e 'app\.kubernetes\.io/version:'
  } >"$out/$name.yaml"
done
