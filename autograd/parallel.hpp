// The one place where work is handed to other threads.
#pragma once

#include <cstdint>
#include <memory>
#include <type_traits>

namespace ravel {

// How many threads kernels use: RAVEL_THREADS from the environment, else the number of cores. Results never depend on
// it.
int threads();
// Into how many parts each of `tasks` tasks (>= 1) is to be cut so that every thread gets about `per_thread` of them.
std::int64_t parts_wanted(std::int64_t tasks, std::int64_t per_thread);
// Sets the number of threads (>= 1) for calls from all threads from now on; more than there are cores is allowed.
void set_threads(int count);

namespace detail {

// A range body without its type: the call costs one indirect jump and no allocation.
class RangeBody {
 public:
  template <class F>
  requires(!std::is_same_v<std::remove_cvref_t<F>, RangeBody>)
      // NOLINTNEXTLINE(google-explicit-constructor)
      RangeBody(const F& body)
      : object_(std::addressof(body)), call_([](const void* object, std::int64_t begin, std::int64_t end) {
          (*static_cast<const F*>(object))(begin, end);
        }) {}
  void operator()(std::int64_t begin, std::int64_t end) const { call_(object_, begin, end); }

 private:
  const void* object_;
  void (*call_)(const void*, std::int64_t, std::int64_t);
};

// parallel() without its inline case, and whether that applies.
void parallel_shares(std::int64_t count, std::int64_t grain, RangeBody body);
bool runs_inline(std::int64_t count, std::int64_t grain);

}  // namespace detail

// Calls body(begin, end) on disjoint ranges that together cover [0, count), on several threads at once.
// Fewer than 2 * `grain` items run inline on the calling thread; of more each thread takes a contiguous share, at least
// `grain` items, in pieces of as many, and helps the others when its own is done. Where ranges are cut depends on the
// number of threads, so what a body computes for an item must not depend on the range that it came in. Calls inside a
// body that runs on several threads run inline. Random numbers must not be drawn in a body. The body sees the caller's
// modes (recording, random step); an exception reaches the caller.
template <class F>
void parallel(std::int64_t count, std::int64_t grain, const F& body) {
  if (count <= 0) return;
  if (detail::runs_inline(count, grain)) {
    body(std::int64_t{0}, count);
  } else {
    detail::parallel_shares(count, grain, body);
  }
}

}  // namespace ravel
