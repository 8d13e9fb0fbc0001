#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <string>

namespace stroma::app {

/// One record: "AAPL,2023-10-09,178.85,42390772,176.81,179.05,175.80", without a line end. The
/// columns are symbol, date, close, volume, open, high, low.
struct Quote {
    std::string symbol, line;
};

/// Made-up daily prices of ten symbols, day by day, for ever. The same seed gives the same ones.
class QuoteFeed {
public:
    static constexpr std::size_t symbols = 10;
    static constexpr std::int64_t days_of_a_year = 252;

    explicit QuoteFeed(std::uint64_t seed);
    Quote next();
    /// What a venue offers for a symbol at that moment, UTC: "2026-11-22 08:50:55.123,AAPL,XNAS,
    /// 178.85,178.88": time, symbol, venue, bid, ask. Prices go on from the last ones.
    Quote next_offer(std::int64_t unix_ms);

private:
    double random();  ///< from -1 to 1, most often near 0
    std::uint64_t state_;
    std::array<double, symbols> closes_;
    std::size_t symbol_ = 0;
    std::chrono::sys_days day_;
};

}  // namespace stroma::app
