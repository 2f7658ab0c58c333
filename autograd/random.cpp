#include "ravel/autograd/random.hpp"

#include "ravel/autograd/error.hpp"
#include "ravel/autograd/hash.hpp"

namespace ravel {
namespace {

std::uint64_t hash(std::string_view text) {
  Hash hash;
  for (const char c : text) hash.add(static_cast<unsigned char>(c));
  return hash.value();
}

}  // namespace

RandomKey next_random_key() {
  require(!modes.in_parallel, "random numbers are drawn by the thread that calls parallel(), not inside its body");
  RandomState& state = modes.random;
  require(state.step >> 32 == 0 && state.call >> 32 == 0, "random numbers: step {}, call {}; both end at 2^32",
          state.step, state.call);
  return {state.seed, hash(module_path()), static_cast<std::uint32_t>(state.step),
          static_cast<std::uint32_t>(state.call++)};
}

RandomKey random_key(std::uint64_t seed, std::string_view path, std::uint64_t step) {
  return {seed, hash(path), static_cast<std::uint32_t>(step), 0};
}

}  // namespace ravel
