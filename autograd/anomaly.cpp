#include <cmath>

#include "ravel/autograd/create.hpp"
#include "ravel/autograd/record.hpp"

namespace ravel {

void detail::check_anomaly(const char* op, const char* what, const Tensor& value) {
  if (!value.defined() || !is_floating(value.dtype())) return;
  visit_floating(value.dtype(), op, [&]<class T>() {
    const std::vector<T> elements = value.to_vector<T>();
    for (std::size_t i = 0; i < elements.size(); ++i) {
      require(std::isfinite(elements[i]), "{}: {} of shape {} has {} at element {}", op, what, value.shape(),
              elements[i], i);
    }
  });
}

}  // namespace ravel
