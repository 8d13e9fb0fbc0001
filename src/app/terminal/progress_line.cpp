#include "app/terminal/progress_line.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

namespace stroma::app {
namespace {

constexpr std::int64_t drawn_every_ms = 100, printed_every_ms = 10'000, measured_every_ms = 500;
constexpr double new_rate_weight = 0.3;

std::string amount(double value, std::string_view unit) {
    return unit == "bytes" ? short_bytes(value) : short_count(value) + " " + std::string(unit);
}

double share_of(const pipeline::Progress& progress) {
    return std::clamp(progress.total > 0 ? progress.done / progress.total : 0.0, 0.0, 1.0);
}

/// "43 %  12 MiB/s  0:35 min left", as far as they are known.
std::string figures(const pipeline::Progress& progress, double rate) {
    std::string text;
    if (progress.total > 0)
        text += fmt::format("{:3.0f} %", std::floor(100 * share_of(progress)));
    else if (progress.done > 0)
        text += amount(progress.done, progress.unit);
    if (rate > 0) {
        text += fmt::format("  {}/s", amount(rate, progress.unit));
        if (progress.total > progress.done)
            text +=
                fmt::format("  {} left", short_duration((progress.total - progress.done) / rate));
    }
    return text;
}

std::string bar(double share, std::size_t columns, const Screen& screen) {
    const auto filled = static_cast<std::size_t>(share * static_cast<double>(columns));
    std::string text;
    for (std::size_t i = 0; i < columns; ++i)
        text += i < filled ? (screen.unicode ? "━" : "#") : (screen.unicode ? "─" : "-");
    if (!screen.colour) return text;
    const std::size_t bytes = filled * (screen.unicode ? 3 : 1);
    return "\033[32m" + text.substr(0, bytes) + "\033[2;39m" + text.substr(bytes) + "\033[0m";
}

}  // namespace

ProgressLine::ProgressLine(Terminal& terminal, const Clock& clock, std::string title)
    : terminal_(terminal), clock_(clock), title_(std::move(title)) {}

ProgressLine::~ProgressLine() { take_away(); }

void ProgressLine::update(const pipeline::Progress& progress) {
    if (terminal_.quiet()) return;
    const std::lock_guard lock(mutex_);
    const std::int64_t now_ms = clock_.steady_ms();
    const bool is_new_step = shown_ms_ < 0 || progress.step != step_;
    if (is_new_step) {
        measured_ms_ = -1;
        rate_ = -1;
    }
    step_ = progress.step;
    measure_rate(progress, now_ms);
    const bool on_terminal = terminal_.errors().is_terminal;
    const std::int64_t every_ms = on_terminal ? drawn_every_ms : printed_every_ms;
    if (!is_new_step && now_ms - shown_ms_ < every_ms) return;
    shown_ms_ = now_ms;
    if (on_terminal)
        draw(progress);
    else
        print_plain(progress);
}

void ProgressLine::measure_rate(const pipeline::Progress& progress, std::int64_t now_ms) {
    if (measured_ms_ < 0) {
        measured_ms_ = now_ms;
        measured_done_ = progress.done;
        return;
    }
    const std::int64_t passed_ms = now_ms - measured_ms_;
    if (passed_ms < measured_every_ms) return;
    const double rate = (progress.done - measured_done_) * 1000 / static_cast<double>(passed_ms);
    rate_ = rate_ < 0 ? rate : rate_ + new_rate_weight * (rate - rate_);
    measured_ms_ = now_ms;
    measured_done_ = progress.done;
}

void ProgressLine::draw(const pipeline::Progress& progress) {
    // One column stays free: a full line would wrap and could not be drawn over.
    const auto columns = static_cast<std::size_t>(std::max(20, terminal_.error_columns() - 1));
    const std::string numbers = figures(progress, rate_);
    constexpr std::size_t bar_columns_max = 28, bar_columns_min = 6;
    const std::size_t taken = text_columns(numbers) + 4;
    const std::size_t for_text = columns > taken ? columns - taken : 0;
    std::string words = progress.step.empty() ? title_ : title_ + ": " + progress.step;
    std::size_t bar_columns = 0;
    if (progress.total > 0 && for_text > bar_columns_min + 8)
        bar_columns = std::min(bar_columns_max, for_text / 3);
    words = cut_to_columns(words, for_text > bar_columns ? for_text - bar_columns : 0);
    std::string line = "\r\033[K" + words;
    if (bar_columns >= bar_columns_min)
        line += "  " + bar(share_of(progress), bar_columns, terminal_.errors());
    terminal_.print_error(line + "  " + numbers);
    drawn_ = true;
}

void ProgressLine::print_plain(const pipeline::Progress& progress) {
    const std::string words = progress.step.empty() ? title_ : title_ + ": " + progress.step;
    const std::string numbers = figures(progress, rate_);
    terminal_.print_error(words + (numbers.empty() ? "" : "  " + numbers) + "\n");
}

void ProgressLine::take_away() {
    if (drawn_) terminal_.print_error("\r\033[K");
    drawn_ = false;
}

void ProgressLine::clear() {
    const std::lock_guard lock(mutex_);
    take_away();
}

void ProgressLine::say(std::string_view sentence) {
    const std::lock_guard lock(mutex_);
    take_away();
    terminal_.say(sentence);
}

std::string short_count(double count) {
    constexpr std::string_view units[] = {"", " k", " M", " G", " T"};
    std::size_t unit = 0;
    while (std::abs(count) >= 999.5 && unit + 1 < std::size(units)) {
        count /= 1000;
        ++unit;
    }
    const bool with_fraction = unit > 0 && std::abs(count) < 99.95;
    return fmt::format("{:.{}f}{}", count, with_fraction ? 1 : 0, units[unit]);
}

std::string short_bytes(double bytes) {
    constexpr std::string_view units[] = {"B", "KiB", "MiB", "GiB", "TiB"};
    std::size_t unit = 0;
    while (std::abs(bytes) >= 1023.5 && unit + 1 < std::size(units)) {
        bytes /= 1024;
        ++unit;
    }
    const bool with_fraction = unit > 0 && std::abs(bytes) < 99.95;
    return fmt::format("{:.{}f} {}", bytes, with_fraction ? 1 : 0, units[unit]);
}

std::string short_duration(double seconds) {
    if (seconds < 0.9995) return fmt::format("{:.0f} ms", seconds * 1000);
    const double whole = std::round(seconds);
    if (whole < 60) return fmt::format("{:.0f} s", whole);
    const auto total = static_cast<std::int64_t>(whole);
    if (total < 3600) return fmt::format("{}:{:02} min", total / 60, total % 60);
    return fmt::format("{}:{:02} h", total / 3600, total % 3600 / 60);
}

}  // namespace stroma::app
