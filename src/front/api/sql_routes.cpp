#include <limits>

#include "base/json.h"
#include "front/api/api_routes.h"
#include "front/api/json_fields.h"
#include "front/api/row_text.h"

// One SELECT, its rows as JSON, CSV, Parquet or Arrow.

namespace stroma::front::api {
namespace {

using Answer = Result<http::Response>;

Result<sql::Value> parameter_of(const Json& value) {
    if (value.is_null()) return sql::Value();
    if (value.is_boolean()) return sql::Value(value.get<bool>());
    const bool fits = !value.is_number_unsigned() ||
                      value.get<std::uint64_t>() <= std::numeric_limits<std::int64_t>::max();
    if (value.is_number_integer() && fits) return sql::Value(value.get<std::int64_t>());
    if (value.is_number_float()) return sql::Value(value.get<double>());
    if (value.is_string()) return sql::Value(value.get<std::string>());
    return fail(error_at(ErrorCode::invalid_input, "/parameters",
                         "'parameters' takes texts, numbers (64 bits), booleans and nulls"));
}

/// An array for `?` and $1, an object for $name.
Result<sql::NamedValues> parameters_of(const Json& given) {
    sql::NamedValues parameters;
    if (given.is_object()) {
        for (const auto& [name, value] : given.items()) parameters[name] = TRY(parameter_of(value));
        return parameters;
    }
    if (!given.is_array())
        return fail(error_at(ErrorCode::invalid_input, "/parameters",
                             "'parameters' must be an array, or an object for named ones"));
    for (const Json& value : given)
        parameters[std::to_string(parameters.size() + 1)] = TRY(parameter_of(value));
    return parameters;
}

Result<SqlOrder> order_of(JsonFields& fields, const http::Request& request) {
    SqlOrder order;
    order.statement = TRY(fields.text("statement"));
    order.stop = request.left;
    const std::int64_t rows = TRY(fields.integer_or("rows_max", 0));
    if (rows < 0)
        return fail(error_at(ErrorCode::invalid_input, "/rows_max", "'rows_max' is below 0"));
    order.rows_max = static_cast<std::uint64_t>(rows);
    if (const Json* given = fields.find("parameters"))
        order.parameters = TRY(parameters_of(*given));
    return order;
}

struct SqlFormat {
    std::string_view name, media_type;
};
constexpr SqlFormat sql_formats[] = {{"json", "application/json"},
                                     {"csv", "text/csv"},
                                     {"parquet", "application/vnd.apache.parquet"},
                                     {"arrow", "application/vnd.apache.arrow.file"}};

/// As the body says, else the first known type of Accept, else JSON.
Result<std::string_view> answer_format_of(JsonFields& fields, const http::Request& request) {
    const std::string wanted = TRY(fields.text_or("format", ""));
    const std::string accept = request.header("accept").value_or("");
    std::size_t first = accept.npos;
    std::string_view by_accept = "json";
    for (const SqlFormat& format : sql_formats) {
        if (wanted == format.name) return format.name;
        const std::size_t place = accept.find(format.media_type);
        if (place < first) {
            first = place;
            by_accept = format.name;
        }
    }
    if (wanted.empty()) return by_accept;
    return fail(error_at(ErrorCode::invalid_input, "/format",
                         "'format' must be \"json\", \"csv\", \"parquet\" or \"arrow\""));
}

/// Text that goes to a file without a name when it gets long.
class SpooledText {
public:
    explicit SpooledText(const fs::path& folder) : folder_(folder) {}
    Result<void> add(std::string_view text) {
        text_ += text;
        return text_.size() < (1u << 20) ? Result<void>() : flush();
    }
    Result<void> put_into(http::Response& response, const std::string& etag) {
        if (!file_) {
            response.body = std::move(text_);
            return {};
        }
        TRY(flush());
        response.file = http::Response::FileBody{file_, written_, etag};
        return {};
    }

private:
    Result<void> flush() {
        if (!file_) file_ = std::make_shared<File>(TRY(File::temporary(folder_)));
        TRY(file_->write_at(written_, as_bytes(text_)));
        written_ += text_.size();
        text_.clear();
        return {};
    }
    const fs::path& folder_;
    std::string text_;
    std::shared_ptr<File> file_;
    std::uint64_t written_ = 0;
};

/// The whole answer, before its head is sent: a limit that is passed at the last row still gets
/// its status, and a slow client doesn't hold the engine.
Answer rows_answer(ApiContext& api, const http::Request& request, sql::Rows& rows, bool as_csv) {
    SpooledText text(api.options.scratch_folder);
    TRY(text.add(as_csv ? csv_head(rows) : json_head(rows)));
    std::uint64_t count = 0;
    for (; TRY(rows.next()); ++count) {
        if (!as_csv && count > 0) TRY(text.add(",\n"));
        TRY(text.add(as_csv ? csv_row(rows) : json_row(rows)));
    }
    if (!as_csv) TRY(text.add("],\"row_count\":" + std::to_string(count) + "}\n"));
    http::Response response;
    response.headers.emplace_back(
        "Content-Type", as_csv ? "text/csv; charset=utf-8; header=present" : "application/json");
    TRY(text.put_into(response, request.id));
    return response;
}

Answer post_sql(ApiContext& api, http::Request& request) {
    TRY(allow(api, request, catalog::Action::read, {}));
    const Json body = TRY(json_body(request));
    JsonFields fields(body);
    const SqlOrder order = TRY(order_of(fields, request));
    const std::string_view format = TRY(answer_format_of(fields, request));
    TRY(fields.finish());
    if (format == "parquet" || format == "arrow")
        return file_answer(TRY(api.domain.sql.query_to_file(request.principal, order, format)));
    const auto rows = TRY(api.domain.sql.query(request.principal, order));
    return rows_answer(api, request, *rows, format == "csv");
}

}  // namespace

std::vector<ApiRoute> sql_routes() { return {{"POST", "/v1/sql", post_sql}}; }

}  // namespace stroma::front::api
