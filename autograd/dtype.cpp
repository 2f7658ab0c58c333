#include "ravel/autograd/dtype.hpp"

#include <cmath>

namespace ravel {

void require_element(const char* op, double number, Dtype dtype) {
  if (is_floating(dtype)) return;
  const double low = dtype == i64 ? -0x1p63 : 0, high = dtype == i64 ? 0x1p63 : dtype == u8 ? 256 : 2;
  require(number >= low && number < high && number == std::floor(number),
          "{}: {} is no value of a {} tensor; use cast()", op, number, dtype);
}

}  // namespace ravel
