#include "ravel/data/image_set.hpp"

namespace ravel::data {

Tensor checked_labels(const Tensor& labels, std::size_t class_count, const std::filesystem::path& path) {
  const std::int64_t count = labels.numel();
  const auto* const from = labels.data<std::uint8_t>();
  const Ref<Array> checked = Array::packed(i64, count);
  auto* const to = checked->data<std::int64_t>();
  for (std::int64_t i = 0; i < count; ++i) {
    require(from[i] < class_count, "{}: label {} of image {} is out of range: there are {} classes, 0 to {}",
            path.string(), from[i], i, class_count, class_count - 1);
    to[i] = from[i];
  }
  return Tensor(checked);
}

}  // namespace ravel::data
