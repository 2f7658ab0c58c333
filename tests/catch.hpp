// Catch2 in either of its two majors.
#pragma once

#include <string>

#if __has_include(<catch2/catch_all.hpp>)
#include <catch2/catch_all.hpp>
using Catch::Approx;
using Catch::Matchers::ContainsSubstring;
#else
#include <catch2/catch.hpp>
inline auto ContainsSubstring(const std::string& text) { return Catch::Matchers::Contains(text); }
#endif

#include "ravel/autograd/error.hpp"

// The message of the ravel::Error that `body` throws, or "no error".
template <class F>
std::string error_of(const F& body) {
  try {
    body();
  } catch (const ravel::Error& error) {
    return error.what();
  }
  return "no error";
}
