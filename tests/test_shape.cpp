#include "catch.hpp"
#include "ravel/autograd/shape.hpp"

using ravel::Shape;

TEST_CASE("a shape counts its elements") {
  CHECK(Shape().numel() == 1);
  CHECK(Shape({2, 3, 4}).numel() == 24);
  CHECK(Shape({1LL << 40, 0, 1LL << 40}).numel() == 0);
  CHECK(error_of([] {
          Shape({1LL << 40, 1LL << 40}).numel();
        }) == "shape (1099511627776, 1099511627776) has more elements than a 64-bit integer can count");
  CHECK(error_of([] { Shape({2, -1}).numel(); }) == "shape (2, -1) has a negative size");
}

TEST_CASE("a shape has packed row-major strides") {
  CHECK(Shape({2, 3, 4}).packed_strides() == Shape({12, 4, 1}));
  CHECK(Shape({2, 0, 4}).packed_strides() == Shape({4, 4, 1}));
  CHECK(Shape().packed_strides() == Shape());
}

TEST_CASE("a shape prints as Python writes a tuple") {
  CHECK(to_string(Shape()) == "()");
  CHECK(to_string(Shape(3)) == "(3,)");
  CHECK(to_string(Shape({2, 3})) == "(2, 3)");
}

TEST_CASE("dimensions count from the end when negative") {
  CHECK(ravel::wrap_dim(-1, 3, "sum") == 2);
  CHECK(ravel::wrap_dim(-1, 0, "sum") == 0);
  CHECK(error_of([] { ravel::wrap_dim(3, 3, "sum"); }) ==
        "sum: dimension 3 is out of range [-3, 2] of a tensor of rank 3");
  CHECK(ravel::wrap_dims({2, -3}, 3, "sum") == Shape({0, 2}));
  CHECK(ravel::wrap_dims({}, 2, "sum") == Shape({0, 1}));
  CHECK(error_of([] { ravel::wrap_dims({0, -3}, 3, "sum"); }) == "sum: a dimension appears twice in (0, -3)");
}
