#include "ravel/autograd/parallel.hpp"

#include <algorithm>
#include <atomic>
#include <charconv>
#include <cstdlib>
#include <exception>
#include <mutex>
#include <string_view>
#include <thread>

#include "ravel/autograd/error.hpp"
#include "ravel/autograd/memory.hpp"
#include "ravel/autograd/modes.hpp"
#include "ravel/autograd/team.hpp"

// ThreadSanitizer does not see through oneTBB that the fork happens before the workers and they before the join. These
// two calls say so; they are empty in other builds.
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

int initial_threads() {
  const char* text = std::getenv("RAVEL_THREADS");
  if (text == nullptr || *text == '\0') {
    return std::clamp(static_cast<int>(std::thread::hardware_concurrency()), 1, detail::max_threads);
  }
  const std::string_view view(text);
  int count = 0;
  const auto [end, error] = std::from_chars(view.data(), view.data() + view.size(), count);
  require(error == std::errc() && end == view.data() + view.size() && count >= 1 && count <= detail::max_threads,
          "RAVEL_THREADS={}: use a whole number from 1 to {}", text, detail::max_threads);
  return count;
}

std::atomic<int>& team_size() {
  static std::atomic<int> size = initial_threads();
  return size;
}

// One thread's contiguous share: pieces are taken from its front, by its owner first and by others when they are done.
struct alignas(64) Share {
  std::atomic<std::int64_t> next{0};
  std::int64_t end = 0;
};

// One call of parallel_with() while it runs.
struct Call {
  // The pieces of the shares that one thread takes.
  class Pieces final : public detail::Ranges {
   public:
    Pieces(Call& call, int me) : call_(call), me_(me) {}

    detail::Range next() override {
      for (; passed_ < call_.workers; ++passed_) {
        Share& share = call_.shares[(me_ + passed_) % call_.workers];
        const std::int64_t begin = share.next.fetch_add(call_.grain, std::memory_order_relaxed);
        if (call_.failed.load(std::memory_order_relaxed)) break;
        if (begin < share.end) return {begin, std::min(begin + call_.grain, share.end)};
      }
      return {};
    }

   private:
    Call& call_;
    const int me_;
    int passed_ = 0;  // shares that have no pieces left
  };

  Call(std::int64_t items, std::int64_t piece, int crew, detail::TeamBody function)
      : shares(crew), grain(piece), workers(crew), body(function), senders(modes) {
    for (int w = 0; w < workers; ++w) {
      new (&shares[w]) Share{items * w / workers, items * (w + 1) / workers};
    }
  }

  void work(int me) {
    ModeGuard<Modes> inherit(modes, senders);
    modes.in_parallel = true;
    Pieces pieces(*this, me);
    body(pieces);
  }

  void keep_first_error() {
    const std::lock_guard lock(mutex);
    if (!error) error = std::current_exception();
    failed = true;
  }

  Scratch<Share> shares;
  std::int64_t grain;
  int workers;
  detail::TeamBody body;
  Modes senders;
  std::atomic<bool> failed = false;
  std::mutex mutex;
  std::exception_ptr error;
};

void work_on(void* context, int worker) {
  happens_after(context);
  Call& call = *static_cast<Call*>(context);
  try {
    call.work(worker);
  } catch (...) {
    call.keep_first_error();
  }
  happens_before(context);
}

}  // namespace

int threads() { return team_size().load(std::memory_order_relaxed); }

std::int64_t parts_wanted(std::int64_t tasks, std::int64_t per_thread) {
  return threads() == 1 ? 1 : (per_thread * threads() + tasks - 1) / tasks;
}

void set_threads(int count) {
  require(count >= 1 && count <= detail::max_threads, "set_threads: {} threads; use 1 to {}", count,
          detail::max_threads);
  team_size() = count;
}

bool detail::runs_inline(std::int64_t count, std::int64_t grain) {
  return count / 2 < grain || modes.in_parallel || threads() == 1;
}

void detail::parallel_shares(std::int64_t count, std::int64_t grain, TeamBody body) {
  grain = std::max<std::int64_t>(grain, 1);
  const int team = threads();
  Call call(count, grain, static_cast<int>(std::min<std::int64_t>(team, count / grain)), body);
  happens_before(&call);
  run_team(team, call.workers, work_on, &call);
  happens_after(&call);
  if (call.error) std::rethrow_exception(call.error);
}

}  // namespace ravel
