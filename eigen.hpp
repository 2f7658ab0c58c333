// Tensors from Eigen's matrices and back: #include <ravel/eigen.hpp>. The only public header that includes Eigen.
#pragma once

#include <Eigen/Core>
#include <type_traits>

#include "ravel/autograd/create.hpp"

namespace ravel {

// A tensor with a copy of an Eigen matrix, vector or expression: (rows, columns) from a matrix, of rank 1 from what
// Eigen knows to be a vector, whatever its storage order. The scalar is float, double, std::int64_t, std::uint8_t or
// bool.
template <class Derived>
Tensor from_eigen(const Eigen::DenseBase<Derived>& x) {
  using Scalar = typename Derived::Scalar;
  static_assert(
      requires { DtypeOf<Scalar>::value; }, "from_eigen: no Dtype for this scalar; use x.cast<float>()");
  using Packed = Eigen::Array<Scalar, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;
  const Packed values = x.derived().array();
  return from_data(values.data(), Derived::IsVectorAtCompileTime ? Shape(x.size()) : Shape{x.rows(), x.cols()});
}

// A copy of a tensor of rank 2 as an Eigen matrix. Scalar must be the C++ type of its elements.
template <class Scalar>
Eigen::Matrix<Scalar, Eigen::Dynamic, Eigen::Dynamic> to_eigen(const Tensor& x) {
  require(x.rank() == 2, "to_eigen: a matrix needs rank 2, shape {} has {}; see to_eigen_vector", x.shape(), x.rank());
  require(x.dtype() == dtype_of<Scalar>, "to_eigen: the elements are {}, asked for as {}; use cast()", x.dtype(),
          dtype_of<Scalar>);
  using Strides = Eigen::Stride<Eigen::Dynamic, Eigen::Dynamic>;
  using View = Eigen::Map<const Eigen::Matrix<Scalar, Eigen::Dynamic, Eigen::Dynamic>, Eigen::Unaligned, Strides>;
  return View(x.array().data<Scalar>(), x.size(0), x.size(1), Strides(x.strides()[1], x.strides()[0]));
}

// A copy of a tensor of rank 1 as an Eigen column vector. Scalar must be the C++ type of its elements.
template <class Scalar>
Eigen::Matrix<Scalar, Eigen::Dynamic, 1> to_eigen_vector(const Tensor& x) {
  require(x.rank() == 1, "to_eigen_vector: a vector needs rank 1, shape {} has {}; see to_eigen", x.shape(), x.rank());
  require(x.dtype() == dtype_of<Scalar>, "to_eigen_vector: the elements are {}, asked for as {}; use cast()", x.dtype(),
          dtype_of<Scalar>);
  using Stride = Eigen::InnerStride<Eigen::Dynamic>;
  using View = Eigen::Map<const Eigen::Matrix<Scalar, Eigen::Dynamic, 1>, Eigen::Unaligned, Stride>;
  return View(x.array().data<Scalar>(), x.size(0), Stride(x.strides()[0]));
}

}  // namespace ravel
