#!/usr/bin/env bash
# What `make demo` shows: real work in a sandbox, a cancel that leaves nothing behind, and what a call
# costs beside `docker exec`. Runs against the engine in DOCKER_HOST; cleans up after itself.
set -euo pipefail
cd "$(dirname "$0")/.."
# Job control: with it, what runs in the background can be interrupted as a person would do it.
set -m

bold='' dim='' plain=''
if [ -t 1 ]; then bold=$'\e[1m' dim=$'\e[2m' plain=$'\e[0m'; fi

image=$(tests/setup/image)
work=$(mktemp -d)
printf '{"config_version": 1, "instance": "demo_%d", "sandbox": {"image": "%s"}}\n' $$ "$image" >"$work/config"
export CAISSON_CONFIG=$work/config CAISSON_PLUGIN=$PWD/build/caisson.so

caisson-host() { build/caisson-host "$@"; }

clean_up() {
  caisson-host shutdown --all >/dev/null 2>&1 || true
  rm -rf "$work"
}
trap clean_up EXIT

title() { printf '\n%s%s%s\n' "$bold" "$*" "$plain"; }
note() { printf '%s%s%s\n' "$dim" "$*" "$plain"; }

# Shows a command as one would type it, then runs it.
run() {
  printf '  $ %s\n' "$1"
  eval "$1" 2>&1 | sed 's/^/    /'
}

median() { sort -n | awk '{ v[NR] = $1 } END { print v[int((NR + 1) / 2)] }'; }
# since MICROSECONDS: milliseconds from a time kept by begin=${EPOCHREALTIME/[.,]/} until now.
since() {
  local us=$((${EPOCHREALTIME/[.,]/} - $1))
  printf '%d.%02d' $((us / 1000)) $((us % 1000 / 10))
}

# times N COMMAND...: the median of what N runs of it took.
times() {
  local n=$1 begin
  shift
  for _ in $(seq "$n"); do
    begin=${EPOCHREALTIME/[.,]/}
    "$@" >/dev/null
    since "$begin"
    echo
  done | median
}

# Every process in the sandbox that is not our own helper, seen from the inside.
count_sleepers() {
  caisson-host call shell 'grep -lsx -e sleep -e python3 /proc/[0-9]*/comm | wc -l'
}

wait_for_sleepers() {
  local tries
  for tries in $(seq 100); do
    [ "$(count_sleepers)" -lt "$1" ] || return 0
    sleep 0.1
  done
  return "$tries"
}

title "1. A shell command, in a container of its own"
note "The first call makes the sandbox: no network, no capabilities, a read-only system."
run "caisson-host call shell 'id; uname -sr; grep -E \"^(CapEff|NoNewPrivs)\" /proc/self/status'"
run "caisson-host call shell 'touch /usr/bin/x; ls -A /sys/class/net; echo 42 > answer'"
note "Files stay for the next call, and a tool's exit code is the command's."
run "caisson-host call shell 'cat answer; exit 3' || echo \"exit code \$?\""

title "2. A Python program, fed on stdin"
run "seq 1 100000 | caisson-host call --input - run_python 'import sys; print(sum(map(int, sys.stdin)))'"

title "3. Output arrives as it is written"
steps="for i in 1 2 3; do echo step \$i; sleep 0.5; done"
echo "  $ caisson-host call shell '$steps'"
begin=${EPOCHREALTIME/[.,]/}
caisson-host call shell "$steps" | while read -r line; do
  printf '    after %8s ms: %s\n' "$(since "$begin")" "$line"
done

title "4. A cancel that leaves nothing behind"
note "Processes that leave their session, ignore SIGTERM, double-fork and stop themselves:"
tree='for i in 1 2 3 4 5 6; do
  setsid sh -c "trap \"\" TERM; sleep 600 & sleep 600 & wait" &
done
python3 -c "import os, time; os.fork() or os.setsid() or os.fork() or time.sleep(600)" &
sh -c "kill -STOP \$\$; sleep 600" & sleep 600 & wait'
printf '%s\n' "$tree" | sed 's/^/    /'
# Whoever started this may ignore SIGINT, as shells do for what they put into the background.
env --default-signal=INT build/caisson-host --json call shell -- "$tree" >"$work/result" &
call=$!
wait_for_sleepers 14
echo "  sleeping in the sandbox: $(count_sleepers)"
echo "  Ctrl-C ..."
begin=${EPOCHREALTIME/[.,]/}
kill -INT $call
status=0
wait $call || status=$?
echo "  the call ended after $(since "$begin") ms with exit code $status and this in its result:"
grep -oE '"(outcome|survivors)": ?("[a-z]+"|[0-9]+)' "$work/result" | sed 's/^/    /'
echo "  sleeping in the sandbox: $(count_sleepers)"
run "caisson-host call shell 'cat answer'"
note "The session lives on, and so do its files."

title "5. What a call costs"
container=caisson-demo_$$-default
resident=$(printf 'true\n%.0s' $(seq 60) | caisson-host -v repl 2>&1 |
  sed -n 's/.*exit code 0 after \([0-9.]*\) ms.*/\1/p' | tail -n 50 | median)
line() { printf '  %-58s %8.2f ms  %s\n' "$1" "$2" "${3:-}"; }
line "\`true\` in the sandbox, asked by a host that is running" "$resident"
line "the same by a new host process, which adopts the session" \
  "$(times 5 caisson-host call shell true)"
if command -v docker >/dev/null; then
  engine=$(times 7 docker exec $container true)
  line "docker exec of \`true\` in the same container" "$engine" \
    "$(awk -v a="$engine" -v b="$resident" 'BEGIN { printf "(%.0f times as long)", a / b }')"
fi

title "Try it yourself"
echo "  export CAISSON_CONFIG=FILE    # such as $(cat "$work/config")"
echo "  build/caisson-host repl"
echo "  build/caisson-host --help"
