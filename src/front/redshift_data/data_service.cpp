#include "front/redshift_data/data_service.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <map>

#include "base/json.h"

namespace stroma::front::redshift_data {
namespace {

using aws::Member;
using aws::Shape;
using aws::Type;

constexpr std::int64_t wait_seconds_max = 30, keep_seconds_max = 86'400;

Member text(std::string_view name, bool needed = false, std::size_t longest = 2048) {
    return {name, Shape{.type = Type::text, .needed = needed, .length_max = longest}};
}
Member number(std::string_view name, double least, double most) {
    return {name, Shape{.type = Type::integer, .at_least = least, .at_most = most}};
}

aws::Members with(aws::Members some, const aws::Members& more) {
    some.insert(some.end(), more.begin(), more.end());
    return some;
}

const aws::Members& where_members() {
    static const aws::Members members = {text("ClusterIdentifier"), text("Database"),
                                         text("DbUser"), text("SecretArn"),
                                         text("WorkgroupName", false, 128)};
    return members;
}

aws::Members sending_members() {
    return with(
        where_members(),
        {text("StatementName", false, 500),
         {"WithEvent", Shape{.type = Type::boolean}},
         text("ClientToken", false, 64),
         text("SessionId"),
         number("SessionKeepAliveSeconds", 0, static_cast<double>(keep_seconds_max)),
         number("WaitTimeSeconds", 0, static_cast<double>(wait_seconds_max)),
         {"ResultFormat", Shape{.type = Type::text, .values = {"JSON", "CSV"}}},
         {"Parameters",
          Shape{.type = Type::list,
                .length_min = 1,
                .members = {
                    text("name", true, 500),
                    {"value", Shape{.type = Type::text, .needed = true, .length_min = 1}}}}}});
}

aws::Members paged(const aws::Members& members) {
    return with(members, {number("MaxResults", 0, 1000), text("NextToken")});
}

}  // namespace

const DataService::Known* DataService::operation_named(std::string_view name) {
    using Service = DataService;
    const Member id = text("Id", true, 64);
    static const std::map<std::string_view, Known> operations = {
        {"BatchExecuteStatement",
         {&Service::batch_execute_statement,
          with(sending_members(),
               {{"Sqls", Shape{.type = Type::list,
                               .needed = true,
                               .length_min = 1,
                               .length_max = 40,
                               .child = Type::text}},
                {"ExecutionMode",
                 Shape{.type = Type::text, .values = {"TRANSACTION", "AUTO_COMMIT"}}}})}},
        {"CancelStatement", {&Service::cancel_statement, {id}}},
        {"DescribeStatement",
         {&Service::describe_statement,
          {id, number("WaitTimeSeconds", 0, static_cast<double>(wait_seconds_max))}}},
        {"DescribeTable",
         {&Service::describe_table, with(paged(where_members()), {text("ConnectedDatabase"),
                                                                  text("Schema"), text("Table")})}},
        {"ExecuteStatement",
         {&Service::execute_statement, with(sending_members(), {text("Sql", true, 1u << 20)})}},
        {"GetStatementResult", {&Service::get_statement_result, {id, text("NextToken")}}},
        {"GetStatementResultV2", {&Service::get_statement_result_v2, {id, text("NextToken")}}},
        {"ListDatabases", {&Service::list_databases, paged(where_members())}},
        {"ListSchemas",
         {&Service::list_schemas,
          with(paged(where_members()), {text("ConnectedDatabase"), text("SchemaPattern")})}},
        {"ListStatements",
         {&Service::list_statements,
          {number("MaxResults", 0, 100),
           text("NextToken"),
           {"RoleLevel", Shape{.type = Type::boolean}},
           text("ClusterIdentifier"),
           text("Database"),
           text("StatementName", false, 500),
           text("WorkgroupName", false, 128),
           {"Status", Shape{.type = Type::text,
                            .values = {"SUBMITTED", "PICKED", "STARTED", "FINISHED", "ABORTED",
                                       "FAILED", "ALL"}}}}}},
        {"ListTables",
         {&Service::list_tables,
          with(paged(where_members()),
               {text("ConnectedDatabase"), text("SchemaPattern"), text("TablePattern")})}},
    };
    const auto found = operations.find(name);
    return found == operations.end() ? nullptr : &found->second;
}

std::string text_of(const Json& members, const char* name) {
    const auto found = members.find(name);
    return found != members.end() && found->is_string() ? found->get<std::string>() : std::string();
}

std::int64_t number_of(const Json& members, const char* name, std::int64_t otherwise) {
    const auto found = members.find(name);
    return found != members.end() && found->is_number_integer() ? found->get<std::int64_t>()
                                                                : otherwise;
}

tl::unexpected<Fault> validation(std::string message) {
    return aws::refuse("ValidationException", std::move(message));
}

std::string page_token(std::uint64_t at) { return aws::base64("at:" + std::to_string(at)); }

Outcome<std::uint64_t> token_place(const Json& members) {
    const std::string token = text_of(members, "NextToken");
    std::uint64_t at = 0;
    if (token.empty()) return at;
    std::string read;
    const bool is_ours = aws::base64_decode(token, read) && read.starts_with("at:");
    const char* const end = read.data() + read.size();
    if (!is_ours || std::from_chars(read.data() + 3, end, at).ptr != end)
        return validation("The NextToken isn't one that was given.");
    return at;
}

Json page_of(const Json& members, const char* list, std::vector<Json> all, std::uint64_t from) {
    constexpr std::int64_t page_max = 1000;
    std::int64_t most = number_of(members, "MaxResults", page_max);
    if (most == 0) most = page_max;
    Json page = Json::array();
    const std::uint64_t end = std::min<std::uint64_t>(
        all.size(), std::min<std::uint64_t>(from, all.size()) + static_cast<std::uint64_t>(most));
    for (std::uint64_t at = from; at < end; ++at) page.push_back(std::move(all[at]));
    Json json{{list, std::move(page)}};
    if (end < all.size()) json["NextToken"] = page_token(end);
    return json;
}

aws::Outcome<aws::Reply> DataService::call(aws::Call& call) {
    const Known* const known = operation_named(call.operation);
    if (known == nullptr) return aws::refuse("UnknownOperationException", "");
    const auto parameters = call.parameters();
    if (!parameters) return tl::unexpected(parameters.error());
    const auto members = aws::check_shape(*parameters, known->members);
    if (!members) return tl::unexpected(members.error());
    return (this->*known->operation)(call, *members);
}

Outcome<void> DataService::allow(const aws::Call& call, const Decide& decide,
                                 catalog::Action action, const std::string& id,
                                 const std::string& owner) const {
    const auto allowed = decide(call.principal, action, {catalog::ThingKind::job, id, owner});
    if (!allowed) return aws::refuse(allowed.error());
    if (*allowed) return {};
    return aws::refuse("AccessDeniedException",
                       fmt::format("User: {} is not authorized to perform: redshift-data:{}",
                                   call.principal.name, call.operation));
}

Outcome<DataService::Named> DataService::statement_named(const aws::Call& call, const Json& members,
                                                         catalog::Action action) {
    const std::string id = text_of(members, "Id");
    const std::size_t colon = id.find(':');
    Named named;
    const auto missing = [&] {
        return aws::refuse("ResourceNotFoundException",
                           fmt::format("Query {} does not exist.", id));
    };
    if (colon != std::string::npos) {
        const char* const end = id.data() + id.size();
        if (std::from_chars(id.data() + colon + 1, end, named.part).ptr != end || named.part == 0)
            return validation(
                fmt::format("id must satisfy regex pattern: "
                            "^[a-z0-9]{{8}}(-[a-z0-9]{{4}}){{3}}-[a-z0-9]{{12}}"
                            "(:\\d+)?$"));
    }
    auto found = statements_.find(id.substr(0, colon));
    if (!found) return aws::refuse(found.error());
    if (!*found || named.part > (*found)->parts.size()) return missing();
    named.statement = *std::move(*found);
    const auto& decide = action == catalog::Action::read ? access_.may : access_.decide;
    const auto allowed = allow(call, decide, action, named.statement.id, named.statement.owner);
    // Others' statements aren't told from those that aren't there.
    if (!allowed && allowed.error().type == "AccessDeniedException") return missing();
    if (!allowed) return tl::unexpected(allowed.error());
    return named;
}

std::unique_ptr<aws::Service> make_service(statement::Statements& statements, Access access) {
    return std::make_unique<DataService>(statements, std::move(access));
}

}  // namespace stroma::front::redshift_data
