// One pass over the elements of a parameter: the kernel of every optimizer.
#pragma once

#include "ravel/autograd/parallel.hpp"
#include "ravel/ops/kernels/blocks.hpp"
#include "ravel/ops/kernels/levels.hpp"

namespace ravel::kernels {

// Calls f(p[i], g[i], state[i]...) for all i < count; f changes p and the states in place. All arrays are packed.
template <class T, class F, class... States>
void update(std::int64_t count, const F& f, T* p, const T* g, States*... state) {
  parallel(count, elements_per_task, [&](std::int64_t begin, std::int64_t end) {
    at_level([=] {
      RAVEL_INDEPENDENT
      for (std::int64_t i = begin; i < end; ++i) f(p[i], g[i], state[i]...);
    });
  });
}

}  // namespace ravel::kernels
