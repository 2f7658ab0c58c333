// Faults on purpose: a sanitizer build that does not report them would prove nothing. The argument names one.
#include <string_view>

#include "ravel/ravel.hpp"

namespace {

using namespace ravel;

// Writes one element behind the last one of an array.
void write_behind() {
  const Ref<Array> array = Array::packed(f32, 100);
  array->data<float>()[100] = 1;
}

// Reads an array that its last owner has given up.
float read_after_free() {
  const float* data = nullptr;
  {
    const Tensor x = ones(100);
    data = x.data<float>();
  }
  return *data;
}

// Adds into one place from several threads.
int race() {
  set_threads(4);
  int sum = 0;
  parallel(100'000, 1, [&](std::int64_t, std::int64_t) { ++sum; });
  return sum;
}

}  // namespace

int main(int count, char** arguments) {
  const std::string_view bug = count > 1 ? arguments[1] : "";
  if (bug == "write_behind") write_behind();
  if (bug == "read_after_free") return read_after_free() > 2;
  if (bug == "race") return race() < 0;
  return 0;
}
