#!/usr/bin/env bash
# caisson.so exports exactly one symbol, runs no code of ours when it is loaded or unloaded, and needs
# no library beyond those that the README names.
set -uo pipefail
. tests/tap.sh

is "$(nm -D --defined-only --no-demangle "$CAISSON_PLUGIN" | awk '$2 != "A" { print $2, $3 }')" \
  "T caisson_plugin_v1@@CAISSON_1" "one symbol is exported"

# The compiler's own frame_dummy and __do_global_dtors_aux are one pointer each.
for array in INIT FINI; do
  is "$(readelf -dW "$CAISSON_PLUGIN" | awk -v n="(${array}_ARRAYSZ)" '$2 == n { print $3 }')" 8 \
    "nothing of ours in ${array}_ARRAY"
done

# ld-linux is among them with a compiler whose thread-local variables need it.
is "$(readelf -dW "$CAISSON_PLUGIN" | sed -n 's/.*(NEEDED).*\[\(lib[a-z]*\).*/\1/p' | sort | paste -sd' ')" \
  "libarchive libc libcjson libcurl" "the libraries it needs"

done_testing
