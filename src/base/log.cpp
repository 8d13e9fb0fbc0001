#include "base/log.h"

#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>

#include <memory>

#include "base/context.h"
#include "base/json.h"

namespace stroma {
namespace {

struct Sink {
    std::shared_ptr<spdlog::logger> logger;
    bool json = false;
};

Sink make_sink(const LogOptions& options) {
    auto logger = std::make_shared<spdlog::logger>(
        "stroma", std::make_shared<spdlog::sinks::stderr_sink_mt>());
    logger->set_pattern("%v");
    constexpr spdlog::level::level_enum levels[] = {spdlog::level::debug, spdlog::level::info,
                                                    spdlog::level::warn, spdlog::level::err};
    logger->set_level(levels[static_cast<int>(options.level)]);
    return {std::move(logger), options.json};
}

Sink& sink() {
    static Sink instance = make_sink({});
    return instance;
}

constexpr std::string_view level_names[] = {"debug", "info", "warning", "error"};

std::string as_json(LogLevel level, std::string_view message,
                    std::initializer_list<LogField> fields) {
    Json line = {{"time", iso_time(system_clock().unix_ms())},
                 {"level", level_names[static_cast<int>(level)]},
                 {"message", message}};
    for (const LogField& field : fields) line[std::string(field.name)] = field.value;
    return line.dump(-1, ' ', false, Json::error_handler_t::replace);
}

std::string as_plain(LogLevel level, std::string_view message,
                     std::initializer_list<LogField> fields) {
    std::string line = iso_time(system_clock().unix_ms());
    line.append(" ").append(level_names[static_cast<int>(level)]).append(" ").append(message);
    for (const LogField& field : fields)
        line.append(" ").append(field.name).append("=").append(field.value);
    return line;
}

}  // namespace

void set_up_log(const LogOptions& options) { sink() = make_sink(options); }

void log(LogLevel level, std::string_view message, std::initializer_list<LogField> fields) {
    constexpr spdlog::level::level_enum levels[] = {spdlog::level::debug, spdlog::level::info,
                                                    spdlog::level::warn, spdlog::level::err};
    Sink& to = sink();
    const auto spdlog_level = levels[static_cast<int>(level)];
    if (!to.logger->should_log(spdlog_level)) return;
    to.logger->log(spdlog_level,
                   to.json ? as_json(level, message, fields) : as_plain(level, message, fields));
    to.logger->flush();
}

}  // namespace stroma
