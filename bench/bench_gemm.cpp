// Matrix products.
#include <algorithm>

#include "ravel/autograd/memory.hpp"
#include "ravel/ops/kernels/gemm.hpp"
#include "suite.hpp"

namespace ravel::bench {
namespace {

struct Product {
  std::int64_t rows, columns, depth;
  bool transposed_a = false, transposed_b = false;
};

void gemm(benchmark::State& state, const Product& product) {
  const auto [rows, columns, depth, transposed_a, transposed_b] = product;
  const Scratch<float> a(rows * depth), b(depth * columns), c(rows * columns);  // as the arrays of tensors are
  std::fill_n(a.data(), rows * depth, 0.5F);
  std::fill_n(b.data(), depth * columns, 0.5F);
  const kernels::Matrix<float> left{a.data(), transposed_a ? 1 : depth, transposed_a ? rows : 1};
  const kernels::Matrix<float> right{b.data(), transposed_b ? 1 : columns, transposed_b ? depth : 1};
  measure_flops(state, 2.0 * static_cast<double>(rows * columns * depth),
                [&, rows = rows, columns = columns, depth = depth] {
                  kernels::gemm<float>(rows, columns, depth, left, right, c.data(), columns);
                  benchmark::ClobberMemory();
                });
}

// Rows x depth x columns; n and t say of A and of B whether they are transposed.
BENCHMARK_CAPTURE(gemm, nn_128x128x128, Product{128, 128, 128})->Apply(each_number_of_threads);
BENCHMARK_CAPTURE(gemm, nn_512x512x512, Product{512, 512, 512})->Apply(each_number_of_threads);
BENCHMARK_CAPTURE(gemm, nn_1024x1024x1024, Product{1024, 1024, 1024})->Apply(each_number_of_threads);
BENCHMARK_CAPTURE(gemm, nn_2048x2048x2048, Product{2048, 2048, 2048})->Apply(each_number_of_threads);
// The output, the input gradient and the weight gradient of a linear layer, 784 -> 256, and a batch of 128.
BENCHMARK_CAPTURE(gemm, nt_128x784x256, Product{128, 256, 784, false, true})->Apply(each_number_of_threads);
BENCHMARK_CAPTURE(gemm, nn_128x256x784, Product{128, 784, 256})->Apply(each_number_of_threads);
BENCHMARK_CAPTURE(gemm, tn_256x128x784, Product{256, 784, 128, true, false})->Apply(each_number_of_threads);

}  // namespace
}  // namespace ravel::bench
