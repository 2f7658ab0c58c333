#include "ravel/train/confusion.hpp"

#include <fmt/core.h>

#include <algorithm>
#include <numeric>

#include "ravel/ops/reduction.hpp"

namespace ravel::train {

ConfusionMatrix::ConfusionMatrix(std::vector<std::string> classes)
    : classes_(std::move(classes)), counts_(classes_.size(), std::vector<std::int64_t>(classes_.size())) {}

void ConfusionMatrix::add(const Tensor& logits, const Tensor& labels) {
  const auto classes = static_cast<std::int64_t>(classes_.size());
  require(logits.rank() == 2 && logits.size(1) == classes && labels.shape() == Shape(logits.size(0)),
          "confusion matrix: {} classes need logits (N, {}) and labels (N), got {} and {}", classes, classes,
          logits.shape(), labels.shape());
  const std::vector<std::int64_t> answers = argmax(logits.detach(), 1).to_vector<std::int64_t>();
  const std::vector<std::int64_t> truths = labels.to_vector<std::int64_t>();
  for (std::size_t i = 0; i < truths.size(); ++i) {
    require(truths[i] >= 0 && truths[i] < classes, "confusion matrix: label {} at position {} is out of range [0, {})",
            truths[i], i, classes);
    ++counts_[static_cast<std::size_t>(truths[i])][static_cast<std::size_t>(answers[i])];
  }
}

std::int64_t ConfusionMatrix::total() const {
  std::int64_t sum = 0;
  for (const auto& row : counts_) sum += std::accumulate(row.begin(), row.end(), std::int64_t{0});
  return sum;
}

double ConfusionMatrix::accuracy() const {
  std::int64_t right = 0;
  for (std::size_t i = 0; i < counts_.size(); ++i) right += counts_[i][i];
  return static_cast<double>(right) / static_cast<double>(std::max<std::int64_t>(total(), 1));
}

double ConfusionMatrix::accuracy_of(std::size_t label) const {
  const std::int64_t all = std::accumulate(counts_[label].begin(), counts_[label].end(), std::int64_t{0});
  return static_cast<double>(counts_[label][label]) / static_cast<double>(std::max<std::int64_t>(all, 1));
}

std::string ConfusionMatrix::table() const {
  std::size_t name_width = 5;
  for (const std::string& name : classes_) name_width = std::max(name_width, name.size());
  const auto cell = [&](std::size_t row, std::size_t column) { return fmt::format("{}", counts_[row][column]); };
  std::string text = fmt::format("{:<{}}  accuracy   taken for", "class", name_width);
  for (std::size_t column = 0; column < classes_.size(); ++column) {
    if (column == 0) text += fmt::format("\n{:{}}", "", name_width + 12);
    text += fmt::format("{:>6}", classes_[column].substr(0, 5));
  }
  for (std::size_t row = 0; row < classes_.size(); ++row) {
    text += fmt::format("\n{:<{}}  {:7.2f} %  ", classes_[row], name_width, 100 * accuracy_of(row));
    for (std::size_t column = 0; column < classes_.size(); ++column) {
      text += fmt::format("{:>6}", counts_[row][column] == 0 ? "." : cell(row, column));
    }
  }
  return text + "\n";
}

}  // namespace ravel::train
