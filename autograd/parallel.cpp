#include "ravel/autograd/parallel.hpp"

#include <tbb/global_control.h>
#include <tbb/parallel_for.h>
#include <tbb/task_arena.h>

#include <algorithm>
#include <atomic>
#include <charconv>
#include <cstdlib>
#include <memory>
#include <mutex>
#include <string_view>
#include <thread>
#include <vector>

#include "ravel/autograd/error.hpp"
#include "ravel/autograd/modes.hpp"

// oneTBB from a distribution is not built for ThreadSanitizer, which therefore does not see that a fork happens before
// its tasks and the tasks before the join. These two calls say so; they are empty in other builds.
#if defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define RAVEL_TSAN
#endif
#elif defined(__SANITIZE_THREAD__)
#define RAVEL_TSAN
#endif
#if defined(RAVEL_TSAN)
extern "C" void __tsan_acquire(void*);
extern "C" void __tsan_release(void*);
namespace {
void happens_before(void* place) { __tsan_release(place); }
void happens_after(void* place) { __tsan_acquire(place); }
}  // namespace
#else
namespace {
void happens_before(void*) {}
void happens_after(void*) {}
}  // namespace
#endif

namespace ravel {
namespace {

constexpr int max_threads = 256;

int initial_threads() {
  const char* text = std::getenv("RAVEL_THREADS");
  if (text == nullptr || *text == '\0') {
    return std::clamp(static_cast<int>(std::thread::hardware_concurrency()), 1, max_threads);
  }
  const std::string_view view(text);
  int count = 0;
  const auto [end, error] = std::from_chars(view.data(), view.data() + view.size(), count);
  require(error == std::errc() && end == view.data() + view.size() && count >= 1 && count <= max_threads,
          "RAVEL_THREADS={}: use a whole number from 1 to {}", text, max_threads);
  return count;
}

// The threads that work together: an arena of its own size, and leave to use more threads than there are cores.
struct Team {
  explicit Team(int count)
      : size(count), limit(tbb::global_control::max_allowed_parallelism, static_cast<std::size_t>(count)), arena(count) {}
  int size;
  tbb::global_control limit;
  tbb::task_arena arena;
};

std::mutex team_mutex;
std::shared_ptr<Team> team;
std::atomic<int> team_size = 0;

std::shared_ptr<Team> current_team() {
  const std::lock_guard lock(team_mutex);
  if (team == nullptr) team = std::make_shared<Team>(threads());
  return team;
}

thread_local bool inside_body = false;

// One thread's contiguous share: pieces are taken from its front, by its owner first and by others when they are done.
struct alignas(64) Share {
  std::atomic<std::int64_t> next{0};
  std::int64_t end = 0;
};

}  // namespace

int threads() {
  int size = team_size.load(std::memory_order_relaxed);
  if (size == 0) {
    int unset = 0;
    team_size.compare_exchange_strong(unset, initial_threads());
    size = team_size.load();
  }
  return size;
}

void set_threads(int count) {
  require(count >= 1 && count <= max_threads, "set_threads: {} threads; use 1 to {}", count, max_threads);
  const std::lock_guard lock(team_mutex);
  if (count == team_size.exchange(count) && team != nullptr) return;
  team.reset();
  team = std::make_shared<Team>(count);
}

bool detail::runs_inline(std::int64_t count, std::int64_t grain) {
  return count <= grain || inside_body || threads() == 1;
}

void detail::parallel_shares(std::int64_t count, std::int64_t grain, RangeBody body) {
  grain = std::max<std::int64_t>(grain, 1);
  const std::shared_ptr<Team> crew = current_team();
  const int workers = static_cast<int>(std::min<std::int64_t>(crew->size, (count + grain - 1) / grain));
  std::vector<Share> shares(static_cast<std::size_t>(workers));
  for (int w = 0; w < workers; ++w) {
    shares[static_cast<std::size_t>(w)].next = count * w / workers;
    shares[static_cast<std::size_t>(w)].end = count * (w + 1) / workers;
  }
  const Modes senders = modes;
  char fork = 0, join = 0;
  const auto work = [&](int me) {
    happens_after(&fork);
    const ModeGuard<Modes> inherit(modes, senders);
    const ModeGuard<bool> nested(inside_body, true);
    for (int k = 0; k < workers; ++k) {
      Share& share = shares[static_cast<std::size_t>((me + k) % workers)];
      for (;;) {
        const std::int64_t begin = share.next.fetch_add(grain, std::memory_order_relaxed);
        if (begin >= share.end) break;
        body(begin, std::min(begin + grain, share.end));
      }
    }
    happens_before(&join);
  };
  happens_before(&fork);
  crew->arena.execute([&] { tbb::parallel_for(0, workers, work, tbb::static_partitioner()); });
  happens_after(&join);
}

}  // namespace ravel
