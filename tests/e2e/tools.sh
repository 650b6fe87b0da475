#!/bin/sh
# Checks that this machine has the tools for a cluster; names the missing tools.
set -eu
cd "$(dirname "$0")/../.."

missing=""
for tool in docker kind kubectl helm skaffold; do
    command -v "$tool" >/dev/null || missing="$missing $tool"
done
if [ -n "$missing" ]; then
    echo "the tests on Kubernetes need$missing on PATH" >&2
    exit 1
fi
if ! docker info >/dev/null 2>&1 || ! docker compose version >/dev/null 2>&1; then
    echo "the tests on Kubernetes need a docker engine with compose that answers to \`docker info\`; start it" >&2
    exit 1
fi
