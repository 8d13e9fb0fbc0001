#include <fmt/format.h>

#include <algorithm>
#include <limits>

#include "base/json.h"
#include "front/api/api_errors.h"
#include "front/api/api_routes.h"
#include "front/api/json_fields.h"
#include "front/explorer/explorer_routes.h"

// Two selections of one revision compared gene by gene. Who may read the revision may compare its
// cells and see what came of it.

namespace stroma::front::explorer {
namespace {

using Answer = Result<http::Response>;
using ComparisonHandler = Answer (*)(const ExplorerDomain&, http::Request&);
using stroma::explorer::CellRuns;
using stroma::explorer::ComparisonOrder;
using stroma::explorer::ComparisonRecord;
using stroma::explorer::TableFormat;

constexpr std::uint64_t order_bytes_max = 32u << 20;  // a million cells in no order
constexpr std::int64_t wait_seconds_max = 30;

tl::unexpected<Error> at(std::string_view pointer, std::string_view what) {
    return fail(api::error_at(ErrorCode::invalid_input, pointer, what));
}

Result<CellRuns> runs_in(const Json& list, const std::string& pointer) {
    CellRuns runs;
    runs.reserve(list.size());
    constexpr std::uint64_t most = std::numeric_limits<std::uint32_t>::max();
    for (const Json& run : list) {
        if (!run.is_array() || run.size() != 2 || !run[0].is_number_unsigned() ||
            !run[1].is_number_unsigned() || run[0].get<std::uint64_t>() > most ||
            run[1].get<std::uint64_t>() > most)
            return at(pointer, "each run of cells is [first, one past the last]");
        runs.emplace_back(run[0].get<std::uint32_t>(), run[1].get<std::uint32_t>());
    }
    return runs;
}

/// The cells of a selection that was kept, of the same revision.
Result<CellRuns> kept_cells(const std::string& id, const std::string& pointer,
                            const ExplorerDomain& domain, const http::Request& request,
                            const std::string& revision) {
    auto kept = domain.find_selection ? TRY(domain.find_selection(request, id)) : std::nullopt;
    if (!kept) return fail(ErrorCode::not_found, "there is no selection '" + id + "'");
    if (kept->revision != revision)
        return at(pointer, "the selection '" + id + "' is of another revision");
    return std::move(kept->cells);
}

}  // namespace

Result<CellRuns> cells_in(const Json& json, const std::string& pointer,
                          const ExplorerDomain& domain, const http::Request& request,
                          const std::string& revision) {
    if (json.is_array()) return runs_in(json, pointer);
    if (!json.is_object())
        return at(pointer,
                  "a set is a list of runs, or an object of a column and labels, or of the id of "
                  "a selection");
    api::JsonFields fields(json);
    if (const auto selection = TRY(fields.optional_text("selection"))) {
        TRY(fields.finish());
        return kept_cells(*selection, pointer, domain, request, revision);
    }
    const std::string column = TRY(fields.text("column"));
    const auto labels = TRY(fields.texts("labels"));
    TRY(fields.finish());
    const auto data = TRY(domain.explorer.open(revision));
    return stroma::explorer::cells_labelled(*data, column, labels);
}

namespace {

struct ReadOrder {
    ComparisonOrder order;
    std::optional<http::Response> instead;
};

/// Asks the one decision before it looks at any cell.
Result<ReadOrder> order_in(const ExplorerDomain& domain, http::Request& request) {
    const Json body = TRY(api::json_body(request, order_bytes_max));
    api::JsonFields fields(body);
    ReadOrder read;
    ComparisonOrder& order = read.order;
    const std::string revision = TRY(fields.text("revision"));
    auto address = TRY(find_revision(domain, request, revision));
    if (address.instead) {
        read.instead = std::move(address.instead);
        return read;
    }
    order.revision = std::move(address.revision);
    order.layer = TRY(fields.text_or("layer", order.layer));
    const std::string test = TRY(fields.text_or("test", stroma::explorer::name_of(order.method)));
    order.method = TRY(stroma::explorer::comparison_method_named(test));
    if (const auto scale = TRY(fields.optional_text("scale")))
        order.scale = TRY(stroma::explorer::scale_named(*scale));
    order.donor_column = TRY(fields.text_or("donor_column", ""));
    if (fields.find("paired") != nullptr) order.paired = TRY(fields.boolean_or("paired", false));
    const Json* a = fields.find("a");
    const Json* b = fields.find("b");
    TRY(fields.finish());
    if (a == nullptr) return at("/a", "the cells of set A are missing");
    order.a = TRY(cells_in(*a, "/a", domain, request, order.revision));
    if (b != nullptr) order.b = TRY(cells_in(*b, "/b", domain, request, order.revision));
    return read;
}

Json state_json(const ComparisonRecord& record, const std::optional<pipeline::Job>& job) {
    Json json{{"id", record.id}};
    if (!record.summary.empty()) {
        json["state"] = "done";
        if (const auto told = parse_json(record.summary))
            for (const auto& [name, value] : told->items()) json[name] = value;
        json["links"] = {{"table", record.id + "/table"}};
        return json;
    }
    json["revision"] = record.order.revision;
    json["job"] = record.job;
    json["state"] = job ? pipeline::name_of(job->state) : "queued";
    if (!record.cancel_key.empty()) json["cancel_key"] = record.cancel_key;
    if (!job) return json;
    json["done"] = job->progress.done;
    json["total"] = job->progress.total;
    if (!job->error.empty()) {
        json["error"] = job->error;
        json["code"] = job->error_code;
    }
    return json;
}

/// The record as it is now; its job may have ended since it was read.
Answer state_answer(const ExplorerDomain& domain, ComparisonRecord record, bool is_public) {
    std::optional<pipeline::Job> job;
    if (record.summary.empty() && !record.job.empty()) {
        job = TRY(domain.jobs.find_job(record.job));
        if (job && job->state == pipeline::JobState::succeeded)
            if (auto now = TRY(domain.comparisons.find(record.id))) record = *std::move(now);
    }
    const bool is_done = !record.summary.empty();
    const bool is_ended = is_done || (job && pipeline::is_final(job->state));
    auto response = api::json_answer(is_ended ? 200 : 202, state_json(record, job));
    if (is_done) add_cache_headers(response, is_public);
    return response;
}

struct Found {
    ComparisonRecord record;
    bool is_public = false;
    std::optional<http::Response> instead;
};

Result<Found> find_allowed(const ExplorerDomain& domain, http::Request& request) {
    const std::string& id = request.parameters.at("comparison");
    const auto absent = [&] {
        return fail(ErrorCode::not_found, fmt::format("there is no comparison '{}'", id));
    };
    auto record = TRY(domain.comparisons.find(id));
    if (!record) return absent();
    auto address = find_revision(domain, request, record->order.revision);
    // What may not be read looks as if it weren't there.
    if (!address && address.error().code == ErrorCode::not_found) return absent();
    if (!address) return fail(std::move(address.error()));
    return Found{*std::move(record), address->is_public, std::move(address->instead)};
}

Answer post_comparison(const ExplorerDomain& domain, http::Request& request) {
    auto read = TRY(order_in(domain, request));
    if (read.instead) return *std::move(read.instead);
    // Strangers own nothing by name: who is told the key may cancel.
    const bool is_stranger = request.principal.role == catalog::Role::anonymous;
    const std::string owner = is_stranger ? "" : request.principal.id;
    auto record = TRY(domain.comparisons.ask(read.order, owner, request.left));
    const std::string id = record.id;
    auto response = TRY(state_answer(domain, std::move(record), false));
    std::erase_if(response.headers, [](const auto& one) { return one.first == "Cache-Control"; });
    response.headers.emplace_back("Location", "comparisons/" + id);
    return response;
}

Answer get_comparison(const ExplorerDomain& domain, http::Request& request) {
    auto found = TRY(find_allowed(domain, request));
    if (found.instead) return *std::move(found.instead);
    const std::int64_t wait = TRY(api::query_integer(request, "wait", 0));
    if (wait < 0 || wait > wait_seconds_max)
        return fail(ErrorCode::invalid_input,
                    fmt::format("'wait' is 0 to {} seconds", wait_seconds_max));
    if (wait > 0 && found.record.summary.empty())
        if (const auto job = TRY(domain.jobs.find_job(found.record.job));
            job && !pipeline::is_final(job->state))
            TRY(domain.jobs.wait_for_change(job->id, job->version, Milliseconds{wait * 1000}));
    return state_answer(domain, std::move(found.record), found.is_public);
}

Result<TableFormat> format_of(const http::Request& request) {
    if (const auto name = request.query_value("format")) {
        for (const auto format :
             {TableFormat::arrow, TableFormat::csv, TableFormat::json, TableFormat::parquet})
            if (stroma::explorer::name_of(format) == *name) return format;
        return fail(ErrorCode::invalid_input,
                    "'format' is arrow, csv, json or parquet, not '" + *name + "'");
    }
    if (accepts(request, "application/json")) return TableFormat::json;
    if (accepts(request, "application/vnd.apache.parquet")) return TableFormat::parquet;
    return accepts(request, "text/csv") ? TableFormat::csv : TableFormat::arrow;
}

Answer get_table(const ExplorerDomain& domain, http::Request& request) {
    auto found = TRY(find_allowed(domain, request));
    if (found.instead) return *std::move(found.instead);
    const TableFormat format = TRY(format_of(request));
    if (found.record.summary.empty())
        return fail(
            ErrorCode::conflict,
            fmt::format("comparison {} is not done yet; ask for its state", found.record.id));
    auto response = body_response(
        TRY(domain.comparisons.table(found.record, format, coding_for(request))), found.is_public);
    if (format == TableFormat::csv || format == TableFormat::parquet)
        response.headers.emplace_back(
            "Content-Disposition", fmt::format("attachment; filename=\"comparison-{:.8}.{}\"",
                                               found.record.id, stroma::explorer::name_of(format)));
    return response;
}

/// Ends its job; what is done stays.
Answer cancel_comparison(const ExplorerDomain& domain, http::Request& request) {
    auto found = TRY(find_allowed(domain, request));
    if (found.instead) return *std::move(found.instead);
    const auto job = TRY(domain.jobs.find_job(found.record.job));
    if (job && !pipeline::is_final(job->state)) {
        const catalog::Thing thing{catalog::ThingKind::job, job->id, job->owner};
        const std::string key = request.query_value("key").value_or("");
        const bool is_theirs =
            !key.empty() && TRY(domain.comparisons.is_cancel_key(found.record, key));
        if (!is_theirs &&
            !TRY(domain.access.decide(request.principal, catalog::Action::change, thing)))
            return fail(ErrorCode::denied,
                        "only who asked first for this comparison may cancel it; without a token, "
                        "with '?key=' and the cancel_key of the first answer");
        TRY(domain.jobs.cancel(job->id));
    }
    return state_answer(domain, std::move(found.record), found.is_public);
}

}  // namespace

std::vector<http::Route> comparison_routes(const ExplorerDomain& domain) {
    constexpr struct {
        const char* method;
        const char* pattern;
        ComparisonHandler handler;
    } list[] = {{"POST", "/v1/comparisons", post_comparison},
                {"GET", "/v1/comparisons/{comparison}", get_comparison},
                {"DELETE", "/v1/comparisons/{comparison}", cancel_comparison},
                {"GET", "/v1/comparisons/{comparison}/table", get_table}};
    std::vector<http::Route> routes;
    for (const auto& [method, pattern, handler] : list)
        routes.push_back({method, pattern, [&domain, handler = handler](http::Request& request) {
                              auto answer = handler(domain, request);
                              return answer ? *std::move(answer)
                                            : problem_response(request, answer.error());
                          }});
    return routes;
}

}  // namespace stroma::front::explorer
