#!/usr/bin/env bash
# Runs the built programs as a user would, bad input included. Arguments: the root of the tree, the build folder.
set -uo pipefail
programs=$2/examples
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
failures=0

# expect CODE TEXT COMMAND...: the command ends with this exit code and prints the text somewhere.
expect() {
  local code=$1 text=$2 output status
  shift 2
  output=$("$@" 2>&1 </dev/null)
  status=$?
  if [[ $status -ne $code || $output != *"$text"* ]]; then
    echo "FAILED: $*"
    echo "  expected exit code $code and: $text"
    echo "  got exit code $status and: $output"
    failures=$((failures + 1))
  fi
}

# A 32-bit number in big-endian order.
word() { printf "\\x$(printf '%02x' $(($1 >> 24 & 255)))\\x$(printf '%02x' $(($1 >> 16 & 255)))\\x$(printf '%02x' $(($1 >> 8 & 255)))\\x$(printf '%02x' $(($1 & 255)))"; }

# write_images FILE COUNT: 28 x 28 images of stripes; write_labels FILE COUNT: labels 0 to 9 in turn.
write_images() {
  { word 2051; word "$2"; word 28; word 28; yes 'stripes of many greys ~|{}@' | head -c $(($2 * 784)); } >"$1"
}
write_labels() {
  { word 2049; word "$2"; for ((i = 0; i < $2; i++)); do printf "\\x0$((i % 10))"; done; } >"$1"
}

# dataset FOLDER TRAIN TEST: a small set in MNIST's layout.
dataset() {
  mkdir -p "$1"
  write_images "$1/train-images-idx3-ubyte" "$2"
  write_labels "$1/train-labels-idx1-ubyte" "$2"
  write_images "$1/t10k-images-idx3-ubyte" "$3"
  write_labels "$1/t10k-labels-idx1-ubyte" "$3"
}

train=("$programs/train_images" --dataset mnist --model mlp --epochs 1)
good=$work/good
dataset "$good" 40 20

echo "== help, version, usage errors"
expect 0 "--batch-size" "$programs/train_images" --help
expect 0 "ravel 0." "$programs/train_images" --version
isa=baseline levels="baseline, avx2 or avx512"
if [[ $(uname -m) == aarch64 ]]; then isa=neon levels=neon; fi
expect 0 ", $isa, " env RAVEL_ISA=$isa "$programs/train_images" --version
expect 2 "--colour" "$programs/train_images" --colour
expect 2 "--dataset" "$programs/train_images" --dataset svhn
expect 2 "--model" "$programs/train_images" --model resnet
expect 2 "--epochs" "$programs/train_images" --epochs 0
expect 2 "--batch-size" "$programs/train_images" --batch-size -3
expect 2 "--lr" "$programs/train_images" --lr fast
expect 2 "--threads" "$programs/train_images" --threads 0

echo "== runs"
expect 0 "40 training and 20 test images" "${train[@]}" --data "$good"
expect 0 "epoch 2/2" "$programs/train_images" --dataset mnist --model conv1d --epochs 2 --data "$good" --batch-size 16
expect 0 "accuracy" "$programs/train_images" --dataset mnist --model conv2d --epochs 1 --data "$good" --optimizer adamw
expect 0 "10 training and 10 test images" "${train[@]}" --data "$good" --limit 10
expect 0 "step 600" "$programs/custom_model"
expect 0 "derivatives are wrong" "$programs/gradient_check"

echo "== summaries"
for threads in 1 3; do
  expect 0 "summary: " "${train[@]}" --data "$good" --out "$work/run$threads" --threads "$threads" --seed 5 --model conv2d
done
for key in dataset model epochs batch_size seed threads isa train_loss test_loss test_accuracy seconds_per_epoch \
  images_per_second peak_memory_mib parameter_hash; do
  expect 0 "\"$key\": " cat "$work/run1/summary.json"
done
hash=$(grep parameter_hash "$work/run1/summary.json")
expect 0 ", $isa" env RAVEL_ISA=$isa "${train[@]}" --data "$good" --out "$work/isa"
expect 0 "\"isa\": \"$isa\"" cat "$work/isa/summary.json"
expect 0 "$hash" cat "$work/run3/summary.json"

echo "== bad data"
expect 1 "mnist" env -u RAVEL_DATA HOME="$work" "${train[@]}" --data "$work/nowhere"
cp -r "$good" "$work/short" && truncate -s 2000 "$work/short/train-images-idx3-ubyte"
expect 1 "train-images-idx3-ubyte" "${train[@]}" --data "$work/short"
cp -r "$good" "$work/magic" && { word 2052; word 20; } >"$work/magic/t10k-labels-idx1-ubyte"
expect 1 "t10k-labels-idx1-ubyte" "${train[@]}" --data "$work/magic"
cp -r "$good" "$work/count" && write_labels "$work/count/train-labels-idx1-ubyte" 39
expect 1 "39" "${train[@]}" --data "$work/count"
cp -r "$good" "$work/label" && { word 2049; word 20; printf '\x0c%.0s' {1..20}; } >"$work/label/t10k-labels-idx1-ubyte"
expect 1 "12" "${train[@]}" --data "$work/label"

echo "== runs that go wrong"
expect 1 "try a smaller --lr than" "${train[@]}" --data "$good" --lr 1e38 --optimizer sgd --epochs 5
expect 1 "cannot write" "${train[@]}" --data "$good" --out /proc/nothing
expect 1 "RAVEL_THREADS=many: use a whole number" env RAVEL_THREADS=many "${train[@]}" --data "$good"
expect 1 "RAVEL_ISA=sse9 is unknown; use $levels" env RAVEL_ISA=sse9 "${train[@]}" --data "$good"

if [[ $failures -gt 0 ]]; then
  echo "$failures failures"
  exit 1
fi
echo "all programs behave"
