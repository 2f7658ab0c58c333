// Results that are written past the caches.
#include <algorithm>
#include <cstring>
#include <numeric>
#include <vector>

#include "catch.hpp"
#include "ravel/ops/kernels/stream.hpp"
#include "ravel/ravel.hpp"

namespace {

using namespace ravel;

TEST_CASE("stream copies any number of bytes from and to any place, and nothing else", "[kernels]") {
  std::vector<char> from(400), to(400);
  std::iota(from.begin(), from.end(), char{1});
  const char untouched = 0;
  for (std::size_t source = 0; source < 3; ++source) {
    for (std::size_t target = 0; target < 70; ++target) {
      for (const std::size_t bytes : {0, 1, 16, 63, 64, 65, 127, 128, 200, 256, 300}) {
        INFO(bytes << " bytes from " << source << " to " << target);
        std::fill(to.begin(), to.end(), untouched);
        kernels::stream(to.data() + target, from.data() + source, static_cast<std::int64_t>(bytes));
        kernels::finish_streams();
        std::vector<char> expected(to.size(), untouched);
        std::memcpy(expected.data() + target, from.data() + source, bytes);
        REQUIRE(to == expected);
      }
    }
  }
}

TEST_CASE("a large elementwise result, written past the caches, has the elements of its parts", "[kernels]") {
  const std::int64_t size = kernels::streamed_bytes / static_cast<std::int64_t>(sizeof(float)) + 1003;
  const std::int64_t part = size / 9;
  const Tensor numbers = arange(0, static_cast<double>(size), 1, f32);
  const Tensor x = sin(numbers), y = cos(numbers), z = x * y + x;
  std::int64_t wrong = 0;
  for (std::int64_t first = 0; first < size; first += part) {
    const std::int64_t count = std::min(part, size - first);
    const Tensor u = narrow(x, 0, first, count), v = narrow(y, 0, first, count);
    wrong += all(narrow(z, 0, first, count) == u * v + u).item() != 0 ? 0 : 1;
  }
  CHECK(wrong == 0);
}

}  // namespace
