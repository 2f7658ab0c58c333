// Progress of a long loop, for people who watch.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>

namespace ravel::train {

// Seconds since its construction.
class Stopwatch {
 public:
  double seconds() const { return std::chrono::duration<double>(std::chrono::steady_clock::now() - start_).count(); }

 private:
  std::chrono::steady_clock::time_point start_ = std::chrono::steady_clock::now();
};

// Time as people read it: 8 s, 2:05, 1:02:03.
std::string readable_time(double seconds);
// A number with commas: 60,000.
std::string readable_count(std::int64_t count);

// One line that is drawn over and over on a terminal: a bar, the share done, items per second, the time left. Where the
// output is no terminal it stays silent: what matters is printed in lines of its own.
class ProgressBar {
 public:
  // `label` stands in front, `unit` names the items: "images".
  ProgressBar(std::string label, std::string unit, std::int64_t total);
  ProgressBar(const ProgressBar&) = delete;
  ProgressBar& operator=(const ProgressBar&) = delete;
  ~ProgressBar() { clear(); }

  // `done` items are done; `note` is shown behind. Draws at most ten times a second.
  void update(std::int64_t done, const std::string& note = "");
  // Removes the line.
  void clear();

 private:
  std::string label_, unit_;
  std::int64_t total_;
  bool on_terminal_;
  double drawn_ = -1;
  Stopwatch watch_;
};

}  // namespace ravel::train
