// Reading and adding at places that an integer tensor names. Sums are added up in the order of the index, whatever the
// number of threads: threads share out places to write to, never the entries of one sum.
#pragma once

#include <cstdint>

#include "ravel/autograd/array.hpp"

namespace ravel::kernels {

// Are all of `count` indices in [0, size)?
bool all_below(const std::int64_t* index, std::int64_t count, std::int64_t size);

// y[.., i, ..] = x[.., index[.., i, ..], ..] along dimension `dim`. `index` and `y` are packed and of one shape, which
// is at most that of x in the other dimensions.
void gather(Array& y, const Array& x, int dim, const Array& index);

// y[.., index[.., i, ..], ..] += x[.., i, ..] along dimension `dim`. All are packed; `index` and `x` have one shape,
// which is at most that of y in the other dimensions.
void scatter_add(Array& y, int dim, const Array& index, const Array& x);

// y[.., i, ..] = x[.., index[i], ..] along dimension `dim`; all are packed.
void index_select(Array& y, const Array& x, int dim, const Array& index);

// y[.., index[i], ..] += x[.., i, ..] along dimension `dim`; all are packed.
void index_add(Array& y, int dim, const Array& index, const Array& x);

}  // namespace ravel::kernels
