#include "explorer/comparisons.h"

#include <fmt/format.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <thread>

#include "base/digest.h"
#include "base/json.h"

namespace stroma::explorer {
namespace {

constexpr std::string_view schema = R"sql(
create table if not exists comparison (
    id text primary key, revision text not null, inputs text not null, job text not null,
    summary text not null, created_ms integer not null);
create index if not exists comparison_revision on comparison (revision);
create table if not exists comparison_cancel_key (job text primary key, key_sha256 text not null);
)sql";

/// How much later than other threads those come that compare: a comparison takes all cores, and the
/// answers that take a millisecond don't wait for it.
constexpr int later = 10;

/// Compares on a thread that others go before, as go those that it starts; a thread that has once
/// stepped back may not step forward again, so it is a new one.
Result<ComparedGenes> compare_behind_others(const ComparisonOrder& order, const RevisionData& data,
                                            const expression::Watch& watch) {
    std::optional<Result<ComparedGenes>> done;
    std::thread([&] {
        ::setpriority(PRIO_PROCESS, static_cast<id_t>(::gettid()), later);
        done.emplace(run_comparison(order, data, watch));
    }).join();
    return *std::move(done);
}

/// The numbers themselves, from which every form of the table is made.
Representation numbers_of_it(const ComparisonRecord& record) {
    return {record.order.revision, "comparison/" + record.id + "/numbers", Coding::identity};
}

constexpr std::uint64_t parquet_bytes_max = std::uint64_t{1} << 30;

std::string what_of(const ComparisonRecord& record, TableFormat format) {
    return fmt::format("comparison/{}/{}", record.id, name_of(format));
}

Result<std::string> bytes_of(const Body& body) {
    std::string bytes(body.size_bytes, '\0');
    TRY(body.file->read_at(0, std::as_writable_bytes(std::span(bytes))));
    return bytes;
}

Result<ComparisonRecord> record_in(const sql::Rows& rows) {
    ComparisonRecord record{rows.text(0), {}, rows.text(2), rows.text(3), "", rows.integer(4)};
    record.order = TRY(comparison_order_of(rows.text(1)));
    return record;
}

Result<void> drop_revision(sql::Connection& connection, const std::string& revision) {
    TRY(
        connection.change("delete from comparison_cancel_key where job in "
                          "(select job from comparison where revision = ?)",
                          {revision}));
    TRY(connection.change("delete from comparison where revision = ?", {revision}));
    return {};
}

}  // namespace

Result<std::unique_ptr<Comparisons>> Comparisons::open(sql::Database& control, Explorer& explorer,
                                                       pipeline::JobStore& jobs, const Clock& clock,
                                                       IdSource& ids, ComparisonOptions options) {
    const auto connection = TRY(control.connect());
    TRY(connection->run_script(schema));
    return std::unique_ptr<Comparisons>(
        new Comparisons(control, explorer, jobs, clock, ids, options));
}

Result<std::optional<ComparisonRecord>> Comparisons::find(std::string_view id) {
    const auto connection = TRY(control_.connect());
    const auto rows = TRY(connection->execute(
        "select id, inputs, job, summary, created_ms from comparison where id = ?",
        {std::string(id)}));
    if (!TRY(rows->next())) return std::nullopt;
    return record_in(*rows);
}

Result<std::vector<ComparisonRecord>> Comparisons::done(const std::vector<std::string>& revisions) {
    const auto connection = TRY(control_.connect());
    std::vector<ComparisonRecord> records;
    const auto rows = TRY(connection->execute(
        "select id, inputs, job, summary, created_ms from comparison where summary <> '' and "
        "revision in (select value from json_each(?)) order by created_ms desc, id",
        {Json(revisions).dump()}));
    while (TRY(rows->next())) records.push_back(TRY(record_in(*rows)));
    return records;
}

Result<void> Comparisons::put(const ComparisonRecord& record) {
    const auto connection = TRY(control_.connect());
    TRY(connection->change(
        "insert into comparison values (?, ?, ?, ?, ?, ?) on conflict (id) do update set "
        "job = excluded.job, summary = excluded.summary where comparison.summary = ''",
        {record.id, record.order.revision, to_json(record.order), record.job, record.summary,
         clock_.unix_ms()}));
    return {};
}

Result<void> Comparisons::forget_removed(
    const std::function<Result<bool>(const std::string& revision)>& is_there) {
    const auto connection = TRY(control_.connect());
    std::vector<std::string> revisions;
    {
        const auto rows = TRY(connection->execute("select distinct revision from comparison"));
        while (TRY(rows->next())) revisions.push_back(rows->text(0));
    }
    for (const std::string& revision : revisions)
        if (!TRY(is_there(revision))) TRY(drop_revision(*connection, revision));
    return {};
}

void Comparisons::keep(const std::string& id, std::shared_ptr<const ComparedTable> table) {
    const std::lock_guard lock(mutex_);
    newest_first_.remove_if([&](const Kept& kept) { return kept.id == id; });
    newest_first_.push_front({id, std::move(table)});
    if (newest_first_.size() > kept_max) newest_first_.pop_back();
}

Result<ComparisonRecord> Comparisons::run(const ComparisonOrder& order, std::string_view job,
                                          const expression::Watch& watch) {
    const auto data = TRY(explorer_.open(order.revision));
    const ComparedGenes genes = TRY(compare_behind_others(order, *data, watch));
    ComparisonRecord record{id_of(order), order, std::string(job),
                            comparison_summary(order, *data, genes)};
    auto table = std::make_shared<const ComparedTable>(compared_table_of(genes.table));
    // Stored now, so that a table is there without comparing again.
    TRY(explorer_.answer(numbers_of_it(record), [&](const RevisionData&) -> Result<Made> {
        return Made{to_bytes(*table), "application/octet-stream"};
    }));
    keep(record.id, std::move(table));
    TRY(put(record));
    return record;
}

Result<std::optional<ComparisonRecord>> Comparisons::run_within_budget(
    const std::string& id, const ComparisonOrder& order, const std::stop_token& left) {
    const std::int64_t end_ms = clock_.steady_ms() + options_.budget.count();
    if (!running_.try_acquire_for(options_.budget)) return std::nullopt;
    const std::unique_ptr<std::counting_semaphore<>, void (*)(std::counting_semaphore<>*)> held(
        &running_, [](auto* running) { running->release(); });
    // Who waited may find that another request has just answered the same.
    if (auto done = TRY(find(id)); done && !done->summary.empty()) return done;
    const expression::Watch watch{
        {}, [&] { return left.stop_requested() || clock_.steady_ms() >= end_ms; }};
    auto record = run(order, "", watch);
    if (record) return *std::move(record);
    if (record.error().code != ErrorCode::cancelled || left.stop_requested())
        return fail(std::move(record.error()));
    return std::nullopt;
}

Result<ComparisonRecord> Comparisons::ask(const ComparisonOrder& asked, std::string_view owner,
                                          std::stop_token left) {
    const auto data = TRY(explorer_.open(asked.revision));
    ComparisonRecord record;
    record.order = TRY(settled(asked, *data));
    record.id = id_of(record.order);
    if (auto known = TRY(find(record.id))) {
        if (!known->summary.empty()) return *std::move(known);
        const auto job = TRY(jobs_.find(known->job));
        if (job && !pipeline::is_final(job->state)) return *std::move(known);
    }
    if (auto done = TRY(run_within_budget(record.id, record.order, left))) return *std::move(done);
    const auto job =
        TRY(jobs_.submit({.stage = "comparison",
                          .owner = std::string(owner),
                          .title = fmt::format("compare cells of {} ({})", record.order.layer,
                                               name_of(record.order.method)),
                          .inputs = to_json(record.order),
                          .idempotency_key = "comparison/" + record.id,
                          .is_bounded = true}));
    record.job = job.id;
    TRY(put(record));
    if (owner.empty() && job.owner.empty()) record.cancel_key = TRY(give_cancel_key(job.id));
    return record;
}

Result<std::string> Comparisons::give_cancel_key(const std::string& job) {
    const std::string key = ids_.secret(16);
    const auto connection = TRY(control_.connect());
    // Two who asked at once share the job; who came second has no say.
    const std::int64_t added = TRY(connection->change(
        "insert into comparison_cancel_key values (?, ?) on conflict (job) do nothing",
        {job, sha256_hex(key)}));
    return added > 0 ? key : std::string();
}

Result<bool> Comparisons::is_cancel_key(const ComparisonRecord& record, std::string_view key) {
    const auto connection = TRY(control_.connect());
    const auto rows = TRY(connection->execute(
        "select key_sha256 from comparison_cancel_key where job = ?", {record.job}));
    return TRY(rows->next()) && equal_in_constant_time(rows->text(0), sha256_hex(key));
}

Result<std::shared_ptr<const ComparedTable>> Comparisons::numbers_of(
    const ComparisonRecord& record) {
    {
        const std::lock_guard lock(mutex_);
        const auto kept = std::find_if(newest_first_.begin(), newest_first_.end(),
                                       [&](const Kept& one) { return one.id == record.id; });
        if (kept != newest_first_.end()) return kept->table;
    }
    const auto make = [&](const RevisionData& data) -> Result<Made> {
        const ComparedGenes genes = TRY(compare_behind_others(record.order, data, {}));
        return Made{to_bytes(compared_table_of(genes.table)), "application/octet-stream"};
    };
    const Body body = TRY(explorer_.answer(numbers_of_it(record), make));
    const std::string bytes = TRY(bytes_of(body));
    auto table = std::make_shared<const ComparedTable>(TRY(compared_table_in(bytes)));
    keep(record.id, table);
    return table;
}

Result<OpenedComparison> Comparisons::opened(const ComparisonRecord& record) {
    OpenedComparison one{record.id,
                         record.order.revision,
                         std::string(name_of(record.order.method)),
                         TRY(numbers_of(record)),
                         TRY(explorer_.open(record.order.revision)),
                         nullptr};
    one.genes = TRY(one.data->genes_of(record.order.layer));
    return one;
}

std::shared_ptr<sql::TableScan> Comparisons::rows_of(std::vector<ComparisonRecord> records) {
    const std::size_t count = records.size();
    return scan_compared(
        compared_columns(), count,
        [this, all = std::move(records)](std::size_t at) { return opened(all[at]); });
}

Result<Made> Comparisons::parquet_of(const ComparisonRecord& record) {
    if (options_.parquet == nullptr)
        return fail(ErrorCode::unsupported, "there is no Parquet here");
    const auto table = TRY(numbers_of(record));
    auto columns = columns_of_table(*table);
    std::vector<std::string> names;
    for (const sql::ScanColumn& column : columns) names.push_back(column.name);
    const fs::path path = options_.staging / ("comparison-" + ids_.secret(8) + ".parquet");
    const auto rows =
        scan_compared(std::move(columns), 1, [&](std::size_t) { return opened(record); });
    const auto written =
        options_.parquet->write_parquet(rows, names, std::vector<std::string>(names.size()), path);
    auto bytes = written ? read_file(path, parquet_bytes_max) : Result<std::string>();
    TRY(remove_file(path));
    TRY(written);
    return Made{TRY(std::move(bytes)), "application/vnd.apache.parquet"};
}

Result<Body> Comparisons::table(const ComparisonRecord& record, TableFormat format, Coding coding) {
    const auto make = [&](const RevisionData& data) -> Result<Made> {
        if (format == TableFormat::parquet) return parquet_of(record);
        return comparison_table(record.order, data, *TRY(numbers_of(record)), format);
    };
    const Representation plain{record.order.revision, what_of(record, format), Coding::identity};
    // Parquet is packed within.
    if (coding == Coding::identity || format == TableFormat::parquet)
        return explorer_.answer(plain, make);
    // Packed from what is stored: making it again would cost more.
    return explorer_.answer({plain.revision, plain.what, coding},
                            [&](const RevisionData&) -> Result<Made> {
                                const Body body = TRY(explorer_.answer(plain, make));
                                return Made{TRY(bytes_of(body)), body.media_type};
                            });
}

Result<std::string> ComparisonStage::run(const pipeline::Job& job,
                                         pipeline::StageContext& context) {
    const ComparisonOrder order = TRY(comparison_order_of(job.inputs));
    const expression::Watch watch{
        [&](double done, double total, std::string_view unit) {
            context.progress({"comparing", done, total, std::string(unit)});
        },
        [&] { return context.cancelled(); }};
    const auto record = TRY(comparisons_.run(order, job.id, watch));
    return Json{{"comparison", record.id}}.dump();
}

}  // namespace stroma::explorer
