#include "ravel/nn/scope.hpp"

#include <fmt/ranges.h>

#include <algorithm>
#include <set>

#include "ravel/autograd/compare.hpp"
#include "ravel/autograd/create.hpp"
#include "ravel/ops/shape.hpp"

namespace ravel::nn {
namespace detail {

struct ScopeNode {
  std::string path;
  bool training = true;
  std::vector<std::unique_ptr<ScopeNode>> children;
};

struct ScopeRoot {
  std::uint64_t seed = 0;
  Dtype dtype = f32;
  ScopeNode top;
  // In order of creation. A shared parameter stands here once for each of its names.
  std::vector<std::pair<std::string, std::shared_ptr<Place>>> places;
};

}  // namespace detail

namespace {

using detail::Place;
using detail::ScopeNode;

std::string join(const std::string& path, std::string_view name) {
  return path.empty() ? std::string(name) : fmt::format("{}.{}", path, name);
}

bool is_below(std::string_view path, std::string_view scope) {
  return scope.empty() || (path.starts_with(scope) && path.size() > scope.size() && path[scope.size()] == '.');
}

void set_value(Place& place, const Tensor& value) {
  require(value.shape() == place.value.shape() && value.dtype() == place.value.dtype(),
          "{}: it is {} {}, the new value {} {}", place.path, place.value.dtype(), place.value.shape(), value.dtype(),
          value.shape());
  place.value = place.value.with_value(packed(value.detach()));
}

void set_training(ScopeNode& node, bool on) {
  node.training = on;
  for (const auto& child : node.children) set_training(*child, on);
}

Place& existing(const std::shared_ptr<Place>& place) {
  require(place != nullptr, "this parameter or buffer was not made in a scope: it is default-constructed");
  return *place;
}

}  // namespace

const Tensor& Parameter::tensor() const { return existing(place_).value; }
const std::string& Parameter::path() const { return existing(place_).path; }
void Parameter::set(const Tensor& value) const { set_value(existing(place_), value); }

Array& Parameter::writable() const {
  Tensor& value = existing(place_).value;
  if (!value.array().is_reusable()) {
    value = value.with_value(visit_floating(value.dtype(), "parameter", [&]<class T>() {
      return from_data(packed(value.detach()).data<T>(), value.shape());
    }));
  }
  return *value.array_ref();
}

const Tensor& Buffer::tensor() const { return existing(place_).value; }
const std::string& Buffer::path() const { return existing(place_).path; }
void Buffer::set(const Tensor& value) const { set_value(existing(place_), value); }

Scope::Scope(std::uint64_t seed, Dtype dtype) : root_(std::make_shared<detail::ScopeRoot>()), node_(&root_->top) {
  root_->seed = seed;
  root_->dtype = dtype;
}

Scope Scope::operator/(std::string_view name) const {
  require(!name.empty() && name.find('.') == std::string_view::npos,
          "scope: \"{}\" is no name of a part; use one without dots", name);
  const std::string path = join(node_->path, name);
  for (const auto& child : node_->children) {
    if (child->path == path) return {root_, child.get()};
  }
  node_->children.push_back(std::make_unique<ScopeNode>(ScopeNode{path, node_->training, {}}));
  return {root_, node_->children.back().get()};
}

const std::string& Scope::path() const { return node_->path; }
Dtype Scope::dtype() const { return root_->dtype; }

std::shared_ptr<Place> Scope::add_place(std::string_view name, bool is_parameter) const {
  require(!name.empty() && name.find('.') == std::string_view::npos,
          "scope: \"{}\" is no name of a parameter; use one without dots", name);
  const std::string path = join(node_->path, name);
  for (const auto& [taken, place] : root_->places) {
    require(taken != path, "{}: this name is taken; give each part a scope of its own, as in scope / \"name\"", path);
  }
  root_->places.emplace_back(path, std::make_shared<Place>(Place{path, Tensor(), is_parameter}));
  return root_->places.back().second;
}

Parameter Scope::parameter(std::string_view name, const Shape& shape, const Initializer& initializer) const {
  const Tensor value = initializer(shape, root_->dtype, random_key(root_->seed, join(node_->path, name)));
  require(value.shape() == shape && value.dtype() == root_->dtype, "{}: the initializer made {} {}, asked for {} {}",
          join(node_->path, name), value.dtype(), value.shape(), root_->dtype, shape);
  const std::shared_ptr<Place> place = add_place(name, true);
  place->value = packed(value.detach()).requires_grad_();
  return Parameter(place);
}

Buffer Scope::buffer(std::string_view name, const Tensor& initial) const {
  const Tensor value = packed(initial.detach());
  const std::shared_ptr<Place> place = add_place(name, false);
  place->value = value;
  return Buffer(place);
}

Parameter Scope::share(std::string_view name, const Parameter& parameter) const {
  const std::string& first_name = parameter.path();  // an error if there is no such parameter
  const auto same = [&](const auto& entry) { return Parameter(entry.second) == parameter; };
  const auto found = std::find_if(root_->places.begin(), root_->places.end(), same);
  require(found != root_->places.end(), "share: {} is a parameter of another model", first_name);
  const std::shared_ptr<Place> shared = found->second;
  add_place(name, true);
  root_->places.back().second = shared;
  return parameter;
}

std::vector<Parameter> Scope::parameters() const {
  std::vector<Parameter> found;
  for (const auto& [path, place] : root_->places) {
    if (!place->is_parameter || !is_below(path, node_->path)) continue;
    if (std::find(found.begin(), found.end(), Parameter(place)) == found.end()) found.emplace_back(place);
  }
  return found;
}

std::vector<Buffer> Scope::buffers() const {
  std::vector<Buffer> found;
  for (const auto& [path, place] : root_->places) {
    if (!place->is_parameter && is_below(path, node_->path)) found.emplace_back(place);
  }
  return found;
}

void Scope::train(bool on) const { set_training(*node_, on); }
bool Scope::is_training() const { return node_->training; }

void Scope::freeze(bool on) const {
  for (const auto& [path, place] : root_->places) {
    if (!place->is_parameter || !is_below(path, node_->path) || place->value.requires_grad() == !on) continue;
    place->value.requires_grad_(!on);
  }
}

void Scope::to(Dtype dtype) const {
  require(is_floating(dtype), "to: a model is f32 or f64, not {}", dtype);
  root_->dtype = dtype;
  std::set<Place*> done;
  for (const auto& [path, place] : root_->places) {
    if (!is_floating(place->value.dtype()) || !done.insert(place.get()).second) continue;
    const bool trained = place->value.requires_grad();
    place->value = cast(place->value.detach(), dtype);
    if (trained) place->value.requires_grad_();
  }
}

Snapshot Scope::snapshot() const {
  Snapshot values;
  for (const auto& [path, place] : root_->places) {
    if (is_below(path, node_->path)) values.emplace(path, place->value.detach());
  }
  return values;
}

LoadReport Scope::load(const Snapshot& snapshot, bool strict) const {
  LoadReport report;
  std::set<std::string> known;
  for (const auto& [path, place] : root_->places) {
    if (!is_below(path, node_->path)) continue;
    known.insert(path);
    const auto found = snapshot.find(path);
    if (found == snapshot.end()) {
      report.missing.push_back(path);
      continue;
    }
    const Tensor& value = found->second;
    require(value.shape() == place->value.shape() && value.dtype() == place->value.dtype(),
            "load: {} is {} {} here and {} {} in the snapshot", path, place->value.dtype(), place->value.shape(),
            value.dtype(), value.shape());
  }
  for (const auto& [path, value] : snapshot) {
    if (!known.contains(path)) report.unexpected.push_back(path);
  }
  require(!strict || (report.missing.empty() && report.unexpected.empty()),
          "load: the snapshot does not fit the model; missing: [{}]; unexpected: [{}]",
          fmt::format("{}", fmt::join(report.missing, ", ")), fmt::format("{}", fmt::join(report.unexpected, ", ")));
  for (const auto& [path, place] : root_->places) {
    if (const auto found = snapshot.find(path); known.contains(path) && found != snapshot.end())
      set_value(*place, found->second);
  }
  return report;
}

std::uint64_t hash_of(const Scope& scope) {
  std::uint64_t hash = 0;
  for (const auto& [path, value] : scope.snapshot()) {
    hash = hash * 0x9E3779B97F4A7C15u + random_key(0, path).stream + ravel::hash_of(value);
  }
  return hash;
}

}  // namespace ravel::nn
