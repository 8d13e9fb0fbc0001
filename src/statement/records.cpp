#include <array>

#include "base/json.h"
#include "statement/statements_state.h"

namespace stroma::statement {
namespace {

constexpr std::array<std::string_view, 6> status_names = {"SUBMITTED", "PICKED", "STARTED",
                                                          "FINISHED",  "FAILED", "ABORTED"};

Status status_in(const Json& json) {
    return status_named(json.value("status", std::string())).value_or(Status::failed);
}

Json json_of(const Part& part) {
    return {{"sql", part.sql},
            {"status", name_of(part.status)},
            {"error", part.error},
            {"duration", part.duration_ns},
            {"query", part.query},
            {"rows", part.rows},
            {"bytes", part.bytes},
            {"created", part.created_ms},
            {"updated", part.updated_ms},
            {"result", part.has_result}};
}

Part part_of(const Json& json) {
    Part part;
    part.sql = json.value("sql", std::string());
    part.status = status_in(json);
    part.error = json.value("error", std::string());
    part.duration_ns = json.value("duration", std::int64_t{0});
    part.query = json.value("query", std::int64_t{0});
    part.rows = json.value("rows", std::int64_t{-1});
    part.bytes = json.value("bytes", std::int64_t{-1});
    part.created_ms = json.value("created", std::int64_t{0});
    part.updated_ms = json.value("updated", std::int64_t{0});
    part.has_result = json.value("result", false);
    return part;
}

}  // namespace

std::string_view name_of(Status status) { return status_names[static_cast<std::size_t>(status)]; }

std::optional<Status> status_named(std::string_view name) {
    for (std::size_t at = 0; at < status_names.size(); ++at)
        if (status_names[at] == name) return static_cast<Status>(at);
    return std::nullopt;
}

bool is_over(Status status) { return status >= Status::finished; }

std::string record_of(const Statement& statement) {
    Json parts = Json::array(), parameters = Json::array();
    for (const Part& part : statement.parts) parts.push_back(json_of(part));
    for (const auto& [name, value] : statement.parameters)
        parameters.push_back(Json::array({name, value}));
    const Json json = {{"id", statement.id},
                       {"owner", statement.owner},
                       {"ownerName", statement.owner_name},
                       {"name", statement.name},
                       {"session", statement.session},
                       {"cluster", statement.target.cluster},
                       {"workgroup", statement.target.workgroup},
                       {"database", statement.target.database},
                       {"user", statement.target.user},
                       {"secret", statement.target.secret},
                       {"batch", statement.is_batch},
                       {"transaction", statement.one_transaction},
                       {"tells", statement.tells},
                       {"csv", statement.format == ResultFormat::csv},
                       {"parameters", std::move(parameters)},
                       {"keep", statement.keep_session_s},
                       {"status", name_of(statement.status)},
                       {"error", statement.error},
                       {"created", statement.created_ms},
                       {"updated", statement.updated_ms},
                       {"expires", statement.expires_ms},
                       {"duration", statement.duration_ns},
                       {"process", statement.process},
                       {"parts", std::move(parts)}};
    return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

Result<Statement> statement_of(std::string_view record) {
    const Json json = TRY(parse_json(record));
    const auto text = [&](const char* name) { return json.value(name, std::string()); };
    Statement statement;
    statement.id = text("id");
    statement.owner = text("owner");
    statement.owner_name = text("ownerName");
    statement.name = text("name");
    statement.session = text("session");
    statement.target = {text("cluster"), text("workgroup"), text("database"), text("user"),
                        text("secret")};
    statement.is_batch = json.value("batch", false);
    statement.one_transaction = json.value("transaction", true);
    statement.tells = json.value("tells", false);
    statement.format = json.value("csv", false) ? ResultFormat::csv : ResultFormat::json;
    for (const Json& one : json.value("parameters", Json::array()))
        statement.parameters.emplace_back(one[0].get<std::string>(), one[1].get<std::string>());
    statement.keep_session_s = json.value("keep", std::int64_t{-1});
    statement.status = status_in(json);
    statement.error = text("error");
    statement.created_ms = json.value("created", std::int64_t{0});
    statement.updated_ms = json.value("updated", std::int64_t{0});
    statement.expires_ms = json.value("expires", std::int64_t{0});
    statement.duration_ns = json.value("duration", std::int64_t{0});
    statement.process = json.value("process", 0);
    for (const Json& one : json.value("parts", Json::array()))
        statement.parts.push_back(part_of(one));
    return statement;
}

}  // namespace stroma::statement
