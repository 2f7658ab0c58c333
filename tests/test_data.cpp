#include <zlib.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "catch.hpp"
#include "ravel/autograd/memory.hpp"
#include "ravel/data/cifar.hpp"
#include "ravel/data/find.hpp"
#include "ravel/data/idx.hpp"

using namespace ravel;
namespace fs = std::filesystem;

namespace {

// A folder of its own for a test case, removed at its end.
struct Folder {
  Folder() {
    std::string name = (fs::temp_directory_path() / "ravel-test-XXXXXX").string();
    path = mkdtemp(name.data());
  }
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;
  ~Folder() { fs::remove_all(path); }
  fs::path path;
};

// An environment variable, changed until the end of the test case.
struct Environment {
  Environment(const char* name, const std::string& value) : name_(name) {
    const char* const before = std::getenv(name);
    if (before != nullptr) before_ = before;
    was_set_ = before != nullptr;
    setenv(name, value.c_str(), 1);
  }
  Environment(const Environment&) = delete;
  Environment& operator=(const Environment&) = delete;
  ~Environment() {
    if (was_set_) {
      setenv(name_, before_.c_str(), 1);
    } else {
      unsetenv(name_);
    }
  }

 private:
  const char* name_;
  std::string before_;
  bool was_set_;
};

// The working directory, changed until the end of the test case.
struct WorkingDirectory {
  explicit WorkingDirectory(const fs::path& path) : before_(fs::current_path()) { fs::current_path(path); }
  WorkingDirectory(const WorkingDirectory&) = delete;
  WorkingDirectory& operator=(const WorkingDirectory&) = delete;
  ~WorkingDirectory() { fs::current_path(before_); }

 private:
  fs::path before_;
};

std::string idx(const std::vector<std::uint32_t>& sizes, const std::string& elements, char type = 8) {
  std::string bytes = {0, 0, type, static_cast<char>(sizes.size())};
  for (const std::uint32_t size : sizes) {
    for (const int shift : {24, 16, 8, 0}) bytes.push_back(static_cast<char>(size >> shift));
  }
  return bytes + elements;
}

void write_plain(const fs::path& path, const std::string& bytes) {
  fs::create_directories(path.parent_path());
  std::ofstream(path, std::ios::binary) << bytes;
}

void write_gz(const fs::path& path, const std::string& bytes) {
  fs::create_directories(path.parent_path());
  const gzFile file = gzopen(path.c_str(), "wb");
  gzwrite(file, bytes.data(), static_cast<unsigned>(bytes.size()));
  gzclose(file);
}

std::string read(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

// `count` bytes first, first + 1, ...
std::string counting(int first, std::size_t count) {
  std::string bytes(count, 0);
  for (std::size_t i = 0; i < count; ++i) bytes[i] = static_cast<char>(first + static_cast<int>(i));
  return bytes;
}

// MNIST's four files with 3 training and 2 test images of 2x2 pixels, all of which tell them apart from those of
// another `first` pixel.
void write_mnist(const fs::path& folder, int first = 0) {
  write_plain(folder / "train-images-idx3-ubyte", idx({3, 2, 2}, counting(first, 12)));
  write_plain(folder / "train-labels-idx1-ubyte", idx({3}, {7, 0, 9}));
  write_gz(folder / "t10k-images-idx3-ubyte.gz", idx({2, 2, 2}, counting(first + 100, 8)));
  write_gz(folder / "t10k-labels-idx1-ubyte.gz", idx({2}, {1, 2}));
}

int first_pixel(const data::ImageSet& set) { return set.images.to_vector<std::uint8_t>().front(); }

constexpr const char* again = "; fetch the file again, for example with ./run data";

}  // namespace

TEST_CASE("idx files are read plain and compressed, in both spellings") {
  const Folder folder;
  const std::vector<std::string> ten(10, "class");
  const std::string images = idx({2, 1, 3}, counting(250, 6)), labels = idx({2}, {4, 5});
  for (const std::string dot : {"-", "."}) {
    for (const std::string ending : {"", ".gz"}) {
      const fs::path place = folder.path / (dot + "x" + ending);
      const auto writer = ending.empty() ? write_plain : write_gz;
      writer(place / ("train-images" + dot + "idx3-ubyte" + ending), images);
      writer(place / ("train-labels" + dot + "idx1-ubyte" + ending), labels);
      const data::ImageSet set = data::read_idx_images(place, "train", ten);
      CHECK(set.images.shape() == Shape({2, 1, 1, 3}));
      CHECK(set.images.to_vector<std::uint8_t>() == std::vector<std::uint8_t>{250, 251, 252, 253, 254, 255});
      CHECK(set.labels.to_vector<std::int64_t>() == std::vector<std::int64_t>{4, 5});
      CHECK(set.size() == 2);
    }
  }
  // A name without .gz does not say that the file is not compressed, nor the other way round.
  write_gz(folder.path / "packed-idx1-ubyte", labels);
  write_plain(folder.path / "plain-idx1-ubyte.gz", labels);
  CHECK(data::read_idx(folder.path / "packed-idx1-ubyte", 1).numel() == 2);
  CHECK(data::read_idx(folder.path / "plain-idx1-ubyte.gz", 1).numel() == 2);
}

TEST_CASE("an empty idx file of no images is read") {
  const Folder folder;
  write_plain(folder.path / "empty", idx({0, 28, 28}, ""));
  CHECK(data::read_idx(folder.path / "empty", 3).shape() == Shape({0, 28, 28}));
}

TEST_CASE("a damaged idx file is an error that says what is wrong with it") {
  const Folder folder;
  const fs::path path = folder.path / "file";
  const std::string name = path.string();
  const auto error_with = [&](const std::string& bytes, int rank, bool gz) {
    (gz ? write_gz : write_plain)(path, bytes);
    return error_of([&] { data::read_idx(path, rank); });
  };
  for (const bool gz : {false, true}) {
    CHECK(error_with("PK\3\4 and more", 3, gz) ==
          name + ": starts with 0x504b0304, expected 0x00000803, an idx file of unsigned bytes with 3 dimensions" +
              again);
    CHECK(error_with(idx({2}, {1, 2}), 3, gz) ==
          name + ": starts with 0x00000801, expected 0x00000803, an idx file of unsigned bytes with 3 dimensions" +
              again);
    CHECK(error_with(idx({2}, counting(0, 8), 0x0D), 1, gz) ==
          name + ": starts with 0x00000d01, expected 0x00000801, an idx file of unsigned bytes with 1 dimension" +
              again);
    CHECK(error_with("", 3, gz) == name + ": truncated: it ends after 0 of the 16 bytes of its header" + again);
    CHECK(error_with(idx({2, 2, 2}, "").substr(0, 14), 3, gz) ==
          name + ": truncated: it ends after 14 of the 16 bytes of its header" + again);
    CHECK(error_with(idx({2, 2, 2}, counting(0, 9)), 3, gz) ==
          name + ": has more bytes than the 8 that its header announces for elements (2, 2, 2)" + again);
  }
  CHECK(error_with(idx({2, 2, 2}, counting(0, 7)), 3, false) ==
        name + ": truncated: its header announces elements of shape (2, 2, 2), but at most 7 bytes can follow it" +
            again);
  CHECK(error_with(idx({2, 2, 2}, counting(0, 7)), 3, true) ==
        name + ": truncated: its header announces 8 bytes of elements (2, 2, 2), it has 7" + again);
}

TEST_CASE("a header that announces gigabytes is refused before memory is taken for them") {
  const Folder folder;
  const fs::path path = folder.path / "file";
  const auto error_with = [&](const std::vector<std::uint32_t>& sizes, bool gz) {
    (gz ? write_gz : write_plain)(path, idx(sizes, counting(0, 10)));
    const std::size_t peak = memory_use().peak;
    const std::string error = error_of([&] { data::read_idx(path, static_cast<int>(sizes.size())); });
    CHECK(memory_use().peak - peak < 1 << 20);
    return error;
  };
  const std::string start = path.string() + ": truncated: its header announces elements of shape ";
  CHECK(error_with({0xFFFFFFFF}, false) == start + "(4294967295,), but at most 10 bytes can follow it" + again);
  CHECK(error_with({0xFFFFFFFF, 0xFFFFFFFF, 0xFFFFFFFF}, false) ==
        start + "(4294967295, 4294967295, 4294967295), but at most 10 bytes can follow it" + again);
  CHECK(error_with({60000, 280, 280}, true).find(start + "(60000, 280, 280), but at most ") == 0);
}

TEST_CASE("a compressed file that was cut off or changed is an error") {
  const Folder folder;
  const fs::path path = folder.path / "file.gz";
  std::string elements;
  for (int i = 0; i < 4000; ++i) elements.push_back(static_cast<char>(i * i >> 3));
  write_gz(path, idx({4000}, elements));
  const std::string whole = read(path);
  write_plain(path, whole.substr(0, whole.size() / 2));
  CHECK(error_of([&] {
          data::read_idx(path, 1);
        }).find(path.string() + ": truncated: its header announces 4000 bytes") == 0);
  std::string changed = whole;
  changed[whole.size() - 8] ^= 1;  // in the check sum
  write_plain(path, changed);
  CHECK(error_of([&] { data::read_idx(path, 1); }).find(path.string() + ": damaged after ") == 0);
}

TEST_CASE("images and labels that do not fit are errors") {
  const Folder folder;
  const std::string at = folder.path.string() + "/";
  const std::vector<std::string> ten(10, "class");
  const auto error = [&] { return error_of([&] { data::read_idx_images(folder.path, "train", ten); }); };
  CHECK(error() == folder.path.string() +
                       ": there is no file train-images-idx3-ubyte, nor train-images.idx3-ubyte, with .gz or without" +
                       again);
  write_plain(folder.path / "train-images-idx3-ubyte", idx({2, 1, 1}, {1, 2}));
  CHECK(error() == folder.path.string() +
                       ": there is no file train-labels-idx1-ubyte, nor train-labels.idx1-ubyte, with .gz or without" +
                       again);
  write_plain(folder.path / "train-labels-idx1-ubyte", idx({3}, {1, 2, 3}));
  CHECK(error() == at + "train-images-idx3-ubyte has 2 images and " + at +
                       "train-labels-idx1-ubyte has 3 labels: they do not belong together" + again);
  write_plain(folder.path / "train-labels-idx1-ubyte", idx({2}, {9, 10}));
  CHECK(error() == at + "train-labels-idx1-ubyte: label 10 of image 1 is out of range: there are 10 classes, 0 to 9");
}

TEST_CASE("CIFAR-10 files are read one after the other") {
  const Folder folder;
  write_plain(folder.path / "a.bin", '\3' + counting(0, 3072) + '\1' + counting(1, 3072));
  write_plain(folder.path / "b.bin", '\0' + counting(2, 3072) + '\2' + counting(3, 3072));
  const data::ImageSet set = data::read_cifar(folder.path, {"a.bin", "b.bin"}, std::vector<std::string>(4, "class"));
  CHECK(set.images.shape() == Shape({4, 3, 32, 32}));
  CHECK(set.labels.to_vector<std::int64_t>() == std::vector<std::int64_t>{3, 1, 0, 2});
  const std::vector<std::uint8_t> pixels = set.images.to_vector<std::uint8_t>();
  for (std::size_t image = 0; image < 4; ++image) {
    for (std::size_t i = 0; i < 3072; ++i) {
      if (pixels[image * 3072 + i] != static_cast<std::uint8_t>(image + i)) FAIL("image " << image << " pixel " << i);
    }
  }
}

TEST_CASE("a damaged CIFAR-10 file is an error that says what is wrong with it") {
  const Folder folder;
  const std::string at = folder.path.string() + "/";
  const std::string remedy = "; fetch the files again, for example with ./run data cifar10";
  const std::string one_record = '\1' + counting(0, 3072);
  const auto error = [&] {
    return error_of([&] { data::read_cifar(folder.path, {"a.bin", "b.bin"}, std::vector<std::string>(10, "class")); });
  };
  CHECK(error() == at + "a.bin: cannot be read: No such file or directory" + remedy);
  write_plain(folder.path / "a.bin", one_record + one_record);
  write_plain(folder.path / "b.bin", one_record + "abc");
  CHECK(error() ==
        at + "b.bin: truncated: 3076 bytes are 1 records of 3073 bytes and 3 bytes more, expected whole records" +
            remedy);
  write_plain(folder.path / "b.bin", "");
  CHECK(error() ==
        at + "b.bin: truncated: 0 bytes are 0 records of 3073 bytes and 0 bytes more, expected whole records" + remedy);
  write_plain(folder.path / "b.bin", one_record);
  CHECK(error() == at + "b.bin has 1 images, a.bin has 2: one of them is truncated" + remedy);
  write_plain(folder.path / "b.bin", one_record + '\12' + counting(0, 3072));
  CHECK(error() == at + "b.bin: label 10 of image 1 is out of range: there are 10 classes, 0 to 9");
}

TEST_CASE("datasets are found in every usual layout") {
  const data::Dataset& mnist = data::dataset("mnist");
  for (const std::string layout : {"", "raw", "mnist", "MNIST", "MNIST/raw"}) {
    const Folder folder;
    write_mnist(folder.path / layout);
    const data::Splits splits = data::load(mnist, folder.path.string());
    CHECK(splits.train.size() == 3);
    CHECK(splits.test.labels.to_vector<std::int64_t>() == std::vector<std::int64_t>{1, 2});
    CHECK(splits.test.classes.size() == 10);
  }
  const std::string batch = '\1' + counting(0, 3072);
  for (const std::string layout : {"", "cifar10", "cifar-10-batches-bin", "cifar10/cifar-10-batches-bin"}) {
    const Folder folder;
    for (const char number : {'1', '2', '3', '4', '5'}) {
      write_plain(folder.path / layout / (std::string("data_batch_") + number + ".bin"), batch);
    }
    write_plain(folder.path / layout / "test_batch.bin", batch);
    const data::Splits splits = data::load(data::dataset("cifar10"), folder.path.string());
    CHECK(splits.train.images.shape() == Shape({5, 3, 32, 32}));
    CHECK(splits.test.size() == 1);
  }
}

TEST_CASE("datasets are looked for in one place after the other") {
  const Folder folder;
  const fs::path at = folder.path;
  fs::create_directories(at / "work");
  const WorkingDirectory work(at / "work");
  const Environment data_folder("RAVEL_DATA", (at / "env").string()), cache("XDG_CACHE_HOME", (at / "cache").string());
  const data::Dataset& mnist = data::dataset("mnist");
  write_mnist(at / "cache/ravel/mnist", 1);
  CHECK(first_pixel(data::load(mnist).train) == 1);
  write_mnist(at / "work/data-cache/MNIST/raw", 2);
  CHECK(first_pixel(data::load(mnist).train) == 2);
  write_mnist(at / "env/mnist", 3);
  CHECK(first_pixel(data::load(mnist).train) == 3);
  write_mnist(at / "named", 4);
  CHECK(first_pixel(data::load(mnist, (at / "named").string()).train) == 4);
  const Environment unset("XDG_CACHE_HOME", ""), home("HOME", (at / "home").string());
  fs::remove_all(at / "env");
  fs::remove_all(at / "work/data-cache");
  write_mnist(at / "home/.cache/ravel/mnist", 5);
  CHECK(first_pixel(data::load(mnist).train) == 5);
}

TEST_CASE("a dataset that is not found is one message with the places and the ways to get it") {
  const Folder folder;
  const WorkingDirectory work(folder.path);
  const std::string at = folder.path.string();
  const Environment data_folder("RAVEL_DATA", at + "/env"), cache("XDG_CACHE_HOME", at + "/cache");
  CHECK(error_of([] { data::load(data::dataset("mnist")); }) ==
        "no MNIST in " + at + "/env, data-cache, " + at + "/cache/ravel, /usr/share/datasets (folders mnist, MNIST); " +
            "to get it: ./run data mnist, or name its folder with --data");
  CHECK(error_of([&] { data::load(data::dataset("fashion"), at); }) ==
        "no Fashion-MNIST in " + at + " (folders fashion, fashion-mnist, fashion_mnist, FashionMNIST); to get it: " +
            "./run data fashion, or Debian's package dataset-fashion-mnist, or name its folder with --data");
  CHECK(error_of([] { data::dataset("imagenet"); }) ==
        "there is no dataset 'imagenet'; there are fashion, mnist, cifar10");
}

TEST_CASE("the folder of MNIST is not taken for Fashion-MNIST, whose files have the same names") {
  const Folder folder;
  write_mnist(folder.path / "mnist");
  write_mnist(folder.path / "MNIST/raw");
  for (const std::string layout : {"mnist", "mnist/", "MNIST/raw", "MNIST"}) {
    const std::string place = (folder.path / layout).string();
    CHECK(error_of([&] { data::find(data::dataset("fashion"), place); }).find("no Fashion-MNIST in " + place) == 0);
    CHECK_FALSE(data::find(data::dataset("mnist"), place).empty());
  }
}

TEST_CASE("an absent part of a dataset that is there is named") {
  const Folder folder;
  write_mnist(folder.path);
  fs::remove(folder.path / "t10k-labels-idx1-ubyte.gz");
  CHECK(error_of([&] { data::load(data::dataset("mnist"), folder.path.string()); }) ==
        folder.path.string() +
            ": there is no file t10k-labels-idx1-ubyte, nor t10k-labels.idx1-ubyte, with .gz or without" + again);
}
