#include "ravel/data/batches.hpp"

#include <algorithm>
#include <utility>

#include "ravel/autograd/create.hpp"
#include "ravel/autograd/error.hpp"
#include "ravel/autograd/parallel.hpp"
#include "ravel/ops/shape.hpp"

namespace ravel::data {
namespace {

constexpr std::int64_t pixels_per_task = 32768;

void check(const ImageSet& set, const BatchOptions& options) {
  require(set.images.rank() == 4 && set.images.dtype() == u8, "batches: needs u8 images (N, C, H, W), got {} {}",
          set.images.dtype(), set.images.shape());
  require(set.labels.shape() == Shape(set.images.size(0)) && set.labels.dtype() == i64,
          "batches: needs an i64 label for each of {} images, got {} {}", set.images.size(0), set.labels.dtype(),
          set.labels.shape());
  require(set.size() > 0, "batches: there are no images");
  require(options.batch_size >= 1, "batches: batch size {}; use 1 or more", options.batch_size);
  require(options.limit >= 0, "batches: limit {}; use 1 or more, or 0 for all images", options.limit);
  const auto channels = static_cast<std::size_t>(set.images.size(1));
  require(options.mean.empty() || options.mean.size() == channels, "batches: {} means for {} channels",
          options.mean.size(), channels);
  require(options.stddev.empty() || options.stddev.size() == channels,
          "batches: {} standard deviations for {} channels", options.stddev.size(), channels);
  for (const float stddev : options.stddev) {
    require(stddev > 0, "batches: a standard deviation of {}; use numbers above 0", stddev);
  }
}

}  // namespace

Batches::Batches(ImageSet set, BatchOptions options) : set_(std::move(set)), options_(std::move(options)) {
  check(set_, options_);
  set_.images = packed(set_.images);
  set_.labels = packed(set_.labels);
  image_count_ = options_.limit == 0 ? set_.size() : std::min(options_.limit, set_.size());
  for (std::size_t channel = 0; channel < static_cast<std::size_t>(set_.images.size(1)); ++channel) {
    const double mean = options_.mean.empty() ? 0 : options_.mean[channel];
    const double stddev = options_.stddev.empty() ? 1 : options_.stddev[channel];
    scale_.push_back(static_cast<float>(1 / (255 * stddev)));
    shift_.push_back(static_cast<float>(-mean / stddev));
  }
}

std::int64_t Batches::size() const {
  const std::int64_t whole = image_count_ / options_.batch_size;
  return options_.drop_last || image_count_ % options_.batch_size == 0 ? whole : whole + 1;
}

Batches::Epoch Batches::epoch(std::int64_t number) const {
  if (!options_.shuffle) return {*this, arange(image_count_)};
  const RandomKey key = random_key(options_.seed, "data/order", static_cast<std::uint64_t>(number));
  return {*this, randperm(image_count_, key)};
}

Batch Batches::Epoch::operator[](std::int64_t i) const {
  require(i >= 0 && i < size(), "batches: there is no batch {}: an epoch has {}", i, size());
  const std::int64_t begin = i * batches_.options_.batch_size;
  const std::int64_t count = std::min(batches_.options_.batch_size, batches_.image_count_ - begin);
  const std::int64_t* const indices = order_.data<std::int64_t>() + begin;
  const Ref<Array> labels = Array::packed(i64, count);
  const auto* const all = batches_.set_.labels.data<std::int64_t>();
  std::transform(indices, indices + count, labels->data<std::int64_t>(),
                 [&](std::int64_t index) { return all[index]; });
  return {batches_.cut_images(indices, count), Tensor(labels)};
}

Tensor Batches::cut_images(const std::int64_t* indices, std::int64_t count) const {
  const Tensor& images = set_.images;
  const std::int64_t channels = images.size(1), plane = images.size(2) * images.size(3);
  const Ref<Array> batch = Array::packed(f32, {count, channels, images.size(2), images.size(3)});
  const auto* const from = images.data<std::uint8_t>();
  auto* const to = batch->data<float>();
  // Item i is a plane of the batch: channel i % channels of the image at indices[i / channels].
  const std::int64_t grain = std::max<std::int64_t>(pixels_per_task / std::max<std::int64_t>(plane, 1), 1);
  parallel(count * channels, grain, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t i = begin; i < end; ++i) {
      const std::int64_t channel = i % channels;
      const float scale = scale_[static_cast<std::size_t>(channel)], shift = shift_[static_cast<std::size_t>(channel)];
      const std::uint8_t* const source = from + (indices[i / channels] * channels + channel) * plane;
      std::transform(source, source + plane, to + i * plane, [=](std::uint8_t pixel) { return pixel * scale + shift; });
    }
  });
  return Tensor(batch);
}

}  // namespace ravel::data
