#pragma once

#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>

namespace stroma {

enum class LogLevel { debug, info, warning, error };

/// One named value of a log line; numbers are given as text.
struct LogField {
    std::string_view name;
    std::string value;
};

/// Where log lines go: standard error, one line each, as JSON or as plain text. Set once at start.
struct LogOptions {
    LogLevel level = LogLevel::info;
    bool json = false;
};
void set_up_log(const LogOptions& options);

/// Writes one line: time, level, message, fields (request id, job id, dataset, ...).
/// Secrets never go here. Safe on any thread.
void log(LogLevel level, std::string_view message, std::initializer_list<LogField> fields = {});

}  // namespace stroma
