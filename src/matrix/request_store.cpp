#include "matrix/request_store.h"

#include "base/digest.h"
#include "base/json.h"

namespace stroma::matrix {
namespace {

constexpr std::string_view schema = R"sql(
create table if not exists matrix_request (
    id text primary key, hash text not null, owner text not null, job text not null,
    query text not null, scope text not null, data_version integer not null,
    created_ms integer not null);
create table if not exists matrix_result (
    hash text primary key, generation integer not null, complete integer not null,
    expired integer not null, object_key text not null, file_name text not null,
    sha256 text not null, message text not null, bytes integer not null, cells integer not null,
    genes integer not null, nonzeros integer not null, sum real not null,
    completed_ms integer not null, expires_ms integer not null);
create table if not exists matrix_selection (
    id text primary key, query text not null, scope text not null);
create table if not exists matrix_source (
    selection text not null, dataset text not null, primary key (selection, dataset));
create index if not exists matrix_source_dataset on matrix_source (dataset);
create index if not exists matrix_request_hash on matrix_request (hash);
)sql";

constexpr JsonLimits request_limits{
    .bytes_max = 16u << 20, .depth_max = 64, .string_bytes_max = 8u << 20};

std::string to_json(const warehouse::Scope& scope) {
    return Json{
        {"everything", scope.everything}, {"datasets", scope.datasets}, {"asker", scope.asker}}
        .dump();
}

Result<warehouse::Scope> scope_from_json(std::string_view text) {
    const Json json = TRY(parse_json(text, request_limits));
    return warehouse::Scope{json.value("everything", false),
                            json.value("datasets", std::vector<std::string>{}),
                            json.value("asker", "")};
}

std::int64_t as_integer(std::uint64_t value) { return static_cast<std::int64_t>(value); }

MatrixResult result_in(const sql::Rows& rows) {
    MatrixResult result;
    result.hash = rows.text(0);
    result.generation = rows.integer(1);
    result.complete = rows.integer(2) != 0;
    result.expired = rows.integer(3) != 0;
    result.object_key = rows.text(4);
    result.file_name = rows.text(5);
    result.sha256 = rows.text(6);
    result.message = rows.text(7);
    result.bytes = static_cast<std::uint64_t>(rows.integer(8));
    result.cells = static_cast<std::uint64_t>(rows.integer(9));
    result.genes = static_cast<std::uint64_t>(rows.integer(10));
    result.nonzeros = static_cast<std::uint64_t>(rows.integer(11));
    result.sum = rows.real(12);
    result.completed_ms = rows.integer(13);
    result.expires_ms = rows.integer(14);
    return result;
}

}  // namespace

std::string RequestRecord::result_key() const {
    const bool shows_order = query.format != "loom" && query.format != "parquet";
    if (!shows_order || query.fields.empty()) return hash;
    std::string order;
    for (const std::string& field : query.fields) order += field + '\n';
    return hash + "." + sha256_hex(order).substr(0, 8);
}

std::string to_json(const MatrixQuery& query) {
    Json json{{"filter", query.filter},
              {"where", query.where},
              {"sql", query.sql},
              {"bundles", query.bundles},
              {"revision", query.revision},
              {"fields", query.fields},
              {"genes", query.genes},
              {"feature", query.feature},
              {"matrix", query.matrix},
              {"format", query.format},
              {"layout", query.layout},
              {"species", query.species},
              {"called_cells_only", query.called_cells_only},
              {"matrix_service_tables", query.tables == TableLayout::matrix_service}};
    // Only where there are some, so that ids of other queries stay what they were.
    if (!query.cells.empty()) json["cells"] = query.cells;
    return json.dump();
}

std::string to_json(const MatrixJobInputs& inputs) {
    return Json{{"request", inputs.request.id},           {"hash", inputs.request.hash},
                {"query", to_json(inputs.request.query)}, {"scope", to_json(inputs.request.scope)},
                {"generation", inputs.generation},        {"rearranged", inputs.rearranged}}
        .dump();
}

Result<MatrixJobInputs> matrix_job_inputs_of(std::string_view text) {
    const Json json = TRY(parse_json(text, request_limits));
    MatrixJobInputs inputs;
    inputs.request.id = json.value("request", "");
    inputs.request.hash = json.value("hash", "");
    inputs.request.query = TRY(query_from_json(json.value("query", "")));
    inputs.request.scope = TRY(scope_from_json(json.value("scope", "")));
    inputs.generation = json.value("generation", std::int64_t{1});
    inputs.rearranged = json.value("rearranged", "");
    return inputs;
}

Result<MatrixQuery> query_from_json(std::string_view text) {
    const Json json = TRY(parse_json(text, request_limits));
    MatrixQuery query;
    query.filter = json.value("filter", "");
    query.where = json.value("where", "");
    query.sql = json.value("sql", "");
    query.bundles = json.value("bundles", std::vector<std::string>{});
    query.revision = json.value("revision", "");
    query.cells = json.value("cells", decltype(query.cells){});
    query.fields = json.value("fields", std::vector<std::string>{});
    query.genes = json.value("genes", std::vector<std::string>{});
    query.feature = json.value("feature", "gene");
    query.matrix = json.value("matrix", "X");
    query.format = json.value("format", "loom");
    query.layout = json.value("layout", "");
    query.species = json.value("species", "");
    query.called_cells_only = json.value("called_cells_only", false);
    if (json.value("matrix_service_tables", false)) query.tables = TableLayout::matrix_service;
    return query;
}

Result<std::unique_ptr<RequestStore>> RequestStore::open(sql::Database& database) {
    const auto connection = TRY(database.connect());
    TRY(connection->run_script(schema));
    return std::unique_ptr<RequestStore>(new RequestStore(database));
}

Result<void> RequestStore::add(const RequestRecord& request) {
    const auto connection = TRY(database_.connect());
    TRY(connection->change(
        "insert into matrix_request values (?, ?, ?, ?, ?, ?, ?, ?)",
        {request.id, request.hash, request.owner, request.job, to_json(request.query),
         to_json(request.scope), request.data_version, request.created_ms}));
    return {};
}

Result<std::optional<RequestRecord>> RequestStore::find(std::string_view id) {
    const auto connection = TRY(database_.connect());
    const auto rows = TRY(connection->execute(
        "select id, hash, owner, job, query, scope, data_version, created_ms from matrix_request "
        "where id = ?",
        {std::string(id)}));
    if (!TRY(rows->next())) return std::nullopt;
    RequestRecord request{rows->text(0),    rows->text(1),   rows->text(2), rows->text(3), {}, {},
                          rows->integer(6), rows->integer(7)};
    request.query = TRY(query_from_json(rows->text(4)));
    request.scope = TRY(scope_from_json(rows->text(5)));
    return request;
}

Result<std::optional<MatrixResult>> RequestStore::result(std::string_view key) {
    const auto connection = TRY(database_.connect());
    const auto rows =
        TRY(connection->execute("select * from matrix_result where hash = ?", {std::string(key)}));
    if (!TRY(rows->next())) return std::nullopt;
    return result_in(*rows);
}

Result<std::vector<MatrixResult>> RequestStore::results_of(std::string_view hash) {
    const std::string key(hash);
    const auto connection = TRY(database_.connect());
    const auto rows = TRY(connection->execute(
        "select * from matrix_result where hash = ? or (hash >= ? and hash < ?) "
        "order by completed_ms, hash",
        {key, key + ".", key + "/"}));  // '/' comes behind '.'
    std::vector<MatrixResult> results;
    while (TRY(rows->next())) results.push_back(result_in(*rows));
    return results;
}

Result<void> RequestStore::put_result(const MatrixResult& result) {
    const auto connection = TRY(database_.connect());
    TRY(connection->change(
        "insert into matrix_result values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) "
        "on conflict (hash) do update set generation = excluded.generation, "
        "complete = excluded.complete, expired = excluded.expired, "
        "object_key = excluded.object_key, file_name = excluded.file_name, "
        "sha256 = excluded.sha256, message = excluded.message, bytes = excluded.bytes, "
        "cells = excluded.cells, genes = excluded.genes, nonzeros = excluded.nonzeros, "
        "sum = excluded.sum, completed_ms = excluded.completed_ms, "
        "expires_ms = excluded.expires_ms",
        {result.hash, result.generation, std::int64_t{result.complete},
         std::int64_t{result.expired}, result.object_key, result.file_name, result.sha256,
         result.message, as_integer(result.bytes), as_integer(result.cells),
         as_integer(result.genes), as_integer(result.nonzeros), result.sum, result.completed_ms,
         result.expires_ms}));
    return {};
}

Result<void> RequestStore::set_expired(const MatrixResult& result) {
    const auto connection = TRY(database_.connect());
    TRY(connection->change("update matrix_result set expired = 1 where hash = ? and generation = ?",
                           {result.hash, result.generation}));
    return {};
}

Result<std::vector<MatrixResult>> RequestStore::results_expired_by(std::int64_t now_ms) {
    const auto connection = TRY(database_.connect());
    const auto rows = TRY(connection->execute(
        "select * from matrix_result where complete = 1 and expired = 0 and expires_ms <= ?",
        {now_ms}));
    std::vector<MatrixResult> results;
    while (TRY(rows->next())) results.push_back(result_in(*rows));
    return results;
}

namespace {

Result<std::vector<std::string>> texts_of(sql::Database& database, std::string_view statement,
                                          const std::vector<sql::Value>& values) {
    const auto connection = TRY(database.connect());
    const auto rows = TRY(connection->execute(statement, values));
    std::vector<std::string> texts;
    while (TRY(rows->next())) texts.push_back(rows->text(0));
    return texts;
}

}  // namespace

Result<void> RequestStore::put_selection(const SelectionRecord& selection) {
    const auto connection = TRY(database_.connect());
    TRY(connection->change("insert into matrix_selection values (?, ?, ?) on conflict do nothing",
                           {selection.id, to_json(selection.query), to_json(selection.scope)}));
    return {};
}

Result<std::optional<SelectionRecord>> RequestStore::selection(std::string_view id) {
    const auto connection = TRY(database_.connect());
    const auto rows = TRY(connection->execute(
        "select id, query, scope from matrix_selection where id = ?", {std::string(id)}));
    if (!TRY(rows->next())) return std::nullopt;
    return SelectionRecord{rows->text(0), TRY(query_from_json(rows->text(1))),
                           TRY(scope_from_json(rows->text(2)))};
}

Result<void> RequestStore::put_sources(std::string_view selection,
                                       const std::vector<std::string>& datasets) {
    const auto connection = TRY(database_.connect());
    return connection->in_transaction([&]() -> Result<void> {
        for (const std::string& dataset : datasets)
            TRY(connection->change("insert into matrix_source values (?, ?) on conflict do nothing",
                                   {std::string(selection), dataset}));
        return {};
    });
}

Result<std::vector<std::string>> RequestStore::sources(std::string_view selection) {
    return texts_of(database_, "select dataset from matrix_source where selection = ?",
                    {std::string(selection)});
}

Result<std::vector<std::string>> RequestStore::selections_of(std::string_view dataset) {
    return texts_of(database_, "select selection from matrix_source where dataset = ?",
                    {std::string(dataset)});
}

Result<std::vector<std::string>> RequestStore::source_datasets() {
    return texts_of(database_, "select distinct dataset from matrix_source", {});
}

Result<void> RequestStore::repoint(std::string_view from, std::string_view to) {
    const auto connection = TRY(database_.connect());
    TRY(connection->change("update matrix_request set hash = ? where hash = ?",
                           {std::string(to), std::string(from)}));
    return {};
}

Result<std::vector<std::string>> RequestStore::result_objects(std::string_view selection) {
    return texts_of(database_,
                    "select object_key from matrix_result where object_key <> '' and "
                    "substr(hash, 1, instr(hash || '.', '.') - 1) = ?",
                    {std::string(selection)});
}

Result<void> RequestStore::forget(std::string_view selection) {
    const std::string id(selection);
    const auto connection = TRY(database_.connect());
    return connection->in_transaction([&]() -> Result<void> {
        for (const char* table : {"matrix_result", "matrix_request"})
            TRY(connection->change("delete from " + std::string(table) +
                                       " where substr(hash, 1, instr(hash || '.', '.') - 1) = ?",
                                   {id}));
        TRY(connection->change("delete from matrix_source where selection = ?", {id}));
        TRY(connection->change("delete from matrix_selection where id = ?", {id}));
        return {};
    });
}

}  // namespace stroma::matrix
