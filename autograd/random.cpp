#include "ravel/autograd/random.hpp"

namespace ravel {
namespace {

// FNV-1a, 64 bits: short, well known, and the same on every machine.
std::uint64_t hash(std::string_view text) {
  std::uint64_t value = 0xCBF29CE484222325u;
  for (const char c : text) value = (value ^ static_cast<unsigned char>(c)) * 0x100000001B3u;
  return value;
}

}  // namespace

RandomKey next_random_key() {
  RandomState& state = modes.random;
  return {state.seed, hash(module_path()), static_cast<std::uint32_t>(state.step),
          static_cast<std::uint32_t>(state.call++)};
}

RandomKey random_key(std::uint64_t seed, std::string_view path, std::uint64_t step) {
  return {seed, hash(path), static_cast<std::uint32_t>(step), 0};
}

}  // namespace ravel
