#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/result.h"

namespace stroma::sync {

/// What one pass over a folder saw and did.
struct PassReport {
    struct Problem {
        std::string path, message;
    };
    std::int64_t started_ms = 0, ended_ms = 0;  ///< unix time
    std::int64_t files = 0, bytes = 0;          ///< that the job's patterns take
    std::int64_t unchanged = 0;                 ///< files that were sent before
    std::int64_t waiting = 0;                   ///< being written, or not settled yet
    std::int64_t excluded = 0, unready = 0, links = 0;
    std::int64_t sent_files = 0, sent_bytes = 0;        ///< bytes that went over the line
    std::int64_t resumed_parts = 0, resumed_bytes = 0;  ///< that an earlier pass had sent
    std::int64_t deleted = 0;
    std::int64_t failed = 0;
    std::vector<Problem> problems;  ///< the first 100
    std::string error;              ///< why the pass ended before its end; "" when it didn't
    bool is_dry = false;
    std::vector<std::string> would_send, would_delete;  ///< of a dry run

    void add_problem(std::string path, std::string message);
    std::string json() const;
    static Result<PassReport> from_json(const std::string& text);
};

}  // namespace stroma::sync
