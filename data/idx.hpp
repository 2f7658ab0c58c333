// The idx format of MNIST and Fashion-MNIST (described by LeCun, Cortes, Burges on MNIST's page): two zero bytes, a
// byte for the type of the elements, a byte for the number of dimensions, the sizes as big-endian 32-bit numbers, the
// elements.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "ravel/data/image_set.hpp"

namespace ravel::data {

// The u8 tensor of rank `rank` in an idx file, plain or compressed with gzip. A file of another format, rank or type,
// one that is damaged, and one with fewer or more bytes than its header announces are errors that name the file, what
// was expected and what was found.
Tensor read_idx(const std::filesystem::path& path, int rank);

// The file `stem`-idx`rank`-ubyte in `folder`, in one of its spellings: train-images-idx3-ubyte or
// train-images.idx3-ubyte, with .gz or without. An empty path when there is none.
std::filesystem::path idx_file(const std::filesystem::path& folder, const std::string& stem, int rank);

// Images and labels of one part, "train" or "t10k", from the two idx files in `folder`; C is 1. An absent file,
// different numbers of images and labels, and a label that is no index into `classes` are errors.
ImageSet read_idx_images(const std::filesystem::path& folder, const std::string& part,
                         std::vector<std::string> classes);

}  // namespace ravel::data
