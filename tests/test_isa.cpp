// The instruction set in use and its name.
#include <string>

#include "catch.hpp"
#include "ravel/ops/kernels/isa.hpp"

using namespace ravel;

TEST_CASE("the instruction set has the name of its processor's family") {
  const std::string name = name_of(isa());
#if defined(__aarch64__)
  CHECK(name == "neon");
#elif defined(__x86_64__)
  CHECK((name == "baseline" || name == "avx2" || name == "avx512"));
#else
  CHECK(name == "baseline");
#endif
}
