#include <fmt/format.h>

#include "base/json.h"
#include "front/redshift_data/data_service.h"

namespace stroma::front::redshift_data {
namespace {

using statement::Part;
using statement::Status;

constexpr std::size_t sql_bytes_max = 100 << 10;

Json parameters_json(const Statement& statement) {
    Json list = Json::array();
    for (const auto& [name, value] : statement.parameters)
        list.push_back({{"name", name}, {"value", value}});
    return list;
}

/// Where it runs, as the client said it.
void put_target(Json& json, const Statement& statement) {
    const auto put = [&](const char* name, const std::string& value) {
        if (!value.empty()) json[name] = value;
    };
    put("ClusterIdentifier", statement.target.cluster);
    put("WorkgroupName", statement.target.workgroup);
    put("Database", statement.target.database);
    put("DbUser", statement.target.user);
    put("SecretArn", statement.target.secret);
    put("SessionId", statement.session);
}

bool has_result(const Statement& statement) {
    for (const Part& part : statement.parts)
        if (part.has_result) return true;
    return false;
}

Json part_json(const aws::Call& call, const Statement& statement, std::size_t number) {
    const Part& part = statement.parts[number - 1];
    Json json{{"Id", fmt::format("{}:{}", statement.id, number)},
              {"Status", statement::name_of(part.status)},
              {"QueryString", part.sql},
              {"HasResultSet", part.has_result},
              {"Duration", part.duration_ns},
              {"ResultRows", part.rows},
              {"ResultSize", part.bytes},
              {"RedshiftQueryId", part.query},
              {"CreatedAt", aws::timestamp(call.wire, part.created_ms)},
              {"UpdatedAt", aws::timestamp(call.wire, part.updated_ms)}};
    if (!part.error.empty()) json["Error"] = part.error;
    return json;
}

Json description(const aws::Call& call, const Statement& statement) {
    const Part& first = statement.parts.front();
    Json json{{"Id", statement.id}};
    put_target(json, statement);
    json["CreatedAt"] = aws::timestamp(call.wire, statement.created_ms);
    json["UpdatedAt"] = aws::timestamp(call.wire, statement.updated_ms);
    json["Status"] = statement::name_of(statement.status);
    json["Duration"] = statement.duration_ns;
    json["HasResultSet"] = has_result(statement);
    json["RedshiftPid"] = statement.process;
    json["RedshiftQueryId"] = statement.is_batch ? 0 : first.query;
    json["ResultRows"] = statement.is_batch ? -1 : first.rows;
    json["ResultSize"] = statement.is_batch ? -1 : first.bytes;
    json["ResultFormat"] = statement.format == statement::ResultFormat::csv ? "CSV" : "JSON";
    if (!statement.error.empty()) json["Error"] = statement.error;
    if (!statement.parameters.empty()) json["QueryParameters"] = parameters_json(statement);
    if (!statement.is_batch) {
        json["QueryString"] = first.sql;
        return json;
    }
    Json parts = Json::array();
    for (std::size_t number = 1; number <= statement.parts.size(); ++number)
        parts.push_back(part_json(call, statement, number));
    json["SubStatements"] = std::move(parts);
    return json;
}

Json listed(const aws::Call& call, const Statement& statement) {
    Json json{{"Id", statement.id},
              {"Status", statement::name_of(statement.status)},
              {"CreatedAt", aws::timestamp(call.wire, statement.created_ms)},
              {"UpdatedAt", aws::timestamp(call.wire, statement.updated_ms)},
              {"IsBatchStatement", statement.is_batch},
              {"ResultFormat", statement.format == statement::ResultFormat::csv ? "CSV" : "JSON"}};
    if (!statement.name.empty()) json["StatementName"] = statement.name;
    if (!statement.session.empty()) json["SessionId"] = statement.session;
    if (!statement.target.secret.empty()) json["SecretArn"] = statement.target.secret;
    if (!statement.parameters.empty()) json["QueryParameters"] = parameters_json(statement);
    if (!statement.is_batch) {
        json["QueryString"] = statement.parts.front().sql;
        return json;
    }
    Json sqls = Json::array();
    for (const Part& part : statement.parts) sqls.push_back(part.sql);
    json["QueryStrings"] = std::move(sqls);
    return json;
}

tl::unexpected<Fault> submit_fault(const Error& error, bool is_batch) {
    switch (error.code) {
        case ErrorCode::invalid_input: return validation(error.message);
        case ErrorCode::exhausted:
            return aws::refuse(error.message.find("sessions") != std::string::npos
                                   ? "ActiveSessionsExceededException"
                                   : "ActiveStatementsExceededException",
                               error.message);
        case ErrorCode::denied: return aws::refuse(error);
        default:
            return aws::refuse(
                is_batch ? "BatchExecuteStatementException" : "ExecuteStatementException",
                error.message, 500);
    }
}

}  // namespace

Outcome<aws::Reply> DataService::submit(const aws::Call& call, const Json& members,
                                        std::vector<std::string> sqls, bool is_batch) {
    statement::Order order;
    order.principal = call.principal;
    order.is_batch = is_batch;
    order.one_transaction = text_of(members, "ExecutionMode") != "AUTO_COMMIT";
    order.name = text_of(members, "StatementName");
    order.token = text_of(members, "ClientToken");
    order.session = text_of(members, "SessionId");
    order.keep_session_s = number_of(members, "SessionKeepAliveSeconds", -1);
    order.tells = members.value("WithEvent", false);
    if (text_of(members, "ResultFormat") == "CSV") order.format = statement::ResultFormat::csv;
    order.target = {text_of(members, "ClusterIdentifier"), text_of(members, "WorkgroupName"),
                    text_of(members, "Database"), text_of(members, "DbUser"),
                    text_of(members, "SecretArn")};
    for (const Json& one : members.value("Parameters", Json::array()))
        order.parameters.emplace_back(text_of(one, "name"), text_of(one, "value"));
    if (order.target.database.empty() && order.session.empty())
        return validation("Database name must be provided.");
    if (!order.target.cluster.empty() && !order.target.workgroup.empty())
        return validation("Either a ClusterIdentifier or a WorkgroupName can be given, not both.");
    for (const std::string& sql : sqls)
        if (sql.size() > sql_bytes_max)
            return validation(fmt::format("Maximum SQL length is {} bytes.", sql_bytes_max));
    order.sqls = std::move(sqls);
    if (const auto allowed =
            allow(call, access_.decide, catalog::Action::create, "", call.principal.id);
        !allowed)
        return tl::unexpected(allowed.error());
    auto made = statements_.submit(std::move(order));
    if (!made) return submit_fault(made.error(), is_batch);
    const std::int64_t wait = number_of(members, "WaitTimeSeconds", 0);
    Json json{{"Id", made->id}, {"CreatedAt", aws::timestamp(call.wire, made->created_ms)}};
    put_target(json, *made);
    if (wait == 0) return aws::reply(std::move(json));
    const auto over = statements_.wait(made->id, Milliseconds(wait * 1000), call.left);
    if (!over) return aws::refuse(over.error());
    if (*over) {
        json["Status"] = statement::name_of((*over)->status);
        json["HasResultSet"] = has_result(**over);
        if (!(*over)->error.empty()) json["Error"] = (*over)->error;
    }
    return aws::reply(std::move(json));
}

Outcome<aws::Reply> DataService::execute_statement(const aws::Call& call, const Json& members) {
    return submit(call, members, {text_of(members, "Sql")}, false);
}

Outcome<aws::Reply> DataService::batch_execute_statement(const aws::Call& call,
                                                         const Json& members) {
    std::vector<std::string> sqls;
    for (const Json& sql : members["Sqls"]) sqls.push_back(sql.get<std::string>());
    return submit(call, members, std::move(sqls), true);
}

Outcome<aws::Reply> DataService::describe_statement(const aws::Call& call, const Json& members) {
    auto named = statement_named(call, members, catalog::Action::read);
    if (!named) return tl::unexpected(named.error());
    const std::int64_t wait = number_of(members, "WaitTimeSeconds", 0);
    if (wait > 0) {
        auto over = statements_.wait(named->statement.id, Milliseconds(wait * 1000), call.left);
        if (!over) return aws::refuse(over.error());
        if (*over) named->statement = *std::move(*over);
    }
    if (named->part == 0) return aws::reply(description(call, named->statement));
    Json json = part_json(call, named->statement, named->part);
    put_target(json, named->statement);
    json["RedshiftPid"] = named->statement.process;
    return aws::reply(std::move(json));
}

Outcome<aws::Reply> DataService::list_statements(const aws::Call& call, const Json& members) {
    const auto before = token_place(members);
    if (!before) return tl::unexpected(before.error());
    statement::ListQuery query;
    query.owner = call.principal.id;
    query.name = text_of(members, "StatementName");
    query.cluster = text_of(members, "ClusterIdentifier");
    query.workgroup = text_of(members, "WorkgroupName");
    query.database = text_of(members, "Database");
    const std::string status = text_of(members, "Status");
    query.status = status == "ALL" ? std::nullopt
                                   : statement::status_named(status.empty() ? "FINISHED" : status);
    query.before = static_cast<std::int64_t>(*before);
    if (const std::int64_t most = number_of(members, "MaxResults", 0); most > 0)
        query.limit = static_cast<std::size_t>(most);
    const auto found = statements_.list(query);
    if (!found) return aws::refuse(found.error());
    Json list = Json::array();
    for (const Statement& statement : found->statements) list.push_back(listed(call, statement));
    Json json{{"Statements", std::move(list)}};
    if (found->next != 0) json["NextToken"] = page_token(static_cast<std::uint64_t>(found->next));
    return aws::reply(std::move(json));
}

Outcome<aws::Reply> DataService::cancel_statement(const aws::Call& call, const Json& members) {
    const auto named = statement_named(call, members, catalog::Action::change);
    if (!named) return tl::unexpected(named.error());
    const auto done = statements_.cancel(named->statement.id);
    if (!done) return aws::refuse(done.error());
    if (!*done)
        return validation(
            fmt::format("Could not cancel a query that is already in {} state with "
                        "ID: {}",
                        statement::name_of(named->statement.status), named->statement.id));
    return aws::reply(Json{{"Status", true}});
}

}  // namespace stroma::front::redshift_data
