#include "base/json.h"
#include "front/api/api_routes.h"
#include "front/api/json_fields.h"
#include "front/api/row_text.h"

// One SELECT, its rows as a stream of JSON or CSV, or as a file.

namespace stroma::front::api {
namespace {

using Answer = Result<http::Response>;

Result<sql::Value> parameter_of(const Json& value) {
    if (value.is_null()) return sql::Value();
    if (value.is_boolean()) return sql::Value(value.get<bool>());
    if (value.is_number_integer()) return sql::Value(value.get<std::int64_t>());
    if (value.is_number()) return sql::Value(value.get<double>());
    if (value.is_string()) return sql::Value(value.get<std::string>());
    return fail(error_at(ErrorCode::invalid_input, "/parameters",
                         "'parameters' must be an array of texts, numbers, booleans and nulls"));
}

Result<SqlOrder> order_of(JsonFields& fields, const http::Request& request) {
    SqlOrder order;
    order.statement = TRY(fields.text("statement"));
    order.stop = request.left;
    const std::int64_t rows = TRY(fields.integer_or("rows_max", 0));
    if (rows < 0)
        return fail(error_at(ErrorCode::invalid_input, "/rows_max", "'rows_max' is below 0"));
    order.rows_max = static_cast<std::uint64_t>(rows);
    if (const Json* parameters = fields.find("parameters")) {
        if (!parameters->is_array())
            return fail(
                error_at(ErrorCode::invalid_input, "/parameters", "'parameters' must be an array"));
        for (const Json& one : *parameters) order.parameters.push_back(TRY(parameter_of(one)));
    }
    return order;
}

http::Response stream_rows(std::unique_ptr<sql::Rows> given, bool first_is_there, bool as_csv) {
    http::Response response;
    response.headers.emplace_back(
        "Content-Type", as_csv ? "text/csv; charset=utf-8; header=present" : "application/json");
    const std::shared_ptr<sql::Rows> rows = std::move(given);
    response.stream = [rows, first_is_there, as_csv](http::BodyWriter& out) -> Result<void> {
        std::string text = as_csv ? csv_head(*rows) : json_head(*rows);
        std::uint64_t count = 0;
        for (bool more = first_is_there; more; more = TRY(rows->next())) {
            if (!as_csv && count > 0) text += ",\n";
            text += as_csv ? csv_row(*rows) : json_row(*rows);
            ++count;
            if (text.size() < (64u << 10)) continue;
            TRY(out.write(as_bytes(text)));
            text.clear();
        }
        if (!as_csv) text += "],\"row_count\":" + std::to_string(count) + "}\n";
        return out.write(as_bytes(text));
    };
    return response;
}

Answer post_sql(ApiContext& api, http::Request& request) {
    TRY(allow(api, request, catalog::Action::read, {}));
    const Json body = TRY(json_body(request));
    JsonFields fields(body);
    const SqlOrder order = TRY(order_of(fields, request));
    const std::string format = TRY(fields.text_or("format", "json"));
    TRY(fields.finish());
    if (format == "parquet" || format == "arrow") {
        StoredFile file = TRY(api.domain.sql.query_to_file(request.principal, order, format));
        return file_answer(file);
    }
    if (format != "json" && format != "csv")
        return fail(error_at(ErrorCode::invalid_input, "/format",
                             "'format' must be \"json\", \"csv\", \"parquet\" or \"arrow\""));
    auto rows = TRY(api.domain.sql.query(request.principal, order));
    // The first row is read before the head goes out, so that most errors still get their status.
    const bool first_is_there = TRY(rows->next());
    return stream_rows(std::move(rows), first_is_there, format == "csv");
}

}  // namespace

std::vector<ApiRoute> sql_routes() { return {{"POST", "/v1/sql", post_sql}}; }

}  // namespace stroma::front::api
