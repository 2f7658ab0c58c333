// The one place where work is handed to other threads.
#pragma once

#include <cstdint>
#include <memory>

namespace ravel {

// How many threads kernels use: RAVEL_THREADS from the environment, else the number of cores. Results never depend on
// it.
int threads();
// Into how many parts each of `tasks` tasks (>= 1) is to be cut so that every thread gets about `per_thread` of them.
std::int64_t parts_wanted(std::int64_t tasks, std::int64_t per_thread);
// Sets the number of threads (>= 1) for calls from all threads from now on; more than there are cores is allowed.
void set_threads(int count);

namespace detail {

struct Range {
  std::int64_t begin = 0, end = 0;
  bool empty() const { return begin == end; }
};

// The ranges that one thread works on, of one call of parallel_with().
class Ranges {
 public:
  // The next one; empty when nothing is left.
  virtual Range next() = 0;

 protected:
  ~Ranges() = default;
};

// What each thread of a team does with its ranges, without its type and without an allocation.
class TeamBody {
 public:
  template <class F>
  explicit TeamBody(const F& body)
      : object_(std::addressof(body)),
        call_([](const void* object, Ranges& ranges) { (*static_cast<const F*>(object))(ranges); }) {}
  void operator()(Ranges& ranges) const { call_(object_, ranges); }

 private:
  const void* object_;
  void (*call_)(const void*, Ranges&);
};

// parallel_with() without its inline case, and whether that applies.
void parallel_shares(std::int64_t count, std::int64_t grain, TeamBody body);
bool runs_inline(std::int64_t count, std::int64_t grain);

}  // namespace detail

// Calls make() once on each thread that takes part, and what it returns, body(begin, end), on disjoint ranges that
// together cover [0, count): a body holds scratch space for all ranges of its thread.
// Fewer than 2 * `grain` items run inline on the calling thread; of more each thread takes a contiguous share, at least
// `grain` items, in ranges of as many, and helps the others when its own is done. Where ranges are cut depends on the
// number of threads, so what a body computes for an item must not depend on the range that it came in, nor on those
// before. Calls inside a body that runs on several threads run inline. Random numbers must not be drawn in a body. The
// body sees the caller's modes (recording, random step); an exception reaches the caller.
template <class Make>
void parallel_with(std::int64_t count, std::int64_t grain, const Make& make) {
  if (count <= 0) return;
  if (detail::runs_inline(count, grain)) {
    auto body = make();
    body(std::int64_t{0}, count);
    return;
  }
  const auto team_body = [&](detail::Ranges& ranges) {
    detail::Range range = ranges.next();
    if (range.empty()) return;
    auto body = make();
    for (; !range.empty(); range = ranges.next()) body(range.begin, range.end);
  };
  detail::parallel_shares(count, grain, detail::TeamBody(team_body));
}

// The same for a body that needs nothing of its own and serves all threads.
template <class F>
void parallel(std::int64_t count, std::int64_t grain, const F& body) {
  parallel_with(count, grain, [&] { return [&](std::int64_t begin, std::int64_t end) { body(begin, end); }; });
}

}  // namespace ravel
