#include "ravel/data/idx.hpp"

#include <zlib.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <utility>

#include "ravel/autograd/error.hpp"
#include "ravel/ops/shape.hpp"

namespace ravel::data {
namespace {

namespace fs = std::filesystem;

constexpr const char* fetch_again = "fetch the file again, for example with ./run data";

// What a file holds: unpacked when it is compressed with gzip, else as it is.
class Contents {
 public:
  explicit Contents(const fs::path& path) : path_(path.string()), file_(gzopen(path.c_str(), "rb")) {
    require(file_ != nullptr, "{}: cannot be opened: {}", path_, std::strerror(errno));
    gzbuffer(file_, 1 << 18);
  }
  Contents(const Contents&) = delete;
  Contents& operator=(const Contents&) = delete;
  ~Contents() { gzclose(file_); }

  // Reads `count` bytes, or what is left if that is less, and returns how many.
  std::int64_t read(std::uint8_t* bytes, std::int64_t count) {
    std::int64_t total = 0;
    while (total < count) {
      const auto piece = static_cast<unsigned>(std::min<std::int64_t>(count - total, 1 << 30));
      const int got = gzread(file_, bytes + total, piece);
      int status = Z_OK;
      require(got >= 0, "{}: damaged after {} bytes ({}); {}", path_, total, gzerror(file_, &status), fetch_again);
      if (got == 0) break;
      total += got;
    }
    return total;
  }

  // The most bytes that this can be, from the size of the file: deflate never packs more than 1032 bytes into one.
  std::int64_t largest_size() const {
    const auto size = static_cast<std::int64_t>(fs::file_size(path_));
    return gzdirect(file_) != 0 ? size : 1032 * size;
  }

 private:
  std::string path_;
  gzFile file_;
};

// The sizes of the dimensions, from the header. The file's size bounds them before anybody allocates memory for them.
Shape read_header(Contents& contents, const std::string& name, int rank) {
  std::array<std::uint8_t, 4 + 4 * max_rank> bytes{};
  const auto word = [&](int i) {
    const std::uint8_t* const b = bytes.data() + 4 * i;
    return std::uint32_t{b[0]} << 24 | std::uint32_t{b[1]} << 16 | std::uint32_t{b[2]} << 8 | std::uint32_t{b[3]};
  };
  const std::int64_t header = 4 + 4 * rank, got = contents.read(bytes.data(), header);
  const std::uint32_t magic = 0x800u + static_cast<std::uint32_t>(rank);
  require(got < 4 || word(0) == magic,
          "{}: starts with {:#010x}, expected {:#010x}, an idx file of unsigned bytes with {} dimension{}; {}", name,
          word(0), magic, rank, rank == 1 ? "" : "s", fetch_again);
  require(got == header, "{}: truncated: it ends after {} of the {} bytes of its header; {}", name, got, header,
          fetch_again);
  Shape shape;
  for (int dim = 0; dim < rank; ++dim) shape.push_back(word(1 + dim));
  const std::int64_t room = contents.largest_size() - header;
  std::int64_t left = room;
  for (const std::int64_t size : shape) {
    require(size <= left || shape.contains(0),
            "{}: truncated: its header announces elements of shape {}, but at most {} bytes can follow it; {}", name,
            shape, room, fetch_again);
    left /= std::max<std::int64_t>(size, 1);
  }
  return shape;
}

}  // namespace

Tensor read_idx(const fs::path& path, int rank) {
  Contents contents(path);
  const std::string name = path.string();
  const Shape shape = read_header(contents, name, rank);
  const std::int64_t count = shape.numel();
  const Ref<Array> elements = Array::packed(u8, shape);
  const std::int64_t got = contents.read(elements->data<std::uint8_t>(), count);
  require(got == count, "{}: truncated: its header announces {} bytes of elements {}, it has {}; {}", name, count,
          shape, got, fetch_again);
  std::uint8_t beyond = 0;
  require(contents.read(&beyond, 1) == 0,
          "{}: has more bytes than the {} that its header announces for elements {}; {}", name, count, shape,
          fetch_again);
  return Tensor(elements);
}

fs::path idx_file(const fs::path& folder, const std::string& stem, int rank) {
  for (const char* const separator : {"-", "."}) {
    for (const char* const ending : {"", ".gz"}) {
      const fs::path path = folder / fmt::format("{}{}idx{}-ubyte{}", stem, separator, rank, ending);
      std::error_code ignored;
      if (fs::is_regular_file(path, ignored)) return path;
    }
  }
  return {};
}

ImageSet read_idx_images(const fs::path& folder, const std::string& part, std::vector<std::string> classes) {
  const auto existing = [&](const std::string& stem, int rank) {
    const fs::path path = idx_file(folder, stem, rank);
    require(!path.empty(), "{}: there is no file {}-idx{}-ubyte, nor {}.idx{}-ubyte, with .gz or without; {}",
            folder.string(), stem, rank, stem, rank, fetch_again);
    return path;
  };
  const fs::path image_path = existing(part + "-images", 3), label_path = existing(part + "-labels", 1);
  const Tensor images = read_idx(image_path, 3), labels = read_idx(label_path, 1);
  require(images.size(0) == labels.size(0), "{} has {} images and {} has {} labels: they do not belong together; {}",
          image_path.string(), images.size(0), label_path.string(), labels.size(0), fetch_again);
  const Shape shape = {images.size(0), 1, images.size(1), images.size(2)};
  return {reshape(images, shape), checked_labels(labels, classes.size(), label_path), std::move(classes)};
}

}  // namespace ravel::data
