// The datasets that are known by name, and where to look for them.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "ravel/data/image_set.hpp"

namespace ravel::data {

struct Dataset {
  std::string name;                  // as in --dataset and ./run data: mnist, fashion, cifar10
  std::string title;                 // as people write it
  std::vector<std::string> folders;  // what its folder is usually called
  std::string inner;                 // a folder within it that may hold the files
  std::vector<std::string> classes;
  std::vector<float> mean, stddev;  // of the training images per channel, pixels in [0, 1]
};

// The dataset of that name; an error that lists the names for others.
const Dataset& dataset(std::string_view name);

// The folder with the dataset's files. With `folder` that is it, or one in it that has a usual name. Without, such a
// folder is looked for in $RAVEL_DATA, ./data-cache, $XDG_CACHE_HOME/ravel or ~/.cache/ravel, and /usr/share/datasets,
// in this order. Not found: an error with the places and the ways to get the dataset.
std::filesystem::path find(const Dataset& dataset, const std::string& folder = "");

struct Splits {
  ImageSet train, test;
};
// The images of a dataset, from where find() finds them.
Splits load(const Dataset& dataset, const std::string& folder = "");

}  // namespace ravel::data
