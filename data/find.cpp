#include "ravel/data/find.hpp"

#include <fmt/ranges.h>

#include <algorithm>
#include <cstdlib>

#include "ravel/autograd/error.hpp"
#include "ravel/data/cifar.hpp"
#include "ravel/data/idx.hpp"

namespace ravel::data {
namespace {

namespace fs = std::filesystem;

const std::vector<Dataset>& datasets() {
  static const std::vector<Dataset> all = {
      {.name = "fashion",
       .title = "Fashion-MNIST",
       .folders = {"fashion", "fashion-mnist", "fashion_mnist", "FashionMNIST"},
       .inner = "raw",
       .classes = {"T-shirt/top", "trouser", "pullover", "dress", "coat", "sandal", "shirt", "sneaker", "bag",
                   "ankle boot"},
       .mean = {0.2860f},
       .stddev = {0.3530f}},
      {.name = "mnist",
       .title = "MNIST",
       .folders = {"mnist", "MNIST"},
       .inner = "raw",
       .classes = {"0", "1", "2", "3", "4", "5", "6", "7", "8", "9"},
       .mean = {0.1307f},
       .stddev = {0.3081f}},
      {.name = "cifar10",
       .title = "CIFAR-10",
       .folders = {"cifar10", "cifar-10", "CIFAR10", "cifar-10-batches-bin"},
       .inner = "cifar-10-batches-bin",
       .classes = {"airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck"},
       .mean = {0.4914f, 0.4822f, 0.4465f},
       .stddev = {0.2470f, 0.2435f, 0.2616f}}};
  return all;
}

bool is_file(const fs::path& path) {
  std::error_code ignored;
  return fs::is_regular_file(path, ignored);
}

// Does the folder have at least one of the dataset's files? Readers then say which of the others are absent.
bool holds_files(const Dataset& dataset, const fs::path& folder) {
  if (dataset.name == "cifar10") return is_file(folder / "data_batch_1.bin") || is_file(folder / "test_batch.bin");
  return !idx_file(folder, "train-images", 3).empty() || !idx_file(folder, "t10k-images", 3).empty();
}

// Is this folder, by its name, that of another dataset? MNIST's and Fashion-MNIST's files have the same names.
bool belongs_to_another(const Dataset& dataset, const fs::path& folder) {
  const fs::path whole = fs::absolute(folder / "").lexically_normal().parent_path();
  const fs::path own = whole.filename() == dataset.inner ? whole.parent_path() : whole;
  return std::any_of(datasets().begin(), datasets().end(), [&](const Dataset& other) {
    const auto& names = other.folders;
    return other.name != dataset.name && std::find(names.begin(), names.end(), own.filename()) != names.end();
  });
}

// The folder with the dataset's files among those below `place` that have a usual name; empty if there is none.
fs::path find_below(const Dataset& dataset, const fs::path& place) {
  for (const std::string& name : dataset.folders) {
    for (const fs::path& folder : {place / name, place / name / dataset.inner}) {
      if (holds_files(dataset, folder)) return folder;
    }
  }
  return {};
}

// The same, where `place` itself may also be the folder: one that the user named.
fs::path find_in(const Dataset& dataset, const fs::path& place) {
  const fs::path below = find_below(dataset, place);
  if (!below.empty() || belongs_to_another(dataset, place)) return below;
  for (const fs::path& folder : {place, place / dataset.inner}) {
    if (holds_files(dataset, folder)) return folder;
  }
  return {};
}

std::string joined(const std::vector<std::string>& words) { return fmt::format("{}", fmt::join(words, ", ")); }

std::string environment(const char* name) {
  const char* const value = std::getenv(name);
  return value == nullptr ? "" : value;
}

// Where datasets lie if nobody says otherwise.
std::vector<fs::path> common_places() {
  std::vector<fs::path> places = {"data-cache"};
  const std::string cache = environment("XDG_CACHE_HOME"), home = environment("HOME");
  if (!cache.empty() || !home.empty())
    places.push_back((cache.empty() ? fs::path(home) / ".cache" : fs::path(cache)) / "ravel");
  places.emplace_back("/usr/share/datasets");
  return places;
}

[[noreturn]] void fail_not_found(const Dataset& dataset, const std::vector<std::string>& tried) {
  const char* const package = dataset.name == "fashion" ? ", or Debian's package dataset-fashion-mnist" : "";
  fail("no {} in {} (folders {}); to get it: ./run data {}{}, or name its folder with --data", dataset.title,
       joined(tried), joined(dataset.folders), dataset.name, package);
}

}  // namespace

const Dataset& dataset(std::string_view name) {
  std::vector<std::string> names;
  for (const Dataset& known : datasets()) {
    if (known.name == name) return known;
    names.push_back(known.name);
  }
  fail("there is no dataset '{}'; there are {}", name, joined(names));
}

fs::path find(const Dataset& dataset, const std::string& folder) {
  const std::string named = folder.empty() ? environment("RAVEL_DATA") : folder;
  std::vector<std::string> tried;
  if (!named.empty()) {
    const fs::path found = find_in(dataset, named);
    if (!found.empty()) return found;
    tried.push_back(named);
  }
  if (!folder.empty()) fail_not_found(dataset, tried);
  for (const fs::path& place : common_places()) {
    const fs::path found = find_below(dataset, place);
    if (!found.empty()) return found;
    tried.push_back(place.string());
  }
  fail_not_found(dataset, tried);
}

Splits load(const Dataset& dataset, const std::string& folder) {
  const fs::path path = find(dataset, folder);
  if (dataset.name != "cifar10") {
    return {read_idx_images(path, "train", dataset.classes), read_idx_images(path, "t10k", dataset.classes)};
  }
  const std::vector<std::string> batches = {"data_batch_1.bin", "data_batch_2.bin", "data_batch_3.bin",
                                            "data_batch_4.bin", "data_batch_5.bin"};
  return {read_cifar(path, batches, dataset.classes), read_cifar(path, {"test_batch.bin"}, dataset.classes)};
}

}  // namespace ravel::data
