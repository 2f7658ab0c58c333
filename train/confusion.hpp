// Counting right and wrong answers of a classifier.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "ravel/autograd/tensor.hpp"

namespace ravel::train {

// How often each class was taken for each class.
class ConfusionMatrix {
 public:
  explicit ConfusionMatrix(std::vector<std::string> classes);

  // Counts the answers of a batch: the largest of `logits` (N, classes) against `labels` (N) i64.
  void add(const Tensor& logits, const Tensor& labels);

  std::int64_t total() const;
  // The share of all samples that were classified rightly; 0 if there are none.
  double accuracy() const;
  // The same among the samples of class `label`.
  double accuracy_of(std::size_t label) const;
  // counts()[label][answer].
  const std::vector<std::vector<std::int64_t>>& counts() const { return counts_; }

  // A table for people: a row for each class with its accuracy and what its samples were taken for.
  std::string table() const;

 private:
  std::vector<std::string> classes_;
  std::vector<std::vector<std::int64_t>> counts_;
};

}  // namespace ravel::train
