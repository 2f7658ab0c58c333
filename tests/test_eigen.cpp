#include "catch.hpp"
#include "ravel/eigen.hpp"
#include "ravel/ravel.hpp"

using namespace ravel;

TEST_CASE("a matrix keeps its elements' places, whatever its storage order") {
  Eigen::MatrixXd columns(2, 3);
  columns << 1, 2, 3, 4, 5, 6;
  const Eigen::Matrix<double, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor> rows = columns;
  const Tensor expected = tensor({{1, 2, 3}, {4, 5, 6}}, f64);
  CHECK(equal(from_eigen(columns), expected));
  CHECK(equal(from_eigen(rows), expected));
  CHECK(equal(from_eigen(columns.transpose()), t(expected)));
  CHECK(equal(from_eigen(columns.block(0, 1, 2, 2) * 2), tensor({{4, 6}, {10, 12}}, f64)));
  CHECK(equal(from_eigen(columns.cast<float>().array() + 1), tensor({{2.0, 3.0, 4.0}, {5.0, 6.0, 7.0}})));
}

TEST_CASE("what Eigen knows to be a vector has rank 1") {
  CHECK(equal(from_eigen(Eigen::Vector3f(1, 2, 3)), tensor({1.0, 2.0, 3.0})));
  CHECK(equal(from_eigen(Eigen::RowVector2d(1, 2)), tensor({1, 2}, f64)));
  CHECK(from_eigen(Eigen::MatrixXf::Zero(3, 1)).shape() == Shape({3, 1}));
  CHECK(from_eigen(Eigen::MatrixXf(0, 4)).shape() == Shape({0, 4}));
  CHECK(from_eigen(Eigen::Matrix<std::int64_t, 2, 2>::Identity()).dtype() == i64);
}

TEST_CASE("tensors come back as matrices and vectors, views too") {
  const Tensor x = tensor({{1, 2, 3}, {4, 5, 6}}, f64);
  const Eigen::MatrixXd matrix = to_eigen<double>(flip(t(x), 0));
  CHECK(matrix.rows() == 3);
  CHECK(matrix(0, 0) == 3);
  CHECK(matrix(2, 1) == 4);
  CHECK(equal(from_eigen(to_eigen<double>(x)), x));
  const Eigen::VectorXd vector = to_eigen_vector<double>(select(x, 1, 1));
  CHECK(vector == Eigen::Vector2d(2, 5));
  CHECK(to_eigen<float>(expand(tensor(2.0), {2, 2})) == Eigen::Matrix2f::Constant(2));
  CHECK(to_eigen<float>(zeros({0, 3})).cols() == 3);
}

TEST_CASE("a wrong rank or type is an error that says so") {
  CHECK(error_of([] { to_eigen<float>(zeros(3)); }) ==
        "to_eigen: a matrix needs rank 2, shape (3,) has 1; see to_eigen_vector");
  CHECK(error_of([] {
          to_eigen_vector<float>(zeros({3, 1}));
        }) == "to_eigen_vector: a vector needs rank 1, shape (3, 1) has 2; see to_eigen");
  CHECK(error_of([] {
          to_eigen<double>(zeros({1, 1}));
        }) == "to_eigen: the elements are f32, asked for as f64; use cast()");
  CHECK(error_of([] { to_eigen_vector<float>(zeros(1, i64)); }) ==
        "to_eigen_vector: the elements are i64, asked for as f32; use cast()");
}
