# shellcheck shell=bash
# What the set-up scripts share: messages, root, and HTTP to an engine. To be sourced.

# dockerd, iptables and mmdebstrap's tools lie where a user's PATH often does not look.
PATH=$PATH:/usr/local/sbin:/usr/sbin:/sbin

say() { printf '%s\n' "$*" >&2; }

die() {
  say "${0##*/}: $*"
  exit 1
}

# Runs a command as root, by sudo where that is needed.
as_root() {
  if [ "$(id -u)" = 0 ]; then
    "$@"
  elif command -v sudo >/dev/null; then
    sudo "$@"
  else
    die "\"$*\" must run as root, and there is no sudo: run this as root"
  fi
}

# engine_curl HOST PATH ARGUMENTS...: one request to the engine at HOST, written as DOCKER_HOST is.
engine_curl() {
  local host=$1 path=$2 certs=${DOCKER_CERT_PATH:-$HOME/.docker}
  shift 2
  case $host in
  unix://*) curl -sS --unix-socket "${host#unix://}" "http://engine$path" "$@" ;;
  tcp://*)
    if [ -n "${DOCKER_TLS_VERIFY:-}" ]; then
      curl -sS --cacert "$certs/ca.pem" --cert "$certs/cert.pem" --key "$certs/key.pem" \
        "https://${host#tcp://}$path" "$@"
    else
      curl -sS "http://${host#tcp://}$path" "$@"
    fi ;;
  *) die "DOCKER_HOST=$host: only unix:// and tcp:// are understood" ;;
  esac
}

# Whether the engine at HOST answers.
answers() {
  [ "$(engine_curl "$1" /_ping --max-time 5 2>/dev/null)" = OK ]
}
