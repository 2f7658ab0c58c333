// The convolution kernels against sums written out from the definition.
#include <algorithm>

#include "catch.hpp"
#include "kernel_cases.hpp"
#include "ravel/ops/kernels/conv.hpp"

namespace ravel::testing {
namespace {

template <class T>
struct Operands {
  explicit Operands(const ConvShape& s)
      : x(random_numbers<T>(input_size(s), 1)),
        w(random_numbers<T>(weight_size(s), 2)),
        dy(random_numbers<T>(output_size(s), 3)),
        bias(random_numbers<T>(s.groups * s.out_channels, 4)) {}
  std::vector<T> x, w, dy, bias;
};

// An output array that is full of NaNs, so that an element that is never written shows.
template <class T>
std::vector<T> unwritten(std::int64_t size) {
  return std::vector<T>(static_cast<std::size_t>(size), std::numeric_limits<T>::quiet_NaN());
}

template <class T>
std::vector<T> output(const ConvShape& s, const Operands<T>& in, bool with_bias) {
  std::vector<T> y = unwritten<T>(output_size(s));
  kernels::conv_output(s, in.x.data(), in.w.data(), with_bias ? in.bias.data() : nullptr, y.data());
  return y;
}
template <class T>
std::vector<T> input_gradient(const ConvShape& s, const Operands<T>& in) {
  std::vector<T> dx = unwritten<T>(input_size(s));
  kernels::conv_input_gradient(s, in.dy.data(), in.w.data(), dx.data());
  return dx;
}
template <class T>
std::vector<T> weight_gradient(const ConvShape& s, const Operands<T>& in) {
  std::vector<T> dw = unwritten<T>(weight_size(s));
  kernels::conv_weight_gradient(s, in.x.data(), in.dy.data(), dw.data());
  return dw;
}

template <class T>
std::int64_t disagreements(const std::vector<ExactSum>& expected, const std::vector<T>& got) {
  std::int64_t count = 0;
  for (std::size_t i = 0; i < got.size(); ++i) count += expected[i].agrees(got[i]) ? 0 : 1;
  return count;
}

std::size_t index(std::int64_t i) { return static_cast<std::size_t>(i); }

template <class T>
void compare_with_definition(const ConvShape& s) {
  INFO(describe(s));
  const Operands<T> in(s);
  std::vector<ExactSum> y(index(output_size(s))), dx(index(input_size(s))), dw(index(weight_size(s)));
  for_each_product(s, [&](std::int64_t x, std::int64_t w, std::int64_t o) {
    y[index(o)].add(static_cast<long double>(in.x[index(x)]) * in.w[index(w)]);
    dx[index(x)].add(static_cast<long double>(in.dy[index(o)]) * in.w[index(w)]);
    dw[index(w)].add(static_cast<long double>(in.dy[index(o)]) * in.x[index(x)]);
  });
  CHECK(disagreements(y, output(s, in, false)) == 0);
  const std::int64_t pixels = s.out[0] * s.out[1];
  for (std::int64_t i = 0; i < output_size(s); ++i) {
    y[index(i)].add(in.bias[index(i / pixels % (s.groups * s.out_channels))]);
  }
  CHECK(disagreements(y, output(s, in, true)) == 0);
  CHECK(disagreements(dx, input_gradient(s, in)) == 0);
  CHECK(disagreements(dw, weight_gradient(s, in)) == 0);
}

}  // namespace

TEST_CASE("convolution kernels agree with the definition", "[kernels]") {
  for (const ConvShape& shape : conv_shapes()) {
    compare_with_definition<float>(shape);
    compare_with_definition<double>(shape);
  }
}

TEST_CASE("convolution kernels give the same bits on any number of threads", "[kernels]") {
  for (const ConvShape& shape : conv_shapes()) {
    INFO(describe(shape));
    const Operands<float> in(shape);
    CHECK(same_on_all_threads([&] { return output(shape, in, true); }));
    CHECK(same_on_all_threads([&] { return input_gradient(shape, in); }));
    CHECK(same_on_all_threads([&] { return weight_gradient(shape, in); }));
  }
}

}  // namespace ravel::testing
