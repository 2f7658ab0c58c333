// Batches for training, cut from images in memory.
#pragma once

#include <cstdint>
#include <vector>

#include "ravel/data/image_set.hpp"

namespace ravel::data {

struct BatchOptions {
  std::int64_t batch_size = 64;
  bool shuffle = false;            // another order in every epoch, from (seed, epoch) alone
  std::uint64_t seed = 0;          // of the orders
  bool drop_last = false;          // leave out the last batch when it is shorter than batch_size
  std::int64_t limit = 0;          // use the first `limit` images at most; 0: all
  std::vector<float> mean = {};    // per channel, of pixels in [0, 1]; empty: 0
  std::vector<float> stddev = {};  // per channel, of pixels in [0, 1]; empty: 1
};

struct Batch {
  Tensor images;  // (B, C, H, W) f32, (pixel / 255 - mean) / stddev
  Tensor labels;  // (B,) i64
};

// An image set as epochs of batches. Cutting a batch is one pass over its pixels, on several threads.
class Batches {
 public:
  // No image, a batch size or limit out of range, and means or deviations that do not fit the channels are errors.
  Batches(ImageSet set, BatchOptions options);

  // The number of batches in an epoch.
  std::int64_t size() const;
  // The number of images that epochs draw from.
  std::int64_t image_count() const { return image_count_; }

  // One pass through the images, in its own order.
  class Epoch {
   public:
    class Iterator {
     public:
      Iterator(const Epoch& epoch, std::int64_t i) : epoch_(&epoch), i_(i) {}
      Batch operator*() const { return (*epoch_)[i_]; }
      Iterator& operator++() {
        ++i_;
        return *this;
      }
      bool operator!=(const Iterator& other) const { return i_ != other.i_; }

     private:
      const Epoch* epoch_;
      std::int64_t i_;
    };

    std::int64_t size() const { return batches_.size(); }
    // Batch number `i`, cut anew at each call.
    Batch operator[](std::int64_t i) const;
    Iterator begin() const { return {*this, 0}; }
    Iterator end() const { return {*this, size()}; }

   private:
    friend class Batches;
    Epoch(const Batches& batches, Tensor order) : batches_(batches), order_(std::move(order)) {}

    const Batches& batches_;
    Tensor order_;  // (image_count,) i64
  };
  // Epoch number `number`; it refers to these Batches, which must outlive it.
  Epoch epoch(std::int64_t number) const;

 private:
  // The images at `indices`, normalised.
  Tensor cut_images(const std::int64_t* indices, std::int64_t count) const;

  ImageSet set_;
  BatchOptions options_;
  std::int64_t image_count_;
  std::vector<float> scale_, shift_;  // per channel: normalised = pixel * scale + shift
};

}  // namespace ravel::data
