// The properties that every op has, swept over the op table.
#include <algorithm>
#include <cmath>
#include <filesystem>
#include <fstream>
#include <map>
#include <regex>
#include <set>

#include "catch.hpp"
#include "op_table.hpp"
#include "ravel/autograd/backward.hpp"

namespace {

using namespace ravel;
using table::Row;
using table::Tensors;

// Is there a derivative to compare?
bool has_gradient(const Row& row) {
  return !row.traits.no_gradient && std::any_of(row.inputs.begin(), row.inputs.end(), [](const table::Input& input) {
    return input.shape.numel() > 0 && !input.constant && input.kind != table::Input::Kind::integers &&
           input.kind != table::Input::Kind::mask;
  });
}

Tensors outputs_of(const Row& row, const Tensors& inputs) {
  const RandomStep step(7, 1);
  return row.f(inputs);
}

// The outputs of a row and the gradients of its inputs, for one fixed weighting of the outputs.
Tensors values_and_gradients(const Row& row, const Tensors& inputs) {
  Tensors results = outputs_of(row, inputs), seeds, ys, xs;
  for (const Tensor& y : results) {
    if (!y.requires_grad()) continue;
    ys.push_back(y);
    seeds.push_back(randn(y.shape(), y.dtype(), random_key(9, row.name, seeds.size())));
  }
  for (const Tensor& x : inputs) {
    if (x.requires_grad()) xs.push_back(x);
  }
  if (!ys.empty()) {
    for (const Tensor& g : grad(ys, seeds, xs)) results.push_back(g);
  }
  for (Tensor& result : results) result = result.detach();
  return results;
}

// The same elements behind other strides: each dimension doubled and every second element taken, in reversed order of
// dimensions.
Tensor strided_copy(const Tensor& x) {
  Shape wide, reversed;
  Dims order;
  for (int dim = x.rank() - 1; dim >= 0; --dim) {
    order.push_back(dim);
    reversed.push_back(x.shape()[dim]);
  }
  return visit_any(x.dtype(), [&]<class T>() {
    const Tensor turned = from_vector(permute(x.detach(), order).to_vector<T>(), reversed);
    std::vector<T> doubled;
    for (const T value : turned.to_vector<T>()) doubled.insert(doubled.end(), {value, T{}});
    wide = reversed;
    wide.push_back(2);
    const Tensor base = from_vector(doubled, wide);
    Strides strides = base.strides();
    strides.erase(strides.rank() - 1);
    Tensor view = permute(Tensor(Array::view(base.array(), reversed, strides, 0)), order);
    return x.requires_grad() ? std::move(view).requires_grad_() : view;
  });
}

// The same elements in a memory that holds them from the last to the first: every stride is negative.
Tensor backwards_copy(const Tensor& x) {
  const Dims dims = wrap_dims({}, x.rank(), "flip");
  Tensor view = flip(packed(flip(x.detach(), dims)), dims);
  return x.requires_grad() ? std::move(view).requires_grad_() : view;
}

double largest_difference(const Tensor& x, const Tensor& y) {
  const auto values = [](const Tensor& t) {
    return visit_any(t.dtype(), [&]<class T>() {
      const std::vector<T> elements = t.to_vector<T>();
      return std::vector<double>(elements.begin(), elements.end());
    });
  };
  const std::vector<double> a = values(x), b = values(y);
  double largest = 0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    const double error = std::abs(a[i] - b[i]) / std::max(1.0, std::abs(b[i]));
    if (!(error <= largest)) largest = a[i] == b[i] ? largest : error;
  }
  return largest;
}

std::uint64_t hash_all(const Tensors& tensors) {
  std::uint64_t hash = 0;
  for (const Tensor& tensor : tensors) hash = hash * 31 + hash_of(tensor);
  return hash;
}

Row with_shape(Row row, const Shape& shape) {
  for (table::Input& input : row.inputs) input.shape = shape;
  return row;
}

// Multiplies the gradient along one edge of the graph with 1.001, in every sweep that records no graph: a rule that is
// wrong always, by little. Edges are numbered as the first sweep meets them.
struct Mutation {
  explicit Mutation(int which) : target(which) {}
  Tensor operator()(const Node& node, int input, Tensor g) {
    if (is_recording() || !g.defined()) return g;
    const int number = numbers.try_emplace({&node, input}, edges()).first->second;
    if (number != target) return g;
    op = node.op();
    is_zero = is_zero && largest_difference(g, zeros_like(g)) == 0;
    return g * 1.001;
  }
  int edges() const { return static_cast<int>(numbers.size()); }

  int target;
  std::map<std::pair<const Node*, int>, int> numbers;
  std::string op;
  bool is_zero = true;
};

}  // namespace

TEST_CASE("every op: first derivatives agree with central differences", "[table]") {
  for (const Row& row : table::all_rows()) {
    if (!has_gradient(row)) continue;
    const GradcheckReport report = gradcheck(row.f, make_inputs(row, f64), {.expect_zero = row.traits.zero_gradient});
    INFO(row.name << ": " << report.text);
    CHECK(report.ok);
  }
}

TEST_CASE("every op: second derivatives agree with central differences", "[table]") {
  for (const Row& row : table::all_rows()) {
    if (!has_gradient(row)) continue;
    const GradcheckReport report =
        gradgradcheck(row.f, make_inputs(row, f64), {.expect_zero = row.traits.zero_gradient});
    INFO(row.name << ": " << report.text);
    CHECK(report.ok);
  }
}

TEST_CASE("every op: a gradient that is off by a thousandth on any edge is caught", "[table]") {
  std::set<std::string> zero_ops;
  for (const Row& row : table::all_rows()) {
    if (row.traits.zero_gradient) zero_ops.insert(row.name.substr(0, row.name.find('/')));
  }
  int mutants = 0, caught = 0;
  for (const Row& row : table::all_rows()) {
    if (!has_gradient(row) || row.traits.zero_gradient) continue;
    const Tensors inputs = make_inputs(row, f64);
    for (const auto& check : {gradcheck, gradgradcheck}) {
      for (int target = 0, edges = 1; target < edges; ++target) {
        Mutation mutation(target);
        bool ok = false;
        {
          const EdgeFilterGuard guard(
              [&](const Node& node, int input, Tensor g) { return mutation(node, input, std::move(g)); });
          ok = check(row.f, inputs, {}).ok;
        }
        edges = mutation.edges();
        if (edges == 0) break;
        INFO(row.name << ", order " << (check == gradcheck ? 1 : 2) << ", edge " << target << " of " << edges << ", by "
                      << mutation.op);
        if (mutation.is_zero) {
          CHECK(zero_ops.contains(mutation.op));
          continue;
        }
        ++mutants;
        caught += !ok;
        CHECK(!ok);
      }
    }
  }
  WARN("mutants: " << mutants << ", caught: " << caught);
  CHECK(mutants > 0);
  CHECK(caught == mutants);
}

TEST_CASE("every op: f32 agrees with f64", "[table]") {
  for (const Row& row : table::all_rows()) {
    const Tensors single = values_and_gradients(row, make_inputs(row, f32));
    const Tensors exact = values_and_gradients(row, make_inputs(row, f64));
    INFO(row.name);
    REQUIRE(single.size() == exact.size());
    for (std::size_t i = 0; i < single.size(); ++i) {
      CHECK(single[i].shape() == exact[i].shape());
      CHECK(largest_difference(single[i], exact[i]) <= row.traits.f32_tolerance);
    }
  }
}

TEST_CASE("every op: strided inputs give what packed ones give", "[table]") {
  for (const Row& row : table::all_rows()) {
    const Tensors inputs = make_inputs(row, f64);
    const Tensors expected = values_and_gradients(row, inputs);
    for (const auto& copy : {strided_copy, backwards_copy}) {
      Tensors strided;
      for (const Tensor& x : inputs) strided.push_back(copy(x));
      const Tensors got = values_and_gradients(row, strided);
      INFO(row.name << (copy == strided_copy ? "" : ", backwards"));
      REQUIRE(got.size() == expected.size());
      for (std::size_t i = 0; i < got.size(); ++i) {
        CHECK(got[i].shape() == expected[i].shape());
        CHECK(largest_difference(got[i], expected[i]) <= 1e-12);
      }
    }
  }
}

TEST_CASE("every elementwise op: rank 0, empty, one element, and sizes beyond a block", "[table]") {
  for (const Row& original : table::all_rows()) {
    if (!original.traits.elementwise) continue;
    for (const Shape& shape : {Shape{}, Shape{0, 3}, Shape{1}, Shape{17, 61}}) {
      const Row row = with_shape(original, shape);
      INFO(row.name << " of shape " << to_string(shape));
      const Tensors inputs = make_inputs(row, f32);
      const Tensors single = values_and_gradients(row, inputs),
                    exact = values_and_gradients(row, make_inputs(row, f64));
      REQUIRE(single.size() == exact.size());
      for (std::size_t i = 0; i < single.size(); ++i)
        CHECK(largest_difference(single[i], exact[i]) <= 10 * row.traits.f32_tolerance);
      Tensors strided;
      for (const Tensor& x : inputs) strided.push_back(strided_copy(x));
      CHECK(hash_all(values_and_gradients(row, strided)) == hash_all(single));
    }
  }
}

TEST_CASE("every op: the same bits on 1, 2, 3 and 8 threads", "[table]") {
  const int before = threads();
  for (const Row& original : table::all_rows()) {
    std::vector<Row> sizes = {original};
    if (original.traits.elementwise) sizes.push_back(with_shape(original, {3, 40961}));
    for (const Row& row : sizes) {
      INFO(row.name << ", input shape " << to_string(row.inputs.front().shape));
      const Tensors inputs = make_inputs(row, f32);
      set_threads(1);
      const std::uint64_t expected = hash_all(values_and_gradients(row, inputs));
      for (const int count : {2, 3, 8}) {
        set_threads(count);
        CHECK(hash_all(values_and_gradients(row, inputs)) == expected);
      }
    }
  }
  set_threads(before);
}

TEST_CASE("every function in the ops headers that returns a Tensor has a row", "[table]") {
  std::set<std::string> rows;
  for (const Row& row : table::all_rows()) {
    const bool divides = row.name.starts_with("operator/");
    rows.insert(divides ? "operator/" : row.name.substr(0, row.name.find('/')));
  }
  const std::regex declaration(
      R"(^(?:inline )?(?:Tensor|std::vector<Tensor>|std::array<Tensor, \d>|[A-Z]\w*Result) (operator[^(]+|\w+)\()");
  int found = 0;
  for (const auto& file : std::filesystem::directory_iterator(RAVEL_SOURCE_DIR "/ops")) {
    if (file.path().extension() != ".hpp") continue;
    std::ifstream stream(file.path());
    for (std::string line; std::getline(stream, line);) {
      std::smatch match;
      if (!std::regex_search(line, match, declaration)) continue;
      ++found;
      INFO(file.path().filename().string() << ": " << match[1] << " has no row in the op table");
      CHECK(rows.contains(match[1]));
    }
  }
  CHECK(found > 0);
}
