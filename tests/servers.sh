#!/bin/sh
# Makes sure that the RabbitMQ and Redis servers are installed; the tests start their own, on free ports.
set -eu

PATH="$PATH:/usr/sbin:/usr/local/sbin"
missing=""
command -v rabbitmq-server >/dev/null || missing="rabbitmq-server"
command -v redis-server >/dev/null || missing="$missing redis-server"
[ -n "$missing" ] || exit 0

as_root=""
if [ "$(id -u)" -ne 0 ]; then
  as_root="sudo -n"
  sudo -n true 2>/dev/null || as_root="no"
fi

if command -v apt-get >/dev/null && [ "$as_root" != "no" ]; then
  echo "installing$missing from the system's packages, once"
  $as_root apt-get update -qq
  # shellcheck disable=SC2086
  $as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $missing >/dev/null
elif command -v brew >/dev/null; then
  brew install --quiet rabbitmq redis
else
  echo "the tests need$missing on PATH: install with your system's packages, such as" >&2
  echo "  sudo apt-get install$missing" >&2
  exit 1
fi
