#include "ravel/train/progress.hpp"

#include <fmt/core.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstdlib>

namespace ravel::train {

std::string readable_time(double seconds) {
  if (!std::isfinite(seconds)) return "?";
  const auto whole = static_cast<std::int64_t>(std::llround(std::max(seconds, 0.0)));
  if (whole < 60) return fmt::format("{} s", whole);
  if (whole < 3600) return fmt::format("{}:{:02}", whole / 60, whole % 60);
  return fmt::format("{}:{:02}:{:02}", whole / 3600, whole / 60 % 60, whole % 60);
}

std::string readable_count(std::int64_t count) {
  const std::string digits = fmt::format("{}", std::abs(count));
  std::string text(count < 0 ? "-" : "");
  for (std::size_t i = 0; i < digits.size(); ++i) {
    if (i > 0 && (digits.size() - i) % 3 == 0) text.push_back(',');
    text.push_back(digits[i]);
  }
  return text;
}

ProgressBar::ProgressBar(std::string label, std::string unit, std::int64_t total)
    : label_(std::move(label)), unit_(std::move(unit)), total_(total), on_terminal_(isatty(STDERR_FILENO) == 1) {}

void ProgressBar::update(std::int64_t done, const std::string& note) {
  constexpr double redraw_after = 0.1;
  constexpr int width = 24;
  const double now = watch_.seconds();
  if (!on_terminal_ || (drawn_ >= 0 && now - drawn_ < redraw_after && done < total_)) return;
  drawn_ = now;
  const double share = total_ > 0 ? static_cast<double>(done) / static_cast<double>(total_) : 1;
  const auto filled = static_cast<std::size_t>(share * width);
  const double speed = static_cast<double>(done) / std::max(now, 1e-9);
  const double left = static_cast<double>(total_ - done) / std::max(speed, 1e-9);
  std::string bar(filled, '=');
  if (filled < width) bar.push_back('>');
  fmt::print(stderr, "\r{} [{:<{}}] {:3.0f} %  {} {}/s  {} left  {}\033[K", label_, bar, width, 100 * share,
             readable_count(std::llround(speed)), unit_, readable_time(left), note);
  std::fflush(stderr);
}

void ProgressBar::clear() {
  if (on_terminal_ && drawn_ >= 0) fmt::print(stderr, "\r\033[K");
  drawn_ = -1;
}

}  // namespace ravel::train
