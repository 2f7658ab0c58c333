#include "ravel/ops/dropout.hpp"

#include <cmath>

#include "ravel/autograd/parallel.hpp"
#include "ravel/autograd/record.hpp"
#include "ravel/ops/kernels/blocks.hpp"
#include "ravel/ops/kernels/random.hpp"

namespace ravel {
namespace {

using kernels::block_size;

// y[i] = x[i] * scale where the upper 24 bits of words[i] are below `keep`, else 0.
template <class T>
void drop_block(const std::uint32_t* words, std::uint32_t keep, T scale, std::int64_t count, const T* x, T* y) {
  kernels::at_level([=] {
    RAVEL_INDEPENDENT
    for (std::int64_t i = 0; i < count; ++i) y[i] = words[i] >> 8 < keep ? x[i] * scale : T{0};
  });
}

// Element i belongs to word i % 4 of random block i / 4, so the work is cut between random blocks. The result goes into
// x's memory where nothing else refers to it.
template <class T>
Tensor drop(Tensor& x, double p, const RandomKey& key) {
  const auto keep = static_cast<std::uint32_t>(std::lround((1 - p) * 0x1p24));
  const T scale = keep == 0 ? T{0} : static_cast<T>(1 / (1 - p));
  const std::int64_t numel = x.numel();
  const kernels::Layout layout = kernels::coalesce(x.shape(), x.strides());
  Ref<Array> y = x.array().is_reusable() ? x.array_ref() : Array::packed(dtype_of<T>, x.shape());
  T* const out = y->data<T>();
  parallel((numel + 3) / 4, kernels::elements_per_task / 4, [&](std::int64_t begin, std::int64_t end) {
    kernels::BlockReader<T> reader;
    reader.start(x.array(), layout, 4 * begin);
    std::uint32_t words[block_size];
    for (std::int64_t i = 4 * begin; i < std::min(4 * end, numel); i += block_size) {
      const std::int64_t count = std::min(block_size, std::min(4 * end, numel) - i);
      kernels::philox_words(key, static_cast<std::uint64_t>(i / 4), (count + 3) / 4, words);
      drop_block(words, keep, scale, count, reader.next(count), out + i);
    }
  });
  return Tensor(std::move(y));
}

}  // namespace

Tensor dropout(Tensor x, double p, bool training) {
  require(p >= 0 && p <= 1, "dropout: the probability {} is not between 0 and 1", p);
  return training && p > 0 ? dropout(std::move(x), p, next_random_key()) : x;
}

Tensor dropout(Tensor x, double p, const RandomKey& key) {
  require(p >= 0 && p <= 1, "dropout: the probability {} is not between 0 and 1", p);
  return record("dropout", visit_floating(x.dtype(), "dropout", [&]<class T>() { return drop<T>(x, p, key); }),
                Edge{x, [p, key](Tensor g) { return dropout(std::move(g), p, key); }});
}

}  // namespace ravel
