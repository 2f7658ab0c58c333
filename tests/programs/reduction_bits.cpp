// Prints a hash of what reductions, softmax, losses and pooling compute for many shapes, to be compared between
// instruction sets.
#include <cstdio>
#include <exception>

#include "ravel/ravel.hpp"

namespace {

using namespace ravel;

std::uint64_t hash_results(const Shape& shape, Dtype dtype, std::uint64_t hash) {
  const Tensor x = randn(shape, dtype, random_key(1, "bits", 0)).requires_grad_();
  const Tensor target = randint(0, shape[1], shape[0], random_key(1, "bits", 1));
  // Not of one element by the default formula: 0 / 0 is a NaN whose sign is up to the processor.
  const Tensor variance = var(x, 0, {.correction = 0});
  std::vector<Tensor> results = {sum(x),       sum(x, 0),     sum(x, 1),         mean(x, 0),       max(x, 0),
                                 min(x, 1),    argmax(x, 0),  variance,          norm(x, 1),       logsumexp(x, 1),
                                 cumsum(x, 0), softmax(x, 1), log_softmax(x, 0), softmax(x * 3, 0)};
  const Tensor loss = cross_entropy(x, target, {.label_smoothing = 0.1}) + mse_loss(softmax(x, 1), log_softmax(x, 0));
  results.push_back(loss);
  results.push_back(grad(loss, {x})[0]);
  for (const Tensor& result : results) hash = hash * 31 + hash_of(result);
  return hash;
}

std::uint64_t hash_pooling(Dtype dtype) {
  const Tensor x = randn({20, 8, 33, 35}, dtype, random_key(1, "bits", 2)).requires_grad_();
  std::uint64_t hash = 0;
  for (const Tensor& y : {max_pool2d(x, 2), max_pool2d(x, 3, {.stride = 2, .padding = 1}), avg_pool2d(x, 2),
                          avg_pool2d(x, 3, {.stride = 1}), adaptive_avg_pool2d(x, 5)}) {
    hash = (hash * 31 + hash_of(y)) * 31 + hash_of(grad(sum(square(y)), {x})[0]);
  }
  return hash;
}

}  // namespace

int main() {
  try {
    for (const Dtype dtype : {f32, f64}) {
      std::uint64_t hash = hash_pooling(dtype);
      for (const Shape& shape :
           {Shape{1, 1}, Shape{5, 3}, Shape{128, 10}, Shape{37, 1030}, Shape{3000, 17}, Shape{2, 70000}}) {
        hash = hash_results(shape, dtype, hash);
      }
      std::printf("%s %016llx ", name_of(dtype), static_cast<unsigned long long>(hash));
    }
    std::printf("\n");
    return 0;
  } catch (const std::exception& error) {
    std::fprintf(stderr, "%s\n", error.what());
    return 1;
  }
}
