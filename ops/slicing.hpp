// Parts of tensors, and tensors from parts. Taking parts costs no copy.
#pragma once

#include <optional>
#include <vector>

#include "ravel/autograd/tensor.hpp"

namespace ravel {

// The entry `index` of dimension `dim`, counted from the end when negative, without that dimension; a view.
Tensor select(const Tensor& x, std::int64_t dim, std::int64_t index);

// Python's start:stop:step. What is left out means everything in the direction of `step`; negative positions count from
// the end, and those outside stop at the border.
struct SliceOptions {
  std::optional<std::int64_t> start = std::nullopt, stop = std::nullopt;
  std::int64_t step = 1;
};
// The entries start, start + step, ... before `stop` of dimension `dim`; a view, backwards when step is negative.
Tensor slice(const Tensor& x, std::int64_t dim, const SliceOptions& options);
// Zeros of `shape` with `g` in the places that slice(_, dim, options) reads: the adjoint of slice.
Tensor slice_backward(const Tensor& g, const Shape& shape, std::int64_t dim, const SliceOptions& options);
// The `length` entries of dimension `dim` from `start` on, all of which must exist; a view.
Tensor narrow(const Tensor& x, std::int64_t dim, std::int64_t start, std::int64_t length);
// The entries of each of the dimensions `dims` in reversed order; a view.
Tensor flip(const Tensor& x, const Dims& dims);

struct PadOptions {
  double value = 0;
};
// `x` with pairs[0] entries of options.value put before and pairs[1] after those of the last dimension, pairs[2] and
// pairs[3] for the last but one, and so on. A negative number removes entries.
Tensor pad(const Tensor& x, const std::vector<std::int64_t>& pairs, const PadOptions& options = {});

// The tensors, which differ at most in the size of dimension `dim`, one after the other along it.
Tensor cat(const std::vector<Tensor>& tensors, std::int64_t dim = 0);
// The tensors, of equal shapes, side by side along a new dimension `dim`.
Tensor stack(const std::vector<Tensor>& tensors, std::int64_t dim = 0);
// Parts of the given sizes, which sum to the size of dimension `dim`; views.
std::vector<Tensor> split(const Tensor& x, const std::vector<std::int64_t>& sizes, std::int64_t dim = 0);
// Parts of size `size` along dimension `dim`, the last one smaller if need be; views.
std::vector<Tensor> split(const Tensor& x, std::int64_t size, std::int64_t dim = 0);
// At most `chunks` parts of equal size along dimension `dim`, the last one smaller if need be; views.
std::vector<Tensor> chunk(const Tensor& x, std::int64_t chunks, std::int64_t dim = 0);
// The entries of dimension `dim`, each without that dimension; views. One node for all of them: a loop over the steps
// of a sequence has a backward pass of linear cost.
std::vector<Tensor> unbind(const Tensor& x, std::int64_t dim = 0);

// `x` repeated repeats[i] times along dimension i; more repeats than dimensions put new ones in front.
Tensor repeat(const Tensor& x, const Shape& repeats);
// The entries of dimension `dim` moved by `shift` places, those that leave at one end coming back at the other.
Tensor roll(const Tensor& x, std::int64_t shift, std::int64_t dim);

}  // namespace ravel
