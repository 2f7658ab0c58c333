// What the main functions of programs share.
#pragma once

#include <cstdio>
#include <exception>

#include "ravel/autograd/error.hpp"

namespace ravel::train {

inline constexpr int exit_failure = 1, exit_usage = 2;

// Runs the body of a program. What the library throws ends it with one line on stderr and exit code 1.
template <class Body>
int run_program(const char* name, const Body& body) {
  try {
    return body();
  } catch (const std::exception& error) {
    std::fflush(stdout);
    fmt::print(stderr, "{}: {}\n", name, error.what());
    return exit_failure;
  }
}

}  // namespace ravel::train
