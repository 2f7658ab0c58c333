// Dropout: how much it keeps, what it scales by, and that its mask depends on the random key alone.
#include <cmath>

#include "catch.hpp"
#include "ravel/ravel.hpp"

namespace {

using namespace ravel;

}  // namespace

TEST_CASE("dropout: keeps each element with probability 1 - p and scales it", "[dropout]") {
  for (const double p : {0.1, 0.25, 0.5, 0.9}) {
    const RandomStep step(3, 1);
    const std::int64_t count = 100000;
    const std::vector<float> values = dropout(ones(count), p).to_vector<float>();
    std::int64_t kept = 0;
    for (const float value : values) {
      kept += value != 0;
      if (value != 0 && value != static_cast<float>(1 / (1 - p))) FAIL("an element became " << value);
    }
    INFO("p = " << p << ", kept " << kept);
    // Five standard deviations of a binomial distribution.
    CHECK(std::abs(static_cast<double>(kept) - (1 - p) * count) < 5 * std::sqrt(p * (1 - p) * count));
  }
}

TEST_CASE("dropout: neighbours are kept independently", "[dropout]") {
  const RandomStep step(3, 2);
  const std::int64_t count = 100000;
  const std::vector<float> values = dropout(ones(count), 0.5).to_vector<float>();
  for (const std::size_t distance : {1, 2, 3, 4, 512}) {
    double equal_pairs = 0, pairs = 0;
    for (std::size_t i = distance; i < values.size(); ++i, ++pairs) equal_pairs += values[i] == values[i - distance];
    INFO("distance " << distance);
    CHECK(std::abs(equal_pairs / pairs - 0.5) < 5 * 0.5 / std::sqrt(pairs));
  }
}

TEST_CASE("dropout: the mask depends on the step and the call, not on threads, strides or type", "[dropout]") {
  const auto mask = [](std::uint64_t step_number, int threads_used, const Tensor& x) {
    const int before = threads();
    set_threads(threads_used);
    const RandomStep step(5, step_number);
    const Tensor y = dropout(x, 0.4) != 0;
    set_threads(before);
    return hash_of(y);
  };
  const Tensor x = ones({37, 3001});
  const std::uint64_t expected = mask(1, 1, x);
  for (const int count : {1, 2, 3, 8}) CHECK(mask(1, count, x) == expected);
  CHECK(mask(1, 2, permute(ones({3001, 37}), {1, 0})) == expected);
  CHECK(mask(1, 2, expand(ones({1, 1}), {37, 3001})) == expected);
  CHECK(mask(1, 2, ones({37, 3001}, f64)) == expected);
  CHECK(mask(2, 1, x) != expected);
  const RandomStep step(5, 1);
  const Tensor first = dropout(x, 0.4), second = dropout(x, 0.4);
  CHECK(!equal(first, second));
}

TEST_CASE("dropout: the gradient has the mask of the value", "[dropout]") {
  const Tensor x = ones({7, 11}).requires_grad_(), y = dropout(x, 0.3);
  CHECK(equal(grad(sum(y), {x})[0], y.detach()));
}

TEST_CASE("dropout: p = 0, p = 1, evaluation, empty and rank 0", "[dropout]") {
  const Tensor x = ones({4, 5});
  CHECK(equal(dropout(x, 0), x));
  CHECK(equal(dropout(x, 1), zeros({4, 5})));
  CHECK(equal(dropout(x, 0.5, false), x));
  CHECK(dropout(zeros({0, 3}), 0.5).shape() == Shape{0, 3});
  CHECK(dropout(ones({}), 0.5).rank() == 0);
}

TEST_CASE("dropout: errors", "[dropout]") {
  CHECK(error_of([] { dropout(ones(3), 1.5); }) == "dropout: the probability 1.5 is not between 0 and 1");
  CHECK(error_of([] { dropout(ones(3), -0.1, false); }) == "dropout: the probability -0.1 is not between 0 and 1");
}
