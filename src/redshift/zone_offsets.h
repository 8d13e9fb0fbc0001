#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "sql/database.h"

namespace stroma::redshift {

/// How far the clocks of zones are from UTC, as the engine knows it, so that what is told of a
/// moment and what a statement works out of it agree. Asked of the engine a year at a time (some
/// milliseconds), and kept. Any thread.
class ZoneOffsets {
public:
    using Connect = std::function<Result<std::unique_ptr<sql::Connection>>()>;
    explicit ZoneOffsets(Connect connect) : connect_(std::move(connect)) {}

    /// While a zone's clock stays as it is; seconds since 1970, `to` is no longer of it.
    struct Stretch {
        std::int64_t from = 0, to = 0;
        std::int32_t east = 0;  ///< seconds that the clock is ahead of UTC
    };
    /// The one that a moment lies in, no longer than its year (of UTC).
    /// errors  invalid_input  a zone that the engine doesn't know
    Result<Stretch> around(const std::string& zone, std::int64_t seconds);

private:
    Result<std::vector<Stretch>> read_year(const std::string& zone, std::int64_t from,
                                           std::int64_t to);
    Connect connect_;
    std::mutex mutex_;
    std::map<std::string, std::map<int, std::vector<Stretch>>, std::less<>> years_;
};

/// Moments by the clock of one zone. Used by one thread at a time.
class ZoneClock {
public:
    explicit ZoneClock(ZoneOffsets& offsets) : offsets_(offsets) {}
    /// As the engine names it; "UTC" from the beginning.
    void set_zone(std::string zone);
    bool is_utc() const { return zone_ == "UTC"; }
    /// "2026-07-01 12:00:00.5+00" as "2026-07-01 14:00:00.5+02". What is no such text comes back as
    /// it is (infinity, years before Christ), and so does a moment whose clock the engine won't
    /// tell: in UTC it is the same moment.
    std::string local(std::string text);

private:
    ZoneOffsets& offsets_;
    std::string zone_ = "UTC";
    ZoneOffsets::Stretch last_;
};

}  // namespace stroma::redshift
