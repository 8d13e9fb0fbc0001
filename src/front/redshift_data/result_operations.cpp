#include <fmt/format.h>

#include "base/json.h"
#include "front/redshift_data/data_service.h"

namespace stroma::front::redshift_data {

Outcome<aws::Reply> DataService::result(const aws::Call& call, const Json& members,
                                        statement::ResultFormat format) {
    const auto named = statement_named(call, members, catalog::Action::read);
    if (!named) return tl::unexpected(named.error());
    const Statement& statement = named->statement;
    const auto none = [] {
        return aws::refuse("ResourceNotFoundException",
                           "Query does not have result. Please check query status with "
                           "DescribeStatement.");
    };
    if (statement.is_batch && named->part == 0) return none();
    const std::size_t number = named->part == 0 ? 1 : named->part;
    if (!statement::is_over(statement.status) || !statement.parts[number - 1].has_result)
        return none();
    if (statement.format != format)
        return validation(format == statement::ResultFormat::csv
                              ? "The result is JSON: use GetStatementResult."
                              : "The result is CSV: use GetStatementResultV2.");
    const auto at = token_place(members);
    if (!at) return tl::unexpected(at.error());
    const auto page = statements_.page(statement, number, *at);
    if (!page && page.error().code == ErrorCode::not_found) return none();
    if (!page && page.error().code == ErrorCode::invalid_input)
        return validation("The NextToken isn't one that was given.");
    if (!page) return aws::refuse(page.error());
    std::string rows = page->rows;
    if (format == statement::ResultFormat::csv) {
        rows = "[{\"CSVRecords\":";
        rows += Json(page->rows).dump(-1, ' ', false, Json::error_handler_t::replace) + "}]";
    }
    aws::Reply reply;
    reply.json = fmt::format("{{\"Records\":{},\"ColumnMetadata\":{},\"TotalNumRows\":{}", rows,
                             page->columns, statement.parts[number - 1].rows);
    if (format == statement::ResultFormat::csv) reply.json += ",\"ResultFormat\":\"CSV\"";
    if (page->next != 0) reply.json += ",\"NextToken\":\"" + page_token(page->next) + "\"";
    reply.json += '}';
    return reply;
}

Outcome<aws::Reply> DataService::get_statement_result(const aws::Call& call, const Json& members) {
    return result(call, members, statement::ResultFormat::json);
}

Outcome<aws::Reply> DataService::get_statement_result_v2(const aws::Call& call,
                                                         const Json& members) {
    return result(call, members, statement::ResultFormat::csv);
}

}  // namespace stroma::front::redshift_data
