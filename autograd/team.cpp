#include "ravel/autograd/team.hpp"

#include <tbb/global_control.h>
#include <tbb/parallel_for.h>
#include <tbb/task_arena.h>

#include <memory>
#include <mutex>

namespace ravel::detail {
namespace {

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
  const std::shared_ptr<tbb::task_arena> arena = arena_of(team_size);
  arena->execute([&] {
    tbb::parallel_for(
        0, workers, [=](int worker) { work(context, worker); }, tbb::static_partitioner());
  });
}

}  // namespace ravel::detail
