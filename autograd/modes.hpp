// The switches of a thread: is the graph recorded, are values checked, which random step is it, which module is
// running. None of it is global; work that `parallel` sends to other threads sees the modes of the thread that sent it.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace ravel {

// Where a thread stands in the stream of random numbers; see random.hpp.
struct RandomState {
  std::uint64_t seed = 0;
  std::uint64_t step = 0;
  std::uint64_t call = 0;  // random calls so far within the step
};

// One entry of the chain of modules that are running, innermost first.
struct ModuleFrame {
  std::string_view path;
  const ModuleFrame* outer = nullptr;
};

// How exact f32 convolutions are: fast, or as sums of products; see HighestPrecision.
enum class Precision : std::uint8_t { high, highest };

struct Modes {
  bool recording = true;
  bool anomaly = false;
  Precision precision = Precision::high;
  bool in_parallel = false;  // inside a body of parallel_with()
  RandomState random;
  const ModuleFrame* module = nullptr;
};

// The modes of this thread.
inline thread_local constinit Modes modes;

// Is the graph being recorded on this thread?
inline bool is_recording() { return modes.recording; }

// Sets one switch for the life of the guard and restores it after.
template <class T>
class ModeGuard {
 public:
  ModeGuard(T& place, const T& value) : place_(place), before_(place) { place = value; }
  ModeGuard(const ModeGuard&) = delete;
  ModeGuard& operator=(const ModeGuard&) = delete;
  ~ModeGuard() { place_ = before_; }

 private:
  T& place_;
  T before_;
};

// While it lives, operations on this thread record no graph.
struct NoGrad : ModeGuard<bool> {
  NoGrad() : ModeGuard(modes.recording, false) {}
};

// While it lives, operations on this thread record the graph, also inside NoGrad.
struct EnableGrad : ModeGuard<bool> {
  EnableGrad() : ModeGuard(modes.recording, true) {}
};

// While it lives, every operation and every gradient on this thread is checked: the first NaN or infinity is an error
// that names the operation, the shape and the path of the module. Slow; for finding a fault.
struct AnomalyMode : ModeGuard<bool> {
  AnomalyMode() : ModeGuard(modes.anomaly, true) {}
};

// While it lives, f32 convolutions on this thread are sums of products. Otherwise they are calculated by Winograd's
// algorithm where that is faster, with 0.6 to 3.5 times the rounding errors (root mean square); see conv2d.
struct HighestPrecision : ModeGuard<Precision> {
  HighestPrecision() : ModeGuard(modes.precision, Precision::highest) {}
};

// While it lives, random operations draw the numbers of training step `step`, from the first call on. Whoever enters
// the same step again (a recomputation, a gradient check, a resumed run) draws the same numbers.
struct RandomStep : ModeGuard<RandomState> {
  explicit RandomStep(std::uint64_t step) : ModeGuard(modes.random, {modes.random.seed, step, 0}) {}
  RandomStep(std::uint64_t seed, std::uint64_t step) : ModeGuard(modes.random, {seed, step, 0}) {}
};

// Starts this thread's random numbers anew from `seed`.
inline void manual_seed(std::uint64_t seed) { modes.random = {seed, 0, 0}; }

// The path of the innermost running module, "" outside of all.
inline std::string_view module_path() { return modes.module == nullptr ? std::string_view() : modes.module->path; }

}  // namespace ravel
