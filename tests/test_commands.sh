#!/usr/bin/env bash
# The usage errors of ./run: one line that says what was wrong, and status 2.
set -uo pipefail
run=$1/run failures=0

# Runs ./run with the arguments after the second and compares its status and what it writes.
expect() {
  local status=$1 text=$2 written
  shift 2
  written=$("$run" "$@" 2>&1)
  local got=$?
  if [[ $got -ne $status || $written != "$text" ]]; then
    printf 'FAILED: ./run %s\n  status %s, expected %s\n  wrote    %s\n  expected %s\n' "$*" "$got" "$status" "$written" "$text"
    failures=$((failures + 1))
  fi
}

data_usage='usage: ./run data mnist|fashion|cifar10 [--into DIR]'
expect 2 "run: there is no command 'tset' (./run help lists the commands)" tset
expect 2 "run: test: there is no preset 'relase'; there are release, tiny, debug, asan, tsan, aarch64, long (./run help lists the commands)" \
  test relase
expect 2 "run: setup: there is no command 'nothing' to set up; there are train, test, bench, aarch64, download, ci (./run help lists the commands)" \
  setup nothing
expect 2 "run data: name a dataset; $data_usage" data
expect 2 "run data: there is no dataset or option 'imagenet'; $data_usage" data imagenet
expect 2 "run data: --into needs a folder; $data_usage" data mnist --into
expect 0 "$("$run" help)" --help
[[ $("$run" help) == "usage: ./run COMMAND [ARGUMENTS]"* ]] || { echo "FAILED: ./run help"; failures=$((failures + 1)); }
exit $((failures > 0))
