#include "app/redshift/supervised_sql.h"

#include <fmt/format.h>

#include <optional>

#include "app/aws/aws_client.h"
#include "app/terminal/progress_line.h"
#include "app/terminal/text_table.h"
#include "base/json.h"
#include "redshift/lexer.h"
#include "redshift/statement.h"

namespace stroma::app {
namespace {

constexpr const char* service = "redshift-data";
constexpr int wait_seconds = 2;  // between two signs of life

bool is_over(const std::string& status) {
    return status == "FINISHED" || status == "FAILED" || status == "ABORTED";
}

Result<Json> order_of(const SupervisedOptions& options) {
    const auto statements = redshift::split(options.text);
    if (!statements) return fail(ErrorCode::invalid_input, statements.error().message);
    Json sqls = Json::array();
    for (const auto& statement : *statements) sqls.push_back(statement.text);
    Json order = {{"Database", options.database}, {"ClusterIdentifier", "stroma"}};
    if (sqls.size() == 1)
        order["Sql"] = sqls[0];
    else
        order["Sqls"] = std::move(sqls);
    Json parameters = Json::array();
    for (const std::string& one : options.parameters) {
        const std::size_t sign = one.find('=');
        if (sign == one.npos || sign == 0)
            return fail(ErrorCode::invalid_input, "--parameter " + one + ": give NAME=VALUE");
        parameters.push_back({{"name", one.substr(0, sign)}, {"value", one.substr(sign + 1)}});
    }
    if (!parameters.empty()) order["Parameters"] = std::move(parameters);
    return order;
}

/// Waits for the end; a stop that is asked calls the statement off first.
Result<Json> supervise(AwsClient& client, AwsClient& last_words, const std::string& id,
                       Invocation& invocation) {
    ProgressLine progress(*invocation.terminal, system_clock(), id);
    const std::int64_t begun = system_clock().steady_ms();
    for (;;) {
        auto said = client.json(service, "RedshiftData.DescribeStatement",
                                {{"Id", id}, {"WaitTimeSeconds", wait_seconds}});
        if (invocation.stop.stop_requested()) {
            TRY(last_words.json(service, "RedshiftData.CancelStatement", {{"Id", id}},
                                {"ValidationException"}));
            return fail(ErrorCode::cancelled, "called off: " + id);
        }
        const Json now = TRY(std::move(said));
        const std::string status = now.value("Status", std::string());
        if (is_over(status)) return now;
        double done = 0, total = 0;
        for (const Json& part : now.value("SubStatements", Json::array())) {
            done += is_over(part.value("Status", std::string())) ? 1 : 0;
            ++total;
        }
        const double seconds = static_cast<double>(system_clock().steady_ms() - begun) / 1000;
        if (total > 0)
            progress.update({"statement", done, total, "statements"});
        else
            progress.update({redshift::lower_of(status), seconds, 0, "s"});
    }
}

std::string shown(const Json& field) {
    for (const auto& [kind, value] : field.items()) {
        if (kind == "isNull") return "";
        return value.is_string() ? value.get<std::string>() : value.dump();
    }
    return "";
}

Result<void> print_rows(AwsClient& client, const std::string& id, bool as_json,
                        Invocation& invocation) {
    std::vector<TextTable::Heading> headings;
    std::optional<TextTable> table;
    Json rows = Json::array(), asked = {{"Id", id}};
    for (;;) {
        const Json page = TRY(client.json(service, "RedshiftData.GetStatementResult", asked));
        if (!table) {
            for (const Json& column : page.at("ColumnMetadata"))
                headings.push_back({column.at("name").get<std::string>(),
                                    column.value("isSigned", false) ? TextTable::Align::right
                                                                    : TextTable::Align::left});
            table.emplace(headings);
        }
        for (const Json& record : page.at("Records")) {
            std::vector<std::string> cells;
            Json object = Json::object();
            for (std::size_t at = 0; at < record.size(); ++at) {
                cells.push_back(shown(record[at]));
                for (const auto& [kind, value] : record[at].items())
                    object[headings[at].name] = kind == "isNull" ? Json(nullptr) : value;
            }
            if (as_json)
                rows.push_back(std::move(object));
            else
                table->add(std::move(cells));
        }
        if (!page.contains("NextToken")) break;
        asked["NextToken"] = page["NextToken"];
    }
    invocation.terminal->print(as_json ? rows.dump(2) + "\n"
                                       : table->text(invocation.terminal->output().columns));
    return {};
}

}  // namespace

Result<void> run_supervised(const SupervisedOptions& options, Invocation& invocation) {
    const Json order = TRY(order_of(options));
    const bool is_batch = order.contains("Sqls");
    const AwsAccess access = TRY(access_for(invocation, options.user));
    AwsClient client(access, system_clock(), invocation.stop);
    AwsClient last_words(access, system_clock(), {});
    const Json made = TRY(client.json(
        service, is_batch ? "RedshiftData.BatchExecuteStatement" : "RedshiftData.ExecuteStatement",
        order));
    const std::string id = made.at("Id").get<std::string>();
    const Json end = TRY(supervise(client, last_words, id, invocation));
    if (end.value("Status", std::string()) != "FINISHED")
        return fail(ErrorCode::invalid_input, end.value("Error", std::string("it was called off")));
    std::string result = end.value("HasResultSet", false) ? id : std::string();
    if (is_batch) {
        result.clear();
        for (const Json& part : end.at("SubStatements"))
            if (part.value("HasResultSet", false)) result = part.at("Id").get<std::string>();
    }
    const bool as_json = invocation.json || options.format == "json";
    if (!result.empty()) return print_rows(client, result, as_json, invocation);
    if (as_json) {
        invocation.terminal->print(end.dump(2) + "\n");
        return {};
    }
    const std::int64_t rows = end.value("ResultRows", std::int64_t{-1});
    invocation.terminal->print(rows >= 0 ? fmt::format("done, {} rows\n", rows)
                                         : std::string("done\n"));
    return {};
}

}  // namespace stroma::app
