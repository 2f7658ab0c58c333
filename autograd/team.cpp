#include "ravel/autograd/team.hpp"

#include <tbb/global_control.h>
#include <tbb/task_arena.h>

#include <atomic>
#include <chrono>
#include <memory>
#include <mutex>
#include <thread>

#include "ravel/autograd/wait.hpp"

namespace ravel::detail {
namespace {

// A training step calls run_team() every few microseconds. Threads that wait for so short a time keep their core and
// look at one word of memory: calls of the system to yield or to sleep, and to wake whoever sleeps, take longer than
// that. After so long they are sleepers, and oneTBB's.
constexpr auto patience = std::chrono::microseconds(1000);

// One call of run_team().
struct Job {
  void (*work)(void*, int);
  void* context;
  std::atomic<int> open;  // seats that may yet take it or are at work
};

// Where the worker of that number of each team waits for jobs.
struct alignas(64) Seat {
  std::atomic<Job*> job = nullptr;
  std::atomic<bool> occupied = false;  // somebody is here or on the way
};

Seat seats[max_threads];

// A thread that waits for others, measured from where it was made.
class Wait {
 public:
  // Takes a moment; false if the patience of a thread that has a core of its own is at its end.
  bool goes_on() {
    if (++looks_ % looks_per_clock != 0) {
      pause_briefly();
      return true;
    }
    return std::chrono::steady_clock::now() - start_ < patience;
  }

 private:
  static constexpr int looks_per_clock = 64;
  std::chrono::steady_clock::time_point start_ = std::chrono::steady_clock::now();
  int looks_ = 0;
};

// Does the job at a seat, if there is one.
bool serve(int number) {
  std::atomic<Job*>& place = seats[number].job;
  Job* const job = place.load() == nullptr ? nullptr : place.exchange(nullptr);
  if (job == nullptr) return false;
  job->work(job->context, number);
  job->open.fetch_sub(1, std::memory_order_release);  // the last look at the job: its caller may be gone after this
  return true;
}

// What a worker of oneTBB does: it serves its seat until nothing comes for a while, at once if it `leaves_early`.
void sit(int number, bool leaves_early) {
  for (Wait wait; serve(number) ? (wait = Wait(), true) : !leaves_early && wait.goes_on();) {
  }
  seats[number].occupied = false;
  serve(number);  // who left a job before that line has seen the seat occupied, and called nobody
}

// The arena for teams of one size. Leave to use more threads than there are cores is taken once and kept.
std::shared_ptr<tbb::task_arena> arena_of(int team_size) {
  [[maybe_unused]] static const tbb::global_control limit(tbb::global_control::max_allowed_parallelism, max_threads);
  static std::mutex mutex;
  static std::shared_ptr<tbb::task_arena> arena;
  static int size = 0;
  const std::lock_guard lock(mutex);
  if (size != team_size) {
    arena = std::make_shared<tbb::task_arena>(team_size);
    size = team_size;
  }
  return arena;
}

}  // namespace

void run_team(int team_size, int workers, void (*work)(void*, int), void* context) {
  static const int cores = static_cast<int>(std::thread::hardware_concurrency());
  const bool crowded = team_size > cores;
  Job job{work, context, workers - 1};
  for (int i = 1; i < workers; ++i) {
    Job* none = nullptr;
    if (!seats[i].job.compare_exchange_strong(none, &job)) {  // another thread calls at the same time
      job.open.fetch_sub(1, std::memory_order_relaxed);
    } else if (!seats[i].occupied && !seats[i].occupied.exchange(true)) {
      try {
        arena_of(team_size)->enqueue([=] { sit(i, crowded); });
      } catch (...) {
        seats[i].occupied = false;  // there is no memory for it: the others do its part
      }
    }
  }
  work(context, 0);
  for (int i = 1; i < workers; ++i) {
    Job* mine = &job;
    if (seats[i].job.compare_exchange_strong(mine, nullptr)) job.open.fetch_sub(1, std::memory_order_relaxed);
  }
  for (Wait wait; job.open.load(std::memory_order_acquire) > 0;) {
    if (crowded || !wait.goes_on()) std::this_thread::yield();
  }
}

}  // namespace ravel::detail
