#!/usr/bin/env bash
# caisson.h and the asserts on its layout compile without a word in every language and with every
# compiler that a host may use, and with the flag that changes the size of enums.
set -uo pipefail
. tests/tap.sh

warnings=(-Wall -Wextra -Wpedantic -Werror -Wshadow -Wconversion -Wundef)
strict=(-Wstrict-prototypes -Wmissing-prototypes)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# compiles NAME COMMAND...
compiles() {
  local name=$1
  shift
  if "$@" >"$work/out" 2>&1; then
    ok 0 "$name"
  else
    ok 1 "$name"
    diag "$(cat "$work/out")"
  fi
}

echo '#include "caisson.h"' >"$work/alone.c"
for cc in gcc clang; do
  for enums in '' -fshort-enums; do
    for file in "$work/alone.c" abi/layout.c; do
      compiles "$cc -std=c11 $enums: ${file##*/}" $cc -std=c11 $enums "${warnings[@]}" \
        "${strict[@]}" -Iabi -fsyntax-only "$file"
      compiles "$cc, C++17 $enums: ${file##*/}" $cc -x c++ -std=c++17 $enums "${warnings[@]}" \
        -Iabi -fsyntax-only "$file"
    done
  done
done

# The asserts must be able to fail: a header with one member more in front is refused.
sed 's/^ *uint32_t struct_size;/uint64_t intruder; &/' abi/caisson.h >"$work/caisson.h"
cp abi/layout.c "$work"
gcc -std=c11 -fsyntax-only "$work/layout.c" >/dev/null 2>&1
is $? 1 "a changed layout is refused"

done_testing
