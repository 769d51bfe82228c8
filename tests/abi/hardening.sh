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

# ---- how it was compiled -------------------------------------------------------------------------

# None of these bounds what it writes; with a bound, _FORTIFY_SOURCE checks it where it can be known.
unbounded='gets|strcpy|strcat|sprintf|vsprintf|stpcpy|scanf|vscanf|alloca'
for file in "$CAISSON_PLUGIN" "$CAISSON_HOST"; do
  name=${file##*/}
  imports=$(nm -D --undefined-only "$file" | awk '{ sub(/@.*/, "", $2); print $2 }')
  is "$(grep -xE "$unbounded" <<<"$imports" | paste -sd' ')" "" "$name: writes nothing without a bound"
  checked=$(grep -cE '_chk$' <<<"$imports")
  [ "$checked" -ge 5 ]
  ok $? "$name: $checked functions of libc are called by the names that check"
done

# flags_of FILE: each compilation unit's own, as the compiler wrote them down beside its lines.
flags_of() {
  readelf --debug-dump=info "$1" 2>/dev/null | grep -A1 'DW_TAG_compile_unit' |
    sed -n 's/.*DW_AT_producer.*: \(GNU C[0-9]* .*\)/\1/p'
}
# every FLAGS FLAG: how many of them lack it
lacking() {
  grep -vcF -e "$2" <<<"$1"
}
compiled_with() { # compiled_with NAME FLAGS FLAG...
  local name=$1 flags=$2 flag
  shift 2
  [ "$(grep -c . <<<"$flags")" -gt 20 ]
  ok $? "$name: $(grep -c . <<<"$flags") units of C"
  for flag; do
    is "$(lacking "$flags" "$flag")" 0 "$name: each with $flag"
  done
}
case $(uname -m) in
x86_64) branches=-fcf-protection ;;
aarch64) branches=-mbranch-protection=standard ;;
*) branches=-fstack-protector-strong ;;
esac
always=(-fstack-protector-strong -fstack-clash-protection)
compiled_with caisson.so "$(flags_of "$CAISSON_PLUGIN")" "${always[@]}" "$branches" -fvisibility=hidden
compiled_with caisson-host "$(flags_of "$CAISSON_HOST")" "${always[@]}" "$branches"
is "$(lacking $'GNU C11 -O2 -fa\nGNU C11 -O2' -fa)" 1 "a unit without a flag is found"

# A helper is stripped, so its parts are looked at. What is static has no imports: a call of a function
# of libc's that checks its caller stands in them.
build=${CAISSON_GUEST%/*}
for arch in "$build"/guests/*; do
  arch=${arch##*/}
  parts=$build/$arch/guest-obj
  [ -d "$parts" ] || parts=$build/guest-obj
  mapfile -t objects < <(find "$parts/plugin" -name '*.o')
  case $arch in
  amd64) branches=-fcf-protection ;;
  arm64) branches=-mbranch-protection=standard ;;
  *) branches=-fstack-protector-strong ;;
  esac
  flags=$(for o in "${objects[@]}"; do flags_of "$o"; done)
  compiled_with "helper for $arch" "$flags" "${always[@]}" "$branches"
  calls=$(nm --undefined-only "${objects[@]}" 2>/dev/null | awk 'NF == 2 { print $2 }' | sort -u)
  has "helper for $arch: stack protector" "$calls" '^__stack_chk_fail$'
  has "helper for $arch: fortified" "$calls" '^__(snprintf|vsnprintf|memcpy|poll)_chk$'
  is "$(grep -xE "$unbounded" <<<"$calls" | paste -sd' ')" "" "helper for $arch: writes nothing without a bound"
  has "helper for $arch: is static, at a fixed place" "$(readelf -hW "$build/guests/$arch")" 'Type: +EXEC'
done

# Branch protection of the whole file is the linker's to mark, and glibc's own start files do not have
# it everywhere; our entry does.
case $(uname -m) in
x86_64) has "the entry of caisson.so may be branched to" \
  "$(objdump -d --no-show-raw-insn "$CAISSON_PLUGIN" | grep -A1 '<caisson_plugin_v1>:')" endbr64 ;;
*) has "caisson.so has an entry" "$(nm -D "$CAISSON_PLUGIN")" caisson_plugin_v1 ;;
esac

done_testing
