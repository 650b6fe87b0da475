#!/bin/sh
# Runs a command on a copy of the code, and restarts it when a file of the copy changes. `skaffold dev` writes edited files
# there; the image's own root stays read-only. After a crash it waits for the next edit.
set -eu

code=/tmp/code
started=/tmp/started
stop=
trap 'stop=yes' TERM INT

[ -d "$code" ] || cp -R /app "$code"
while [ -z "$stop" ]; do
    touch "$started"
    "$@" &
    child=$!
    while [ -z "$stop" ] && [ -z "$(find "$code" -name '*.py' -newer "$started" -print -quit)" ]; do
        sleep 0.5
    done
    kill "$child" 2>/dev/null || true
    wait "$child" || true
done
