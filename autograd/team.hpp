// The threads that work together, behind a plain function call: the only place that sees oneTBB.
#pragma once

namespace ravel::detail {

inline constexpr int max_threads = 256;  // that set_threads() and RAVEL_THREADS admit

// Calls work(context, i) for i = 0 .. workers - 1, on up to `team_size` threads at once; returns when all are done. An
// exception must not leave `work`.
void run_team(int team_size, int workers, void (*work)(void* context, int worker), void* context);

}  // namespace ravel::detail
