#include <algorithm>

#include "catch.hpp"
#include "ravel/autograd/compare.hpp"
#include "ravel/autograd/create.hpp"
#include "ravel/autograd/parallel.hpp"
#include "ravel/data/batches.hpp"

using namespace ravel;

namespace {

// `count` images (2, 1, 3); image i has pixels 6 i, 6 i + 1, ... (modulo 256) and label i.
data::ImageSet numbered_images(std::int64_t count) {
  std::vector<std::uint8_t> pixels(static_cast<std::size_t>(6 * count));
  for (std::size_t i = 0; i < pixels.size(); ++i) pixels[i] = static_cast<std::uint8_t>(i);
  return {from_vector(pixels, {count, 2, 1, 3}), arange(count), std::vector<std::string>(10, "class")};
}

std::vector<std::int64_t> counted(std::int64_t count) { return arange(count).to_vector<std::int64_t>(); }

std::vector<std::int64_t> labels_of(const data::Batches& batches, std::int64_t epoch) {
  std::vector<std::int64_t> labels;
  for (const data::Batch& batch : batches.epoch(epoch)) {
    const std::vector<std::int64_t> some = batch.labels.to_vector<std::int64_t>();
    labels.insert(labels.end(), some.begin(), some.end());
  }
  return labels;
}

std::vector<std::int64_t> sorted(std::vector<std::int64_t> values) {
  std::sort(values.begin(), values.end());
  return values;
}

}  // namespace

TEST_CASE("batches are normalised per channel") {
  const data::Batches batches(numbered_images(5), {.batch_size = 2, .mean = {0.5f, 0.25f}, .stddev = {0.5f, 2.0f}});
  std::int64_t pixel = 0;
  for (const data::Batch& batch : batches.epoch(0)) {
    for (const float value : batch.images.to_vector<float>()) {
      const double plain = static_cast<double>(pixel) / 255;
      const double expected = pixel / 3 % 2 == 0 ? (plain - 0.5) / 0.5 : (plain - 0.25) / 2;
      CHECK(value == Approx(expected).margin(1e-6));
      ++pixel;
    }
  }
  CHECK(pixel == 30);
}

TEST_CASE("without means and deviations pixels become numbers from 0 to 1") {
  const data::Batches batches(numbered_images(43), {.batch_size = 43});
  const std::vector<float> values = batches.epoch(0)[0].images.to_vector<float>();
  CHECK(values[0] == 0);
  CHECK(values[51] == Approx(0.2));
  CHECK(values[255] == 1);
}

TEST_CASE("the last batch is short, or left out") {
  const data::Batches kept(numbered_images(5), {.batch_size = 2});
  CHECK(kept.size() == 3);
  CHECK(kept.epoch(0)[2].images.shape() == Shape({1, 2, 1, 3}));
  CHECK(labels_of(kept, 0) == counted(5));
  const data::Batches dropped(numbered_images(5), {.batch_size = 2, .drop_last = true});
  CHECK(dropped.size() == 2);
  CHECK(labels_of(dropped, 0) == counted(4));
  CHECK(data::Batches(numbered_images(4), {.batch_size = 2}).size() == 2);
  CHECK(data::Batches(numbered_images(4), {.batch_size = 5}).epoch(0)[0].labels.numel() == 4);
  CHECK(data::Batches(numbered_images(4), {.batch_size = 5, .drop_last = true}).size() == 0);
  CHECK(error_of([&] { (void)kept.epoch(0)[3]; }) == "batches: there is no batch 3: an epoch has 3");
}

TEST_CASE("an order depends on seed and epoch alone") {
  const auto order = [](std::uint64_t seed, std::int64_t epoch) {
    return labels_of(data::Batches(numbered_images(100), {.batch_size = 7, .shuffle = true, .seed = seed}), epoch);
  };
  CHECK(order(1, 0) != counted(100));
  CHECK(sorted(order(1, 0)) == counted(100));
  CHECK(order(1, 1) != order(1, 0));
  CHECK(order(2, 0) != order(1, 0));
  const data::Batches batches(numbered_images(100), {.batch_size = 7, .shuffle = true, .seed = 1});
  labels_of(batches, 0);
  (void)randn({3});
  CHECK(labels_of(batches, 1) == order(1, 1));
  CHECK(labels_of(batches, 0) == order(1, 0));
}

TEST_CASE("a shuffled batch keeps images and labels together") {
  const data::Batches batches(numbered_images(40), {.batch_size = 16, .shuffle = true, .seed = 3});
  for (const data::Batch& batch : batches.epoch(5)) {
    const std::vector<std::int64_t> labels = batch.labels.to_vector<std::int64_t>();
    const std::vector<float> pixels = batch.images.to_vector<float>();
    for (std::size_t i = 0; i < labels.size(); ++i) {
      CHECK(pixels[6 * i] * 255 == Approx(static_cast<double>(6 * labels[i])).margin(1e-4));
    }
  }
}

TEST_CASE("a limit takes the first images and no more than there are") {
  const data::Batches batches(numbered_images(10), {.batch_size = 3, .shuffle = true, .limit = 4});
  CHECK(batches.image_count() == 4);
  CHECK(batches.size() == 2);
  CHECK(sorted(labels_of(batches, 0)) == counted(4));
  CHECK(data::Batches(numbered_images(10), {.limit = 1000}).image_count() == 10);
}

TEST_CASE("batches have the same bits on any number of threads") {
  const std::vector<std::uint8_t> pixels(64 * 3 * 32 * 32, 77);
  const data::ImageSet set = {from_vector(pixels, {64, 3, 32, 32}), zeros({64}, i64), {"class"}};
  const data::BatchOptions options = {.shuffle = true, .mean = {0.1f, 0.2f, 0.3f}, .stddev = {0.7f, 0.8f, 0.9f}};
  const int before = threads();
  set_threads(1);
  const Tensor expected = data::Batches(set, options).epoch(0)[0].images;
  for (const int count : {2, 3, 8}) {
    set_threads(count);
    CHECK(equal(data::Batches(set, options).epoch(0)[0].images, expected));
  }
  set_threads(before);
}

TEST_CASE("options of batches that make no sense are errors") {
  const auto error = [](const data::BatchOptions& options) {
    return error_of([&] { data::Batches(numbered_images(5), options); });
  };
  CHECK(error({.batch_size = 0}) == "batches: batch size 0; use 1 or more");
  CHECK(error({.limit = -1}) == "batches: limit -1; use 1 or more, or 0 for all images");
  CHECK(error({.mean = {0.5f}}) == "batches: 1 means for 2 channels");
  CHECK(error({.stddev = {1, 1, 1}}) == "batches: 3 standard deviations for 2 channels");
  CHECK(error({.stddev = {1, 0}}) == "batches: a standard deviation of 0; use numbers above 0");
  CHECK(error_of([] { data::Batches(numbered_images(0), {}); }) == "batches: there are no images");
  CHECK(error_of([] {
          data::Batches({zeros({2, 1, 1, 1}), arange(2), {}}, {});
        }) == "batches: needs u8 images (N, C, H, W), got f32 (2, 1, 1, 1)");
  CHECK(error_of([] {
          data::Batches({zeros({2, 1, 1, 1}, u8), arange(3), {}}, {});
        }) == "batches: needs an i64 label for each of 2 images, got i64 (3,)");
}
