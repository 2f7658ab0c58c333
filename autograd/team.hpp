// The threads that work together, behind a plain function call: the only place that sees oneTBB.
#pragma once

namespace ravel::detail {

inline constexpr int max_threads = 256;  // that set_threads() and RAVEL_THREADS admit

// Calls work(context, 0) here and work(context, i) for i = 1 .. workers - 1 on those other threads that come before it
// is done; returns when all calls are. So each call must take what is left to do, whoever has come. `team_size` is
// threads(), at least `workers`. An exception must not leave `work`.
void run_team(int team_size, int workers, void (*work)(void* context, int worker), void* context);

}  // namespace ravel::detail
