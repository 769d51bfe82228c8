# shellcheck shell=bash
# The test library for bash: source it, call ok and is, end with done_testing.
tap_run=0
tap_failed=0

# ok STATUS NAME: passes when STATUS is 0. Use: some command; ok $? "some command works".
ok() {
  tap_run=$((tap_run + 1))
  if [ "$1" = 0 ]; then
    echo "ok $tap_run - $2"
  else
    tap_failed=$((tap_failed + 1))
    echo "not ok $tap_run - $2"
    diag "failed: $2"
  fi
}

# is GOT WANT NAME
is() {
  if [ "$1" = "$2" ]; then
    ok 0 "$3"
  else
    ok 1 "$3"
    diag "     got: $1"
    diag "expected: $2"
  fi
}

# like GOT REGEX NAME
like() {
  if [[ $1 =~ $2 ]]; then
    ok 0 "$3"
  else
    ok 1 "$3"
    diag "         got: $1"
    diag "expected like: $2"
  fi
}

# To stderr, where a harness does not swallow it.
diag() { printf '%s\n' "$*" | sed 's/^/# /' >&2; }

# Prints the plan and ends the script; a script without a test fails.
done_testing() {
  echo "1..$tap_run"
  [ "$tap_run" -gt 0 ] && [ "$tap_failed" = 0 ]
  exit
}
