#!/bin/sh
# Installs the RabbitMQ and Redis servers, promtool and a browser, if they are missing; the tests start their own servers on
# free ports. With --plan it only prints what it would install.
set -eu
cd "$(dirname "$0")/../.."

PATH="$PATH:/usr/sbin:/usr/local/sbin:$PWD/build/promtool"
servers=""
command -v rabbitmq-server >/dev/null || servers=" rabbitmq-server"
command -v redis-server >/dev/null || servers="$servers redis-server"
missing="$servers"
command -v promtool >/dev/null || missing="$missing prometheus"
# Without a browser, the tests of the page skip.
browser=""
command -v apt-get >/dev/null && ! command -v chromium >/dev/null && ! command -v google-chrome >/dev/null && browser=" chromium"
missing="$missing$browser"
[ -n "$missing" ] || exit 0
if [ "${1:-}" = "--plan" ]; then
  echo "not on PATH yet, and installed with apt-get (as root, or by sudo) or brew:$missing; of prometheus only promtool"
  exit 0
fi

as_root=""
if [ "$(id -u)" -ne 0 ]; then
  as_root="sudo -n"
  sudo -n true 2>/dev/null || as_root="no"
fi

# Unpacked, not installed: the package would start a Prometheus.
unpack_promtool() {
  mkdir -p build/promtool
  cd build/promtool
  apt-get download -qq -o APT::Sandbox::User=root prometheus
  dpkg-deb --fsys-tarfile prometheus_*.deb | tar --extract --strip-components 3 ./usr/bin/promtool
  rm prometheus_*.deb
}

if command -v apt-get >/dev/null && [ "$as_root" != "no" ]; then
  echo "installing$missing from the system's packages, once"
  $as_root apt-get update -qq
  # shellcheck disable=SC2086
  [ -z "$servers" ] || $as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $servers >/dev/null
  # Ubuntu has it as a snap only.
  # shellcheck disable=SC2086
  [ -z "$browser" ] || $as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $browser fonts-liberation >/dev/null ||
    echo "no package$browser here: the tests of the page skip"
  command -v promtool >/dev/null || (unpack_promtool)
elif command -v brew >/dev/null; then
  brew install --quiet rabbitmq redis prometheus
else
  [ "$missing" != "$browser" ] || exit 0
  echo "the tests need$missing on PATH: install with your system's packages, such as" >&2
  echo "  sudo apt-get install$missing" >&2
  exit 1
fi
