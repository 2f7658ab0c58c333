#include "ravel/autograd/tensor.hpp"

#include "ravel/ops/kernels/blocks.hpp"

namespace ravel {

template <class T>
std::vector<T> Tensor::to_vector() const {
  require(dtype() == dtype_of<T>, "to_vector: the elements are {}, asked for as {}; use cast()", dtype(), dtype_of<T>);
  std::vector<T> values(static_cast<std::size_t>(numel()));
  const kernels::Layout layout = kernels::coalesce(shape(), strides());
  kernels::BlockReader<T> reader;
  reader.start(array(), layout, 0);
  for (std::int64_t i = 0; i < numel(); i += kernels::block_size) {
    const std::int64_t count = std::min(kernels::block_size, numel() - i);
    std::copy_n(reader.next(count), count, values.begin() + i);
  }
  return values;
}

template <class T>
const T* Tensor::data() const {
  require(dtype() == dtype_of<T>, "data: the elements are {}, asked for as {}", dtype(), dtype_of<T>);
  require(is_packed(), "data: a tensor of shape {} with strides {} is not packed; use packed(x)", shape(), strides());
  return array().data<T>();
}

double Tensor::item() const {
  require(numel() == 1, "item: a tensor of shape {} has {} elements, not one", shape(), numel());
  return visit_any(dtype(), [&]<class T>() { return static_cast<double>(*array().data<T>()); });
}

template std::vector<float> Tensor::to_vector() const;
template std::vector<double> Tensor::to_vector() const;
template std::vector<std::int64_t> Tensor::to_vector() const;
template std::vector<std::uint8_t> Tensor::to_vector() const;
template std::vector<bool> Tensor::to_vector() const;
template const float* Tensor::data() const;
template const double* Tensor::data() const;
template const std::int64_t* Tensor::data() const;
template const std::uint8_t* Tensor::data() const;
template const bool* Tensor::data() const;

}  // namespace ravel
