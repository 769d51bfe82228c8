#!/usr/bin/env bash
# What the build promises about its binaries, read from the binaries.
set -uo pipefail
. tests/tap.sh

has() { # has NAME TEXT REGEX
  grep -qE "$3" <<<"$2"
  ok $? "$1"
}
lacks() {
  ! grep -qE "$3" <<<"$2"
  ok $? "$1"
}

# One helper for each architecture.
guests=("${CAISSON_GUEST%/*}"/guests/*)
for file in "$CAISSON_PLUGIN" "$CAISSON_HOST" "${guests[@]}"; do
  name=${file##*/}
  segments=$(readelf -lW "$file")
  has "$name: relro" "$segments" GNU_RELRO
  has "$name: a stack that cannot be executed" "$segments" 'GNU_STACK.* RW +0x'
  lacks "$name: nothing writable and executable" "$segments" 'LOAD.* RWE '
done

for file in "$CAISSON_PLUGIN" "$CAISSON_HOST"; do
  name=${file##*/}
  dynamic=$(readelf -dW "$file")
  imports=$(nm -D --undefined-only "$file")
  has "$name: bound when loaded" "$dynamic" '\(FLAGS(_1)?\).*NOW'
  lacks "$name: no run path" "$dynamic" 'R(UN)?PATH'
  lacks "$name: no text relocations" "$dynamic" TEXTREL
  has "$name: stack protector" "$imports" __stack_chk_fail
  has "$name: fortified" "$imports" '_chk(@|$)'
  lacks "$name: no path of this machine" "$(strings "$file")" "^$PWD/"
done
has "caisson.so: never unloaded" "$(readelf -dW "$CAISSON_PLUGIN")" NODELETE
has "caisson-host: position independent" "$(readelf -hW "$CAISSON_HOST")" 'Type: +DYN'
for file in "${guests[@]}"; do
  lacks "helper for ${file##*/}: no interpreter" "$(readelf -lW "$file")" INTERP
  lacks "helper for ${file##*/}: needs no library" "$(readelf -dW "$file")" NEEDED
  lacks "helper for ${file##*/}: no path of this machine" "$(strings "$file")" "^$PWD/"
  case ${file##*/} in
  amd64) machine=X86-64 ;;
  arm64) machine=AArch64 ;;
  *) machine=. ;;
  esac
  has "helper for ${file##*/}: is for it" "$(readelf -hW "$file")" "Machine:.*$machine"
done

done_testing
