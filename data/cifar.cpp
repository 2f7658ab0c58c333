#include "ravel/data/cifar.hpp"

#include <cstring>
#include <fstream>
#include <utility>

#include "ravel/autograd/error.hpp"
#include "ravel/autograd/memory.hpp"

namespace ravel::data {
namespace {

namespace fs = std::filesystem;

constexpr std::int64_t pixels = 3 * 32 * 32, record = 1 + pixels;
constexpr const char* fetch_again = "fetch the files again, for example with ./run data cifar10";

std::int64_t count_records(const fs::path& path) {
  std::error_code problem;
  const std::uintmax_t size = fs::file_size(path, problem);
  require(!problem, "{}: cannot be read: {}; {}", path.string(), problem.message(), fetch_again);
  const auto bytes = static_cast<std::int64_t>(size);
  require(bytes > 0 && bytes % record == 0,
          "{}: truncated: {} bytes are {} records of {} bytes and {} bytes more, expected whole records; {}",
          path.string(), bytes, bytes / record, record, bytes % record, fetch_again);
  return bytes / record;
}

// Takes the `count` records of a file apart: labels go to `labels`, pixels to `images`.
void read_records(const fs::path& path, std::int64_t count, std::uint8_t* images, std::uint8_t* labels) {
  const Scratch<std::uint8_t> records(count * record);
  std::ifstream file(path, std::ios::binary);
  file.read(reinterpret_cast<char*>(records.data()), count * record);
  require(file.gcount() == count * record, "{}: cannot be read beyond byte {} of {}; {}", path.string(), file.gcount(),
          count * record, fetch_again);
  for (std::int64_t i = 0; i < count; ++i) {
    labels[i] = records[i * record];
    std::memcpy(images + i * pixels, records.data() + i * record + 1, pixels);
  }
}

}  // namespace

ImageSet read_cifar(const fs::path& folder, const std::vector<std::string>& names, std::vector<std::string> classes) {
  const std::int64_t count = count_records(folder / names.front());
  for (const std::string& name : names) {
    const std::int64_t found = count_records(folder / name);
    require(found == count, "{} has {} images, {} has {}: one of them is truncated; {}", (folder / name).string(),
            found, names.front(), count, fetch_again);
  }
  const std::int64_t total = count * static_cast<std::int64_t>(names.size());
  const Ref<Array> images = Array::packed(u8, {total, 3, 32, 32}), labels = Array::packed(i64, total);
  std::int64_t done = 0;
  for (const std::string& name : names) {
    const Ref<Array> bytes = Array::packed(u8, count);
    read_records(folder / name, count, images->data<std::uint8_t>() + done * pixels, bytes->data<std::uint8_t>());
    const Tensor checked = checked_labels(Tensor(bytes), classes.size(), folder / name);
    std::memcpy(labels->data<std::int64_t>() + done, checked.data<std::int64_t>(), 8 * static_cast<std::size_t>(count));
    done += count;
  }
  return {Tensor(images), Tensor(labels), std::move(classes)};
}

}  // namespace ravel::data
