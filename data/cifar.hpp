// CIFAR-10's binary layout (Krizhevsky 2009): records of one label byte and 3072 bytes of pixels, a red, a green and a
// blue plane of 32 rows.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "ravel/data/image_set.hpp"

namespace ravel::data {

// The images (N, 3, 32, 32) and labels in the files `names` of `folder`, one after the other. An absent or empty file,
// a part of a record, files with different numbers of records, and a label that is no index into `classes` are errors
// that name the file, what was expected and what was found.
ImageSet read_cifar(const std::filesystem::path& folder, const std::vector<std::string>& names,
                    std::vector<std::string> classes);

}  // namespace ravel::data
