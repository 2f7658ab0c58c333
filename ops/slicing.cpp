#include "ravel/ops/slicing.hpp"

#include <algorithm>
#include <numeric>

#include "ravel/autograd/create.hpp"
#include "ravel/autograd/record.hpp"
#include "ravel/ops/broadcast.hpp"
#include "ravel/ops/kernels/copy.hpp"
#include "ravel/ops/shape.hpp"

namespace ravel {
namespace {

// `dim` of a tensor of this shape, which must have one.
int existing_dim(const char* op, std::int64_t dim, const Shape& shape) {
  require(shape.rank() > 0, "{}: a tensor of rank 0 has no dimensions", op);
  return wrap_dim(dim, shape.rank(), op);
}

// The entries of one dimension that a slice reads.
struct Range {
  std::int64_t start = 0, step = 1, count = 0;
};

Range resolve(const SliceOptions& options, std::int64_t size) {
  const std::int64_t step = options.step, sign = step > 0 ? 1 : -1;
  require(step != 0, "slice: a step of 0 goes nowhere; use 1, or -1 for backwards");
  const std::int64_t low = step > 0 ? 0 : -1, high = step > 0 ? size : size - 1;
  const auto bound = [&](const std::optional<std::int64_t>& position, std::int64_t otherwise) {
    if (!position) return otherwise;
    return std::clamp(*position < 0 ? *position + size : *position, low, high);
  };
  const std::int64_t start = bound(options.start, step > 0 ? low : high),
                     stop = bound(options.stop, step > 0 ? high : low);
  if ((stop - start) * sign <= 0) return {};
  const std::int64_t count = (stop - start - sign) / step + 1;
  return {start, count > 1 ? step : 1, count};
}

// The part of `x` that a slice reads, in the same memory.
Ref<Array> view_of_slice(const Array& x, int dim, const Range& range) {
  Shape shape = x.shape();
  Strides strides = x.strides();
  shape[dim] = range.count;
  strides[dim] *= range.step;
  return Array::view(x, shape, strides, range.start * x.strides()[dim]);
}

// The entry `index` of dimension `dim` of `x`, in the same memory.
Ref<Array> view_of_entry(const Array& x, int dim, std::int64_t index) {
  Shape shape = x.shape();
  Strides strides = x.strides();
  shape.erase(dim);
  strides.erase(dim);
  return Array::view(x, shape, strides, index * x.strides()[dim]);
}

std::vector<Tensor> all(const OutputGradients& gradients) {
  std::vector<Tensor> tensors;
  for (std::size_t i = 0; i < gradients.size(); ++i) tensors.push_back(gradients[i]);
  return tensors;
}

// Checks what cat and stack ask of their inputs: one type, and one shape apart from dimension `free` (-1 for none).
void require_alike(const char* op, const std::vector<Tensor>& tensors, int free) {
  const Tensor& first = tensors.front();
  for (std::size_t i = 1; i < tensors.size(); ++i) {
    const Tensor& x = tensors[i];
    require(x.dtype() == first.dtype(), "{}: the inputs are {} and {}; use cast(x, {})", op, first.dtype(), x.dtype(),
            first.dtype());
    bool fits = x.rank() == first.rank();
    for (int dim = 0; fits && dim < x.rank(); ++dim) fits = dim == free || x.shape()[dim] == first.shape()[dim];
    require(fits, "{}: input {} of shape {} does not fit beside {}", op, i, x.shape(), first.shape());
  }
}

}  // namespace

Tensor select(const Tensor& x, std::int64_t dim, std::int64_t index) {
  const int at = existing_dim("select", dim, x.shape());
  const std::int64_t size = x.shape()[at], entry = index < 0 ? index + size : index;
  require(entry >= 0 && entry < size, "select: index {} is out of range for dimension {} of shape {}", index, dim,
          x.shape());
  return record("select", Tensor(view_of_entry(x.array(), at, entry)),
                Edge{x, [at, entry, from = x.shape()](const Tensor& g) {
                       return slice_backward(unsqueeze(g, at), from, at, {.start = entry, .stop = entry + 1});
                     }});
}

Tensor slice(const Tensor& x, std::int64_t dim, const SliceOptions& options) {
  const int at = existing_dim("slice", dim, x.shape());
  const Range range = resolve(options, x.shape()[at]);
  return record(
      "slice", Tensor(view_of_slice(x.array(), at, range)),
      Edge{x, [at, options, from = x.shape()](const Tensor& g) { return slice_backward(g, from, at, options); }});
}

Tensor slice_backward(const Tensor& g, const Shape& shape, std::int64_t dim, const SliceOptions& options) {
  const int at = existing_dim("slice_backward", dim, shape);
  const Tensor y = zeros(shape, g.dtype());
  const Ref<Array> target = view_of_slice(y.array(), at, resolve(options, shape[at]));
  require(g.shape() == target->shape(), "slice_backward: a gradient of shape {} for a slice of shape {}", g.shape(),
          target->shape());
  kernels::copy_into(*target, g.array());
  return record("slice_backward", y, Edge{g, [at, options](const Tensor& gg) { return slice(gg, at, options); }});
}

Tensor narrow(const Tensor& x, std::int64_t dim, std::int64_t start, std::int64_t length) {
  const int at = existing_dim("narrow", dim, x.shape());
  const std::int64_t size = x.shape()[at], first = start < 0 ? start + size : start;
  require(length >= 0 && first >= 0 && first <= size && length <= size - first,
          "narrow: {} entries from {} on are not in dimension {} of shape {}", length, start, dim, x.shape());
  return slice(x, at, {.start = first, .stop = first + length});
}

Tensor flip(const Tensor& x, const Dims& dims) {
  if (dims.empty() || x.rank() == 0) return x;
  const Dims over = wrap_dims(dims, x.rank(), "flip");
  Ref<Array> y = x.array_ref();
  for (const std::int64_t dim : over) {
    y = view_of_slice(*y, static_cast<int>(dim), resolve({.step = -1}, x.shape()[static_cast<int>(dim)]));
  }
  return record("flip", Tensor(std::move(y)), Edge{x, [over](const Tensor& g) { return flip(g, over); }});
}

Tensor pad(const Tensor& x, const std::vector<std::int64_t>& pairs, const PadOptions& options) {
  require(pairs.size() % 2 == 0 && pairs.size() / 2 <= static_cast<std::size_t>(x.rank()),
          "pad: {} numbers for shape {}; two for each padded dimension, the last dimension first", pairs.size(),
          x.shape());
  require_element("pad", options.value, x.dtype());
  Shape shape = x.shape(), kept = x.shape();
  std::int64_t from = 0;
  for (std::size_t i = 0; i < pairs.size() / 2; ++i) {
    const int dim = x.rank() - 1 - static_cast<int>(i);
    const std::int64_t before = pairs[2 * i], after = pairs[2 * i + 1];
    kept[dim] += std::min<std::int64_t>(before, 0) + std::min<std::int64_t>(after, 0);
    shape[dim] += before + after;
    require(kept[dim] >= 0, "pad: ({}, {}) removes more than dimension {} of shape {} has", before, after, dim,
            x.shape());
    from += std::max<std::int64_t>(-before, 0) * x.strides()[dim];
  }
  const Tensor y = full(shape, options.value, x.dtype());
  std::int64_t to = 0;
  std::vector<std::int64_t> opposite = pairs;
  for (std::size_t i = 0; i < pairs.size(); ++i) {
    opposite[i] = -pairs[i];
    if (i % 2 == 0) to += std::max<std::int64_t>(pairs[i], 0) * y.strides()[x.rank() - 1 - static_cast<int>(i / 2)];
  }
  kernels::copy_into(*Array::view(y.array(), kept, y.strides(), to), *Array::view(x.array(), kept, x.strides(), from));
  return record("pad", y, Edge{x, [opposite](const Tensor& g) { return pad(g, opposite); }});
}

Tensor cat(const std::vector<Tensor>& tensors, std::int64_t dim) {
  require(!tensors.empty(), "cat: no tensors; give one or more");
  Shape shape = tensors.front().shape();
  const int at = existing_dim("cat", dim, shape);
  require_alike("cat", tensors, at);
  std::vector<std::int64_t> sizes;
  for (const Tensor& x : tensors) sizes.push_back(x.shape()[at]);
  shape[at] = std::accumulate(sizes.begin(), sizes.end(), std::int64_t{0});
  Ref<Array> y = Array::packed(tensors.front().dtype(), shape);
  std::int64_t start = 0;
  for (const Tensor& x : tensors) {
    kernels::copy_into(*view_of_slice(*y, at, {start, 1, x.shape()[at]}), x.array());
    start += x.shape()[at];
  }
  return record_joint("cat", {Tensor(std::move(y))}, tensors,
                      [sizes, at](const OutputGradients& g, const JointContext&) { return split(g[0], sizes, at); })
      .front();
}

Tensor stack(const std::vector<Tensor>& tensors, std::int64_t dim) {
  require(!tensors.empty(), "stack: no tensors; give one or more");
  require_alike("stack", tensors, -1);
  Shape shape = tensors.front().shape();
  const int at = wrap_dim(dim, shape.rank() + 1, "stack");
  shape.insert(at, static_cast<std::int64_t>(tensors.size()));
  Ref<Array> y = Array::packed(tensors.front().dtype(), shape);
  for (std::size_t i = 0; i < tensors.size(); ++i) {
    kernels::copy_into(*view_of_entry(*y, at, static_cast<std::int64_t>(i)), tensors[i].array());
  }
  return record_joint("stack", {Tensor(std::move(y))}, tensors,
                      [at](const OutputGradients& g, const JointContext&) { return unbind(g[0], at); })
      .front();
}

std::vector<Tensor> split(const Tensor& x, const std::vector<std::int64_t>& sizes, std::int64_t dim) {
  const int at = existing_dim("split", dim, x.shape());
  std::vector<Tensor> parts;
  std::int64_t start = 0;
  for (const std::int64_t size : sizes) {
    require(size >= 0, "split: a part of size {}", size);
    parts.push_back(Tensor(view_of_slice(x.array(), at, {start, 1, size})));
    start += size;
  }
  require(start == x.shape()[at], "split: the parts have {} entries, dimension {} of shape {} has {}", start, dim,
          x.shape(), x.shape()[at]);
  return record_joint("split", std::move(parts), {x},
                      [at](const OutputGradients& g, const JointContext&) { return std::vector{cat(all(g), at)}; });
}

std::vector<Tensor> split(const Tensor& x, std::int64_t size, std::int64_t dim) {
  const std::int64_t total = x.shape()[existing_dim("split", dim, x.shape())];
  require(size > 0, "split: a part size of {}; use 1 or more", size);
  std::vector<std::int64_t> sizes(1, std::min(size, total));
  for (std::int64_t start = size; start < total; start += size) sizes.push_back(std::min(size, total - start));
  return split(x, sizes, dim);
}

std::vector<Tensor> chunk(const Tensor& x, std::int64_t chunks, std::int64_t dim) {
  const std::int64_t total = x.shape()[existing_dim("chunk", dim, x.shape())];
  require(chunks > 0, "chunk: {} parts; use 1 or more", chunks);
  if (total == 0) return split(x, std::vector<std::int64_t>(static_cast<std::size_t>(chunks), 0), dim);
  return split(x, (total - 1) / chunks + 1, dim);
}

std::vector<Tensor> unbind(const Tensor& x, std::int64_t dim) {
  const int at = existing_dim("unbind", dim, x.shape());
  std::vector<Tensor> entries;
  for (std::int64_t i = 0; i < x.shape()[at]; ++i) entries.push_back(Tensor(view_of_entry(x.array(), at, i)));
  return record_joint("unbind", std::move(entries), {x},
                      [at](const OutputGradients& g, const JointContext&) { return std::vector{stack(all(g), at)}; });
}

Tensor repeat(const Tensor& x, const Shape& repeats) {
  const int lead = repeats.rank() - x.rank();
  require(lead >= 0, "repeat: {} numbers for the dimensions of shape {}", repeats.rank(), x.shape());
  Tensor y = x;
  for (int i = 0; i < lead; ++i) y = unsqueeze(y, 0);
  // From the last dimension on: the copies grow, and the last and largest one copies whole blocks.
  for (int dim = repeats.rank() - 1; dim >= 0; --dim) {
    require(repeats[dim] >= 0, "repeat: {} repeats of dimension {}", repeats[dim], dim);
    if (repeats[dim] == 1) continue;
    Shape wide = y.shape();
    wide.insert(dim, repeats[dim]);
    y = flatten(expand(unsqueeze(y, dim), wide), dim, dim + 1);
  }
  return y;
}

Tensor roll(const Tensor& x, std::int64_t shift, std::int64_t dim) {
  const std::int64_t size = x.shape()[existing_dim("roll", dim, x.shape())];
  if (size == 0) return x;
  const std::int64_t kept = size - (shift % size + size) % size;
  return kept == size ? x : cat({slice(x, dim, {.start = kept}), slice(x, dim, {.stop = kept})}, dim);
}

}  // namespace ravel
