#!/usr/bin/env bash
# caisson.so exports exactly one symbol, runs no code of ours when it is loaded or unloaded, and
# asks of the machine that loads it no more than abi/README.md says: these libraries, no newer glibc.
set -uo pipefail
. tests/tap.sh

# Debian 12, where it is built, has 2.36; Ubuntu 22.04 has 2.35 and RHEL 9 this one.
oldest_glibc=2.34

is "$(nm -D --defined-only --no-demangle "$CAISSON_PLUGIN" | awk '$2 != "A" { print $2, $3 }')" \
  "T caisson_plugin_v1@@CAISSON_1" "rule 3: one symbol is exported, the entry of major 1"

# The compiler's own frame_dummy and __do_global_dtors_aux are one pointer each.
for array in INIT FINI; do
  is "$(readelf -dW "$CAISSON_PLUGIN" | awk -v n="(${array}_ARRAYSZ)" '$2 == n { print $3 }')" 8 \
    "rule 6: nothing of ours in ${array}_ARRAY"
done

# ld-linux, a part of glibc, is among them with a compiler whose thread-local variables need it.
is "$(readelf -dW "$CAISSON_PLUGIN" | sed -n 's/.*(NEEDED).*\[\(.*\)\].*/\1/p' |
  grep -v '^ld-linux' | sort | paste -sd' ')" "libarchive.so.13 libc.so.6 libcurl.so.4" \
  "the libraries it needs when it is loaded"
is "$(strings "$CAISSON_PLUGIN" | grep -x 'libcjson\.so\.1' | sort -u)" "libcjson.so.1" \
  "and one more that it finds itself"

# newer_than VERSION FILE: what the file imports from glibc that VERSION does not have. Where the
# headers of a newer glibc put names of their own in the place of strtol and its kin, that is left
# out: it is this machine's and not ours.
newer_than() {
  nm -D --undefined-only "$2" | sed -n 's/.* \([^@ ]*\)@\{1,2\}GLIBC_\([0-9.]*\)$/\2 \1/p' |
    grep -v ' __isoc23_' | while read -r version name; do
    [ "$(printf '%s\n' "$version" "$1" | sort -V | tail -1)" = "$1" ] || echo "$name@$version"
  done
}
is "$(newer_than $oldest_glibc "$CAISSON_PLUGIN")" "" "it loads with glibc $oldest_glibc"
like "$(newer_than 2.2.4 "$CAISSON_PLUGIN")" '(^|[[:space:]])memcpy@|__stack_chk_fail@' \
  "and what is newer than a version is found"
is "$(readelf -VW "$CAISSON_PLUGIN" | grep -o 'GLIBC_ABI_[A-Z_]*' | sort -u)" "" \
  "nor does it ask glibc for a newer kind of object"

# What a host reads before it loads anything. That the table agrees with it is the host's own check.
is "$(readelf -nW "$CAISSON_PLUGIN" | awk '$1 == "Caisson" { print $2 }')" 0x00000070 \
  "it has the note that caisson.h describes"

done_testing
