// Labelled images in memory.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "ravel/autograd/tensor.hpp"

namespace ravel::data {

struct ImageSet {
  Tensor images;                     // (N, C, H, W) u8
  Tensor labels;                     // (N,) i64, each in [0, classes.size())
  std::vector<std::string> classes;  // the names of the classes

  std::int64_t size() const { return labels.numel(); }
};

// `labels` (N,) u8 as i64; an error that names `path` and the first label that is not below `class_count`.
Tensor checked_labels(const Tensor& labels, std::size_t class_count, const std::filesystem::path& path);

}  // namespace ravel::data
