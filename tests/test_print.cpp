#include <fmt/format.h>

#include <limits>
#include <sstream>

#include "catch.hpp"
#include "ravel/ravel.hpp"

using namespace ravel;

TEST_CASE("numbers get as many decimals as the one that needs most, and a common width") {
  CHECK(to_string(tensor({1.0, 2.0})) == "tensor([1., 2.])");
  CHECK(to_string(tensor({0.5, 0.25, -100.0})) == "tensor([   0.50,    0.25, -100.00])");
  CHECK(to_string(tensor({0.1, 1.0 / 3}, f64)) == "tensor([0.1000, 0.3333], f64)");
  CHECK(to_string(tensor({0.1, 0.2})) == "tensor([0.1, 0.2])");
  CHECK(to_string(tensor({1, -20, 300})) == "tensor([  1, -20, 300])");
  CHECK(to_string(tensor({true, false})) == "tensor([ true, false])");
  CHECK(to_string(from_vector<std::uint8_t>({0, 255})) == "tensor([  0, 255], u8)");
  CHECK(to_string(tensor({-0.0, 0.0})) == "tensor([-0.,  0.])");
}

TEST_CASE("numbers of very different or extreme size are written in scientific notation") {
  CHECK(to_string(tensor({1e-5, 1.0})) == "tensor([1.e-05, 1.e+00])");
  CHECK(to_string(tensor({0.5, 2000.25})) == "tensor([5.0000e-01, 2.0002e+03])");
  CHECK(to_string(tensor({1.0, 2000.0})) == "tensor([   1., 2000.])");
  CHECK(to_string(tensor({1e9, -2e9})) == "tensor([ 1.e+09, -2.e+09])");
  CHECK(to_string(tensor(123456789.0, f64)) == "tensor(1.2346e+08, f64)");
  CHECK(to_string(tensor({0.00012, 0.0})) == "tensor([0.0001, 0.0000])");
  CHECK(to_string(from_vector<std::int64_t>({1LL << 62})) == "tensor([4611686018427387904])");
}

TEST_CASE("infinities and NaN stand in the columns of the others and change no format") {
  const double infinity = std::numeric_limits<double>::infinity(), nan = std::numeric_limits<double>::quiet_NaN();
  CHECK(to_string(tensor({1.0, infinity, -infinity, nan})) == "tensor([  1.,  inf, -inf,  nan])");
  CHECK(to_string(tensor(infinity)) == "tensor(inf)");
  CHECK(to_string(tensor({nan, nan})) == "tensor([nan, nan])");
}

TEST_CASE("rows stand below each other, matrices apart") {
  CHECK(to_string(tensor({{1.0, -2.0}, {3.0, 4.0}}, f64)) ==
        "tensor([[ 1., -2.],\n"
        "        [ 3.,  4.]], f64)");
  CHECK(to_string(reshape(arange(8), {2, 2, 2})) ==
        "tensor([[[0, 1],\n"
        "         [2, 3]],\n"
        "\n"
        "        [[4, 5],\n"
        "         [6, 7]]])");
  CHECK(to_string(t(tensor({{1, 2}, {3, 4}}))) ==
        "tensor([[1, 3],\n"
        "        [2, 4]])");
  CHECK(to_string(flip(arange(3), 0)) == "tensor([2, 1, 0])");
  CHECK(to_string(expand(tensor({7}), {3})) == "tensor([7, 7, 7])");
}

TEST_CASE("long rows are wrapped before column 80") {
  const std::string text = to_string(arange(0, 30));
  CHECK(text ==
        "tensor([ 0.,  1.,  2.,  3.,  4.,  5.,  6.,  7.,  8.,  9., 10., 11., 12., 13.,\n"
        "        14., 15., 16., 17., 18., 19., 20., 21., 22., 23., 24., 25., 26., 27.,\n"
        "        28., 29.])");
}

TEST_CASE("more than 1000 elements are shortened, and the shape is given") {
  CHECK(to_string(arange(1001)) == "tensor([   0,    1,    2, ...,  998,  999, 1000], shape (1001,))");
  CHECK(to_string(arange(1000)).find("...") == std::string::npos);
  CHECK(to_string(reshape(arange(2000), {1000, 2})) ==
        "tensor([[   0,    1],\n"
        "        [   2,    3],\n"
        "        [   4,    5],\n"
        "        ...,\n"
        "        [1994, 1995],\n"
        "        [1996, 1997],\n"
        "        [1998, 1999]], shape (1000, 2))");
  CHECK(to_string(expand(tensor(0.5), {1LL << 20, 1LL << 20})) ==
        "tensor([[0.5, 0.5, 0.5, ..., 0.5, 0.5, 0.5],\n"
        "        [0.5, 0.5, 0.5, ..., 0.5, 0.5, 0.5],\n"
        "        [0.5, 0.5, 0.5, ..., 0.5, 0.5, 0.5],\n"
        "        ...,\n"
        "        [0.5, 0.5, 0.5, ..., 0.5, 0.5, 0.5],\n"
        "        [0.5, 0.5, 0.5, ..., 0.5, 0.5, 0.5],\n"
        "        [0.5, 0.5, 0.5, ..., 0.5, 0.5, 0.5]], shape (1048576, 1048576))");
}

TEST_CASE("what the elements do not tell stands after them") {
  CHECK(to_string(tensor(3.5)) == "tensor(3.5)");
  CHECK(to_string(tensor(true)) == "tensor(true)");
  CHECK(to_string(zeros(0)) == "tensor([], shape (0,), f32)");
  CHECK(to_string(zeros({2, 0, 3}, i64)) == "tensor([], shape (2, 0, 3), i64)");
  CHECK(to_string(tensor({1.0}).requires_grad_()) == "tensor([1.], requires_grad)");
  CHECK(to_string(tensor({1.0}, f64).requires_grad_() * 2) == "tensor([2.], f64, requires_grad)");
  CHECK(to_string(Tensor()) == "tensor(undefined)");
}

TEST_CASE("tensors go into streams and into fmt") {
  std::ostringstream stream;
  stream << tensor({1, 2});
  CHECK(stream.str() == "tensor([1, 2])");
  CHECK(fmt::format("x = {}", tensor({1, 2})) == "x = tensor([1, 2])");
}
