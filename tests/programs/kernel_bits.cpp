// Prints a hash of what the contraction kernels compute for many shapes, to be compared between instruction sets.
#include <cstdio>
#include <exception>

#include "../kernel_cases.hpp"
#include "ravel/ops/kernels/gemm.hpp"
#include "ravel/ops/kernels/isa.hpp"

namespace ravel::testing {
namespace {

template <class T>
std::uint64_t hash_convolutions(std::uint64_t hash) {
  for (const ConvShape& s : conv_shapes()) {
    const std::vector<T> x = random_numbers<T>(input_size(s), 1), w = random_numbers<T>(weight_size(s), 2);
    const std::vector<T> g = random_numbers<T>(output_size(s), 3),
                         bias = random_numbers<T>(s.groups * s.out_channels, 4);
    std::vector<T> y(g.size()), dx(x.size()), dw(w.size());
    kernels::conv_output(s, x.data(), w.data(), {bias.data()}, y.data());
    kernels::conv_input_gradient(s, g.data(), w.data(), dx.data());
    kernels::conv_weight_gradient(s, x.data(), g.data(), dw.data());
    for (const std::vector<T>* const result : {&y, &dx, &dw}) hash = hash_of<T>(*result, hash);
  }
  return hash;
}

template <class T>
std::uint64_t hash_products(std::uint64_t hash) {
  for (const std::int64_t rows : {1, 3, 10, 65}) {
    for (const std::int64_t columns : {1, 10, 48, 131}) {
      for (const std::int64_t depth : {0, 1, 31, 700}) {
        const std::vector<T> a = random_numbers<T>(rows * depth, 1), b = random_numbers<T>(depth * columns, 2);
        std::vector<T> c(static_cast<std::size_t>(rows * columns));
        kernels::gemm<T>(rows, columns, depth, {a.data(), depth, 1}, {b.data(), columns, 1}, c.data(), columns);
        hash = hash_of<T>(c, hash);
        kernels::gemm<T>(rows, columns, depth, {a.data(), depth, 1}, {b.data(), 1, depth}, c.data(), columns);
        hash = hash_of<T>(c, hash);
        kernels::gemm<T>(rows, columns, depth, {a.data(), 1, rows}, {b.data(), columns, 1}, c.data(), columns);
        hash = hash_of<T>(c, hash);
      }
    }
  }
  return hash;
}

}  // namespace
}  // namespace ravel::testing

int main() {
  using namespace ravel::testing;
  try {
    const std::uint64_t f32 = hash_convolutions<float>(hash_products<float>(1));
    const std::uint64_t f64 = hash_convolutions<double>(hash_products<double>(1));
    std::printf("f32 %016llx f64 %016llx\n", static_cast<unsigned long long>(f32),
                static_cast<unsigned long long>(f64));
    return 0;
  } catch (const std::exception& error) {
    std::fprintf(stderr, "%s\n", error.what());
    return 1;
  }
}
