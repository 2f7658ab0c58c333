// The peak itself, and the program's head.
#include "ravel/ops/kernels/isa.hpp"
#include "suite.hpp"

namespace ravel::bench {

void peak(benchmark::State& state) {
  constexpr double flops = 1e9;
  const int count = static_cast<int>(state.range(0));
  measure_flops(state, flops * count, [=] { seconds_of(count, flops); });
}
BENCHMARK(peak)->Apply(each_number_of_threads);

}  // namespace ravel::bench

int main(int argc, char** argv) {
  benchmark::AddCustomContext("instruction set", ravel::name_of(ravel::isa()));
  benchmark::Initialize(&argc, argv);
  if (benchmark::ReportUnrecognizedArguments(argc, argv)) return 2;
  benchmark::RunSpecifiedBenchmarks();
  benchmark::Shutdown();
  return 0;
}
