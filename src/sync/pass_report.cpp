#include "sync/pass_report.h"

#include "base/json.h"

namespace stroma::sync {
namespace {

constexpr std::size_t problems_max = 100;

/// Each count with its name, for writing and reading alike.
template <class Report, class Take>
void each_count(Report& report, const Take& take) {
    take("started_ms", report.started_ms);
    take("ended_ms", report.ended_ms);
    take("files", report.files);
    take("bytes", report.bytes);
    take("unchanged", report.unchanged);
    take("waiting", report.waiting);
    take("excluded", report.excluded);
    take("unready", report.unready);
    take("links", report.links);
    take("sent_files", report.sent_files);
    take("sent_bytes", report.sent_bytes);
    take("resumed_parts", report.resumed_parts);
    take("resumed_bytes", report.resumed_bytes);
    take("deleted", report.deleted);
    take("failed", report.failed);
}

}  // namespace

void PassReport::add_problem(std::string path, std::string message) {
    ++failed;
    if (problems.size() < problems_max) problems.push_back({std::move(path), std::move(message)});
}

std::string PassReport::json() const {
    Json json;
    each_count(*this, [&](const char* name, std::int64_t count) { json[name] = count; });
    json["problems"] = Json::array();
    for (const Problem& problem : problems)
        json["problems"].push_back({{"path", problem.path}, {"message", problem.message}});
    json["error"] = error.empty() ? Json(nullptr) : Json(error);
    if (is_dry) {
        json["would_send"] = would_send;
        json["would_delete"] = would_delete;
    }
    return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

Result<PassReport> PassReport::from_json(const std::string& text) {
    const Json json = TRY(parse_json(text));
    PassReport report;
    each_count(report,
               [&](const char* name, std::int64_t& count) { count = json.value(name, count); });
    for (const Json& problem : json.value("problems", Json::array()))
        report.problems.push_back({problem.value("path", ""), problem.value("message", "")});
    if (json.contains("error") && json["error"].is_string()) report.error = json["error"];
    return report;
}

}  // namespace stroma::sync
