#!/usr/bin/env bash
# Installs Ravel and builds a program against the installed package. Arguments: the root of the tree, the build folder.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cmake --install "$2" --prefix "$work/installed" >"$work/log" || { cat "$work/log"; exit 1; }
mkdir "$work/program"
cat >"$work/program/CMakeLists.txt" <<'TEXT'
cmake_minimum_required(VERSION 3.25)
project(program LANGUAGES CXX)
find_package(ravel REQUIRED)
add_executable(program program.cpp)
target_link_libraries(program PRIVATE ravel::ravel)
TEXT
cat >"$work/program/program.cpp" <<'TEXT'
#include <ravel/ravel.hpp>

int main() {
  const ravel::Tensor x = ravel::tensor({1., 2., 3.}).requires_grad_();
  ravel::sum(x * x).backward();
  fmt::print("gradient: {}\n", x.grad());
}
TEXT
flags=$(sed -n 's/^CMAKE_CXX_FLAGS:STRING=//p' "$2/CMakeCache.txt")
compiler=$(sed -n 's/^CMAKE_CXX_COMPILER:[A-Z]*=//p' "$2/CMakeCache.txt")
cmake -S "$work/program" -B "$work/build" -G Ninja -DCMAKE_PREFIX_PATH="$work/installed" \
  -DCMAKE_CXX_COMPILER="$compiler" -DCMAKE_CXX_FLAGS="$flags" >"$work/log" || { cat "$work/log"; exit 1; }
cmake --build "$work/build" >"$work/log" || { cat "$work/log"; exit 1; }
output=$("$work/build/program")
echo "$output"
[[ $output == "gradient: tensor([2., 4., 6.])" ]]
