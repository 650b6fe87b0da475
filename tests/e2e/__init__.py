"""The chart on a real Kubernetes: a kind cluster, KEDA and pretended GPUs."""
