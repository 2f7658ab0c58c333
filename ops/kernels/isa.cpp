#include "ravel/ops/kernels/isa.hpp"

#if defined(__x86_64__)
#include <cpuid.h>
#endif

#include <array>
#include <cstdlib>
#include <string_view>

#include "ravel/autograd/error.hpp"

namespace ravel {
namespace {

#if defined(__aarch64__)
constexpr std::array levels = {Isa::neon};
constexpr const char* level_names = "neon";
#else
constexpr std::array levels = {Isa::baseline, Isa::avx2, Isa::avx512};
constexpr const char* level_names = "baseline, avx2 or avx512";
#endif

#if defined(__x86_64__)
// Are the instructions of x86-64-v3 there that __builtin_cpu_supports of clang 14 has no names for? F16C, MOVBE and
// LZCNT: bits of CPUID (Intel, Software Developer's Manual, volume 2A).
bool has_unnamed_parts_of_v3() {
  unsigned a = 0, b = 0, features = 0, extended = 0, d = 0;
  if (__get_cpuid(1, &a, &b, &features, &d) == 0 || __get_cpuid(0x80000001, &a, &b, &extended, &d) == 0) return false;
  constexpr unsigned f16c = 1U << 29, movbe = 1U << 22, lzcnt = 1U << 5;
  return (features & f16c) != 0 && (features & movbe) != 0 && (extended & lzcnt) != 0;
}
#endif

Isa best() {
#if defined(__x86_64__)
  __builtin_cpu_init();
  const bool v3 = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") && __builtin_cpu_supports("bmi") &&
                  __builtin_cpu_supports("bmi2") && has_unnamed_parts_of_v3();
  const bool v4 = v3 && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512vl") &&
                  __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512dq") &&
                  __builtin_cpu_supports("avx512cd");
  if (v4) return Isa::avx512;
  if (v3) return Isa::avx2;
#endif
  return levels.front();
}

Isa choose() {
  const Isa most = best();
  const char* name = std::getenv("RAVEL_ISA");
  if (name == nullptr || *name == '\0') return most;
  for (const Isa level : levels) {
    if (std::string_view(name) != name_of(level)) continue;
    require(level <= most, "RAVEL_ISA={}: this processor offers {} at most", name, name_of(most));
    return level;
  }
  fail("RAVEL_ISA={} is unknown; use {}", name, level_names);
}

}  // namespace

Isa isa() {
  static const Isa chosen = choose();
  return chosen;
}

const char* name_of(Isa isa) {
  constexpr const char* names[] = {"baseline", "avx2", "avx512", "neon"};
  return names[static_cast<int>(isa)];
}

}  // namespace ravel
