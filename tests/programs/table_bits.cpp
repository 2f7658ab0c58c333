// Prints a hash for each row of the op table in f32 and in f64: of the values, and of the first and second derivatives
// where there are any. Elementwise ops run with a size that is shared among threads, too.
#include <cstdio>
#include <exception>

#include "../op_table.hpp"
#include "ravel/autograd/hash.hpp"

namespace {

using namespace ravel;
using table::Row;
using table::Tensors;

Tensors needing_gradient(const Tensors& tensors) {
  Tensors chosen;
  for (const Tensor& x : tensors) {
    if (x.requires_grad()) chosen.push_back(x);
  }
  return chosen;
}

// The gradients of xs for fixed weights of ys; the weights that were used are appended to xs.
Tensors gradients(const Row& row, const Tensors& ys, Tensors& xs, bool create_graph) {
  Tensors weights;
  for (const Tensor& y : ys) {
    const RandomKey key = random_key(9, row.name, xs.size() + weights.size());
    weights.push_back(randn(y.shape(), y.dtype(), key).requires_grad_());
  }
  const Tensors results = grad(ys, weights, xs, {.create_graph = create_graph, .allow_unused = true});
  xs.insert(xs.end(), weights.begin(), weights.end());
  return results;
}

void add_all(Hash& hash, const Tensors& tensors) {
  for (const Tensor& x : tensors) hash.add(x.defined() ? hash_of(x) : 0);
}

std::uint64_t hash_row(const Row& row, Dtype dtype) {
  const RandomStep step(7, 1);
  const Tensors inputs = make_inputs(row, dtype), values = row.f(inputs);
  Hash hash;
  add_all(hash, values);
  Tensors xs = needing_gradient(inputs);
  for (Tensors ys = needing_gradient(values); const bool create_graph : {true, false}) {
    if (ys.empty()) break;
    const Tensors results = gradients(row, ys, xs, create_graph);
    add_all(hash, results);
    ys.clear();
    for (const Tensor& g : results) {
      if (g.defined() && g.requires_grad()) ys.push_back(g);
    }
  }
  return hash.value();
}

void print(const Row& row, const char* size) {
  for (const Dtype dtype : {f32, f64}) {
    std::printf("%s%s/%s %016llx\n", row.name.c_str(), size, name_of(dtype),
                static_cast<unsigned long long>(hash_row(row, dtype)));
  }
}

}  // namespace

int main() {
  try {
    for (Row row : table::all_rows()) {
      print(row, "");
      if (!row.traits.elementwise) continue;
      for (table::Input& input : row.inputs) input.shape = {3, 22003};
      print(row, "/large");
    }
    return 0;
  } catch (const std::exception& error) {
    std::fprintf(stderr, "%s\n", error.what());
    return 1;
  }
}
