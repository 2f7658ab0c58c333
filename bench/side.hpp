// What Ravel's sides of compare.py and its relatives share: commands from the standard input, a line each, and tensors
// that PyTorch's side has written.
#pragma once

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <fstream>
#include <iostream>
#include <string>
#include <vector>

#include "ravel/autograd/create.hpp"
#include "ravel/autograd/parallel.hpp"
#include "ravel/nn/scope.hpp"
#include "ravel/ops/kernels/isa.hpp"
#include "ravel/train/program.hpp"
#include "ravel/version.hpp"

namespace ravel::bench {

// A line "command subject argument", where the subject may have blanks.
struct Command {
  explicit Command(const std::string& line) : line(line) {
    const std::size_t first = line.find(' '), last = line.rfind(' ');
    name = line.substr(0, first);
    if (first == last) return;
    subject = line.substr(first + 1, last - first - 1);
    argument = line.substr(last + 1);
  }
  std::string line, name, subject, argument;
};

inline std::string about() { return fmt::format("Ravel {}, {}", version(), name_of(isa())); }

// Answers each line of the standard input with a line, answer(Command), until it ends.
template <class Answer>
int serve(const char* program, const char* help, int argc, char** argv, const Answer& answer) {
  return train::run_program(program, [&] {
    CLI::App app(help, program);
    int threads = 1;
    app.add_option("--threads", threads, "Threads of the kernels")->check(CLI::Range(1, 256))->capture_default_str();
    try {
      app.parse(argc, argv);
    } catch (const CLI::ParseError& error) {
      return app.exit(error) == 0 ? 0 : train::exit_usage;
    }
    set_threads(threads);
    for (std::string line; std::getline(std::cin, line);) {
      fmt::print("{}\n", answer(Command(line)));
      std::fflush(stdout);
    }
    return 0;
  });
}

namespace detail {

// One tensor of a file of tensors: a line "name type size..." was read, its elements follow.
template <class T>
Tensor read_elements(std::istream& stream, const Shape& shape, const std::string& file) {
  std::vector<T> values(static_cast<std::size_t>(shape.numel()));
  const auto bytes = static_cast<std::streamsize>(values.size() * sizeof(T));
  require(stream.read(reinterpret_cast<char*>(values.data()), bytes).good(), "{}: it ends too early", file);
  return from_vector(values, shape);
}

}  // namespace detail

// The tensors that write_tensors() of torch_side.py wrote.
inline nn::Snapshot read_tensors(const std::string& file) {
  std::ifstream stream(file, std::ios::binary);
  require(stream.good(), "{}: cannot open it", file);
  nn::Snapshot tensors;
  for (std::string line; std::getline(stream, line);) {
    std::istringstream words(line);
    std::string name, type;
    words >> name >> type;
    Shape shape;
    for (std::int64_t size = 0; words >> size;) shape.push_back(size);
    require(type == "f32" || type == "i64", "{}: \"{}\" is no line \"name type size...\"", file, line);
    tensors[name] = type == "f32" ? detail::read_elements<float>(stream, shape, file)
                                  : detail::read_elements<std::int64_t>(stream, shape, file);
  }
  return tensors;
}

}  // namespace ravel::bench
