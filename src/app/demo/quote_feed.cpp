#include "app/demo/quote_feed.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/context.h"

namespace stroma::app {
namespace {

constexpr std::array<std::string_view, QuoteFeed::symbols> feed_symbols = {
    "AAPL", "AMZN", "GOOG", "IBM", "INTC", "META", "MSFT", "NVDA", "ORCL", "SPY"};
constexpr double first_close = 150, last_digits = 100;

double in_cents(double price) {
    return static_cast<double>(static_cast<std::int64_t>(price * last_digits + 0.5)) / last_digits;
}

}  // namespace

QuoteFeed::QuoteFeed(std::uint64_t seed)
    : state_(seed), day_(std::chrono::year(2023) / std::chrono::October / 9) {
    for (double& close : closes_) close = first_close * (1 + 0.5 * random());
}

/// SplitMix64 (Steele, Lea, Flood 2014): four uniform numbers, added up.
double QuoteFeed::random() {
    double sum = 0;
    for (int n = 0; n < 4; ++n) {
        state_ += 0x9e3779b97f4a7c15;
        std::uint64_t bits = state_;
        bits = (bits ^ (bits >> 30)) * 0xbf58476d1ce4e5b9;
        bits = (bits ^ (bits >> 27)) * 0x94d049bb133111eb;
        bits ^= bits >> 31;
        sum += static_cast<double>(bits >> 11) / static_cast<double>(1ull << 53);
    }
    return sum / 2 - 1;
}

Quote QuoteFeed::next() {
    using namespace std::chrono;
    double& last = closes_[symbol_];
    const double open = in_cents(std::max(1.0, last * (1 + 0.01 * random())));
    const double close = in_cents(std::max(1.0, open * (1 + 0.03 * random())));
    const double high = in_cents(std::max(open, close) * (1 + 0.01 * (1 + random())));
    const double low = in_cents(std::min(open, close) * (1 - 0.01 * (1 + random())));
    const auto volume = static_cast<std::int64_t>(2e7 * (1.5 + random()));
    last = close;
    const year_month_day date(day_);
    Quote quote{
        std::string(feed_symbols[symbol_]),
        fmt::format("{},{:04}-{:02}-{:02},{:.2f},{},{:.2f},{:.2f},{:.2f}", feed_symbols[symbol_],
                    static_cast<int>(date.year()), static_cast<unsigned>(date.month()),
                    static_cast<unsigned>(date.day()), close, volume, open, high, low)};
    if (++symbol_ == symbols) {
        symbol_ = 0;
        do day_ += days{1};
        while (weekday(day_) == Saturday || weekday(day_) == Sunday);
    }
    return quote;
}

Quote QuoteFeed::next_offer(std::int64_t unix_ms) {
    constexpr std::array<std::string_view, 3> venues = {"ARCX", "BATS", "XNAS"};
    constexpr double step = 0.0006, venue_spread = 0.0004, least_spread = 0.01;
    double& last = closes_[symbol_];
    last = std::max(1.0, last * (1 + step * random()));
    const double bid = in_cents(last * (1 + venue_spread * random()));
    const double ask = in_cents(bid + least_spread * (2 + random()));
    const auto venue = static_cast<std::size_t>((random() + 1) / 2 * venues.size());
    std::string at = iso_time(unix_ms);  // "2026-11-22T08:50:55.123Z"
    at.pop_back();
    at[at.find('T')] = ' ';
    const std::string_view symbol = feed_symbols[symbol_];
    symbol_ = (symbol_ + 1) % symbols;
    return {std::string(symbol), fmt::format("{},{},{},{:.2f},{:.2f}", at, symbol,
                                             venues[std::min(venue, venues.size() - 1)], bid, ask)};
}

}  // namespace stroma::app
