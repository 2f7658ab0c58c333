#!/usr/bin/env bash
# The scripts in bench/ that compare, with two stand-ins that answer as their sides do, with times that are known: what
# they calculate, what they write, and their errors.
set -uo pipefail
bench=$1/bench script=compare side=nets failures=0
command -v python3 >/dev/null || { echo "skipped: there is no python3"; exit 77; }
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT

# Ravel: 2 ms per step, and per operation in a graph 0.01 ms and 1 ms for all. With 3 threads the machine lends it all
# cores, but not at first; with 5 it never does; with 7 they are apart, and take 4 ms, until the fourth figure. One
# thread is disturbed when its second peak is measured, and when the largest graph is measured for the third time.
cat >"$folder/nets" <<'SCRIPT'
#!/usr/bin/env bash
threads=$2 peaks=0 handovers=0 large=0
while read -r command rest; do
  case $command in
    about) echo "Ravel stand-in" ;;
    list) echo '["first", "second", "small ops 16x16"]' ;;
    curves) echo '{"batch": [[1, "batch 1"], [10, "batch 10"]], "graph size": [[50, "50"], [900, "900"], [1000, "1000"]]}' ;;
    measure) case $rest in
      50\ *) echo 1.5 ;;
      900\ *) echo 10 ;;
      1000\ *)
        large=$((large + 1))
        if [[ $large == 3 ]]; then echo 13; else echo 11; fi ;;
      *) if [[ $threads == 7 && $handovers -lt 4 ]]; then echo 4; else echo 2; fi ;;
    esac ;;
    work) echo "4 800" ;;
    peak)
      peaks=$((peaks + 1))
      case $threads in
        3) if [[ $peaks == 1 ]]; then echo 150; else echo 290; fi ;;
        5) echo 300 ;;
        7) echo 700 ;;
        *) if [[ $peaks == 2 ]]; then echo 50; else echo 100; fi ;;
      esac ;;
    handover)
      handovers=$((handovers + 1))
      if [[ $threads == 7 && $handovers -lt 4 ]]; then echo 300; else echo 40; fi ;;
    vary) echo ok ;;
    check) if [[ $rest == second* ]]; then echo "10 3 2 1 1 0.5001"; else echo "10 3 2 1 1 0.5"; fi ;;
  esac
done
SCRIPT
# PyTorch: 4 ms per step, 1 ms less when fused, 1 ms more with a tuned malloc. In the second row 16 ms, and 2 ms less with
# channels_last, which other rows cannot have.
cat >"$folder/python" <<'SCRIPT'
#!/usr/bin/env bash
if [[ $1 == -c ]]; then exit 0; fi
while read -r command rest; do
  case $command in
    about) echo "PyTorch stand-in" ;;
    choices) if [[ $rest == second ]]; then echo "fused channels_last"; else echo "fused"; fi ;;
    options) options=$rest; echo ok ;;
    check) echo "10 3 2 1 1 0.5" ;;
    measure)
      milliseconds=4
      if [[ $rest == second* ]]; then milliseconds=16; fi
      if [[ $options == *fused* ]]; then milliseconds=$((milliseconds - 1)); fi
      if [[ $options == *channels_last* ]]; then
        if [[ $rest != second* ]]; then exit 1; fi
        milliseconds=$((milliseconds - 2))
      fi
      if [[ -n ${MALLOC_TOP_PAD_:-} ]]; then milliseconds=$((milliseconds + 1)); fi
      echo "$milliseconds" ;;
  esac
done
SCRIPT
printf '#!/usr/bin/env bash\nif [[ $1 == -c ]]; then exit 0; fi\nread -r line\n' >"$folder/broken"
chmod +x "$folder/nets" "$folder/python" "$folder/broken"

# Runs the script with the arguments after the second; what it writes must match a pattern.
expect() {
  local status=$1 pattern=$2 written
  shift 2
  written=$(python3 "$bench/$script.py" "--$side" "$folder/nets" "$@" 2>&1)
  local got=$?
  if [[ $got -ne $status || ! $written =~ $pattern ]]; then
    printf 'FAILED: %s.py %s\n  status %s, expected %s\n  wrote    %s\n  expected %s\n' \
      "$script" "$*" "$got" "$status" "$written" "$pattern"
    failures=$((failures + 1))
  fi
}

expect 0 $'^first\nsecond\nsmall ops 16x16$' --list
expect 2 $'^compare: there is no row "third"; there are\n  first\n  second\n  small ops 16x16$' --rows first,third
expect 2 "argument --threads: '0' is no number above 0" --threads 1,0
expect 2 "argument --json: cannot write '/nowhere/figures' \(No such file or directory\); choose a file" \
  --json /nowhere/figures
expect 1 $'offers no PyTorch .*\n  python3 -m venv torch-venv\n  torch-venv/bin/pip install torch==2.13.0\n' \
  --python /nowhere/python
expect 1 'compare: there is no program /nowhere/nets; ./run bench compare builds it' --nets /nowhere/nets
expect 1 "ended during 'about'; what it said stands above" --python "$folder/broken"
expect 0 'first .* 10 .*0.0e.00$' --python "$folder/python" --check --rows first
expect 1 'second .*DIFFERENT.*1 of 2 rows' --python "$folder/python" --check --rows first,second

quickly=(--python "$folder/python" --rounds 2 --threads 1 --json "$folder/figures")
expect 0 $'first +1 +3.000 +2.000 +1.50 +1.50 +1.50  fused\nsecond +1 +13.000 +2.000 +6.50 .*  fused, channels_last\n.*geometric mean +1 +3.12' \
  "${quickly[@]}"
python3 - "$folder/figures" <<'SCRIPT' || { echo "FAILED: the figures that --json wrote"; failures=$((failures + 1)); }
import json, sys
figures = json.load(open(sys.argv[1]))
first, second, small = figures["rows"]
assert first["name"] == "first" and first["threads"] == 1 and first["torch_options"] == ["fused"]
assert (first["torch_ms"], first["ravel_ms"]) == (3, 2)
assert first["ratio"] == first["ratio_min"] == first["ratio_max"] == 1.5
assert second["ratio"] == 6.5 and small["torch_us_per_op"] == 1.5 and small["ravel_us_per_op"] == 1
assert abs(figures["geomean"] - (1.5 * 6.5) ** 0.5) < 1e-12 and list(figures["geomean_by_threads"]) == ["1"]
SCRIPT

script=kernels side=kernels
expect 0 $'^first\nsecond\n' --list
expect 2 'kernels: there is no row "third"; there are' --rows third
expect 1 'offers no PyTorch .*Then: ./run bench kernels' --python /nowhere/python
expect 1 'second .*DIFFERENT.*1 of 3 rows' --python "$folder/python" --check
expect 0 $'first +1 +3.000 +2.000 +1.50 +1.50 +1.50  fused, 2000 GFLOP/s, 250% of the peak\n0 of 1 figures are below 0.9' \
  --python "$folder/python" --rounds 2 --threads 1 --rows fir

script=scaling side=nets
expect 0 '^first$' --list --rows fir
expect 2 'scaling: there is no row "third"; there are' --rows third
expect 2 'scaling: --threads needs a number above 1' --threads 1
expect 0 $'first +2.000 +3 +2.000 +1.00 +1.00 +1.00 +2.90 +40  2 of 3 rounds count$' --threads 1,3 --rounds 2 --rows fir
expect 0 $' +3.00 +40  0 of 6 rounds count$' --threads 5 --rounds 2 --rows fir
expect 0 $' +1.00 +1.00 +1.00 +7.00 +40  2 of 4 rounds count; 0.50 in 2 with cores apart$' --threads 7 --rounds 2 --rows fir

script=curves side=nets
expect 2 'curves: there is no curve "x"; there are batch, graph size' --curves x
expect 2 'curves: --most 60 leaves fewer than two points of "graph size"; use 900 or more' --most 60
expect 2 "argument --seconds: '0' is no time above 0" --seconds 0
expect 1 'curves: --pictures /dev/null/x: Not a directory; choose a folder' --no-torch --pictures /dev/null/x
expect 0 $'\ngraph size +1  Ravel +1.00 +0.0100 .*0.0 % at .* .0.5 % at 900 +\\+4.7 % at 1,000' \
  --no-torch --threads 1 --rounds 2 --curves 'graph size' --pictures "$folder"
python3 - "$folder/graph_size_1.svg" <<'SCRIPT' || { echo "FAILED: the picture of curves.py"; failures=$((failures + 1)); }
import sys, xml.etree.ElementTree as tree
picture = tree.parse(sys.argv[1]).getroot()
assert len(picture.findall("{*}circle")) == 3 and "1 thread" in picture.find("{*}text").text
SCRIPT

script=memory
expect 1 'offers no PyTorch .*Then: ./run bench memory' --python /nowhere/python
if [[ -e /proc/self/status ]]; then
  expect 0 $'first +1 +[0-9]+ +[0-9]+ +[0-9]+ +[0-9]+ +[0-9.]+ +[0-9.]+$' \
    --python "$folder/python" --threads 1 --rows first --no-strace
  expect 0 'second +1 .* MiB after 10, .* MiB after 50, .* MiB after 100 steps' --varied 100 --threads 1 --rows second
fi
exit $((failures > 0))
