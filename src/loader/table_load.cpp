#include "loader/table_load.h"

#include <fmt/format.h>

#include <algorithm>
#include <condition_variable>
#include <map>
#include <random>
#include <set>

#include "base/json.h"
#include "base/log.h"
#include "loader/drift.h"
#include "loader/ends.h"
#include "loader/merging.h"
#include "loader/target.h"
#include "redshift/load/loading.h"

namespace stroma::loader {

using redshift::Answer;
using redshift::Failure;

namespace {

constexpr std::int64_t retry_base_ms = 100, retry_most_ms = 30'000, retry_all_ms = 15 * 60'000;

/// What retry_microbatch.handler looks for, and nothing else.
bool is_conflict(const Failure& failure) {
    return failure.sqlstate == "40001" || failure.sqlstate == "40P01" ||
           failure.message.find("erializable isolation violation") != std::string::npos;
}

/// Whether it says nothing of the data: it may go well another time.
bool is_passing(const Failure& failure) {
    const std::string_view kind = std::string_view(failure.sqlstate).substr(0, 2);
    return kind == "57" || kind == "53" || kind == "58" || failure.sqlstate == "55P03";
}

/// Somebody changed an object between our looking and COPY's.
bool is_of_changed_object(const Failure& failure) {
    return failure.message.starts_with("Problem reading manifest") ||
           failure.message.starts_with("Unexpected file size") ||
           failure.message.starts_with("no file of the manifest");
}

Result<void> put_text(redshift::Lake& lake, const catalog::Principal& principal,
                      const redshift::Address& address, std::string_view text) {
    const auto writer = TRY(lake.create(principal, address));
    TRY(writer->write(as_bytes(text)));
    return writer->commit();
}

std::string manifest_text(const std::vector<const StagedFile*>& files) {
    Json entries = Json::array();
    for (const StagedFile* file : files)
        entries.push_back({{"url", file->url()},
                           {"mandatory", true},
                           {"meta", {{"content_length", file->bytes}}}});
    return Json{{"entries", entries}}.dump(-1, ' ', false, Json::error_handler_t::replace);
}

}  // namespace

LoadCounts& LoadCounts::operator+=(const LoadCounts& other) {
    files += other.files;
    bytes += other.bytes;
    read += other.read;
    inserted += other.inserted;
    updated += other.updated;
    merged += other.merged;
    late += other.late;
    rejected += other.rejected;
    return *this;
}

LoadOrder order_of(const LoaderConfig& config) {
    LoadOrder order;
    order.table = config.table;
    order.source = "queue " + config.name;
    order.manifest_bucket = config.manifest_bucket;
    order.manifest_prefix = config.manifest_prefix;
    order.copy_options = config.copy_options;
    order.role = config.role;
    order.cluster = config.cluster;
    order.database = config.database;
    order.merge = config.merge;
    order.drift = config.drift;
    order.owner = config.owner;
    // A row is asked whose it is while the rows of one object alone are there.
    order.batch_files = config.owner.column.empty() ? config.batch_files : 1;
    order.batch_bytes = config.batch_bytes;
    order.attempts = config.attempts;
    return order;
}

/// One run: files in pieces, each a transaction.
class TableLoad::Unit {
public:
    Unit(LoadParts& parts, TargetSession& session, const LoadOrder& order,
         redshift::TableName& table, std::vector<std::string>& told, LoadReport& report,
         std::stop_token stop)
        : parts_(parts),
          session_(session),
          order_(order),
          table_(table),
          told_(told),
          report_(report),
          stop_(std::move(stop)) {}

    Result<void> run(const std::vector<Notice>& notices);

private:
    /// Why a transaction failed.
    enum class Blame { other, data, change };

    Result<std::optional<StagedFile>> look(const Notice& notice);
    Result<void> load_some(std::vector<StagedFile> files);
    Result<void> failed(std::vector<StagedFile> files, const Failure& failure);
    Answer<void> transact(std::vector<StagedFile>& files);
    Answer<void> inside(std::vector<StagedFile>& files);
    Answer<std::set<std::string>> known(const std::vector<StagedFile>& files);
    Answer<void> leave_out_known(std::vector<StagedFile>& files);
    Answer<void> replace();
    Answer<void> check_owner(const StagedFile& file);
    Answer<void> copy_group(const std::string& columns, std::vector<StagedFile*>& files, int group);
    Answer<std::map<std::string, std::vector<StagedFile*>>> grouped(std::vector<StagedFile>& files);
    Answer<void> add_columns(const std::vector<FileShape::Column>& columns);
    Answer<std::optional<std::string>> newest_event();
    Answer<void> note(const std::vector<StagedFile>& files, const LoadCounts& counts);
    Result<void> note_missing(const std::vector<StagedFile>& missing);
    Answer<void> step(std::string_view name) {
        return parts_.at_step ? parts_.at_step(name) : Answer<void>{};
    }
    StatementEnd end_of(std::string_view state, const std::string& error, std::int64_t rows) const;
    bool tell(std::string_view state, const std::string& error, std::int64_t rows);
    Answer<void> note_end(const LoadCounts& counts);
    Result<void> pause(std::int64_t& last_ms, std::int64_t begun_ms);

    LoadParts& parts_;
    TargetSession& session_;
    const LoadOrder& order_;
    redshift::TableName& table_;  ///< as it was found before; no name yet
    std::vector<std::string>& told_;
    LoadReport& report_;
    std::stop_token stop_;
    Target target_;
    std::string id_, name_, manifest_;
    std::vector<ObjectOutcome> known_;  ///< of the transaction that runs
    LoadCounts counts_;
    int attempt_ = 1;
    Blame blame_ = Blame::other;
    std::string blamed_;  ///< url of the file, where it is known
};

Result<std::optional<StagedFile>> TableLoad::Unit::look(const Notice& notice) {
    const auto object =
        parts_.engine.options().lake->open(order_.principal, {notice.bucket, notice.key});
    if (object)
        return StagedFile{notice, (*object)->object().etag, (*object)->object().size,
                          (*object)->object().modified_ms, 0};
    const Error& error = object.error();
    if (error.code == ErrorCode::not_found) return std::nullopt;
    if (error.code != ErrorCode::denied) return fail(error);
    report_.objects.push_back({notice, ObjectState::refused, notice.etag, error.message});
    return std::nullopt;
}

Result<void> TableLoad::Unit::run(const std::vector<Notice>& notices) {
    std::vector<StagedFile> files, missing;
    std::set<std::string> seen;
    for (const Notice& notice : notices) {
        if (!seen.insert(notice.bucket + "/" + notice.key).second) continue;
        // Ours, written where objects are told of.
        const bool is_manifest = notice.bucket == order_.manifest_bucket &&
                                 notice.key.starts_with(order_.manifest_prefix);
        const bool is_folder = notice.key.ends_with('/');
        if (is_manifest || is_folder) {
            report_.objects.push_back({notice, ObjectState::known, notice.etag, ""});
            continue;
        }
        const auto refused = report_.objects.size();
        if (auto file = TRY(look(notice)))
            files.push_back(std::move(*file));
        else if (report_.objects.size() == refused)
            missing.push_back({notice, notice.etag, 0, 0, 0});
    }
    if (!missing.empty()) TRY(note_missing(missing));
    std::sort(files.begin(), files.end(), [](const StagedFile& a, const StagedFile& b) {
        return std::tie(a.modified_ms, a.notice.key) < std::tie(b.modified_ms, b.notice.key);
    });
    if (order_.replaces) return load_some(std::move(files));  // as one
    for (std::size_t at = 0; at < files.size();) {
        std::vector<StagedFile> piece;
        std::uint64_t bytes = 0;
        for (; at < files.size() && piece.size() < order_.batch_files &&
               (piece.empty() || bytes + files[at].bytes <= order_.batch_bytes);
             ++at) {
            bytes += files[at].bytes;
            piece.push_back(files[at]);
        }
        TRY(load_some(std::move(piece)));
    }
    return {};
}

Result<void> TableLoad::Unit::pause(std::int64_t& last_ms, std::int64_t begun_ms) {
    if (attempt_ >= order_.attempts || parts_.clock.steady_ms() - begun_ms > retry_all_ms)
        return fail(ErrorCode::conflict,
                    fmt::format("{}: still a serializable isolation violation after {} attempts",
                                order_.table, attempt_));
    ++attempt_;
    ++report_.retries;
    // Decorrelated jitter.
    static thread_local std::minstd_rand random{std::random_device{}()};
    last_ms = std::min(retry_most_ms, std::uniform_int_distribution<std::int64_t>(
                                          retry_base_ms, last_ms * 3)(random));
    std::mutex mutex;
    std::condition_variable_any wakes;
    std::unique_lock lock(mutex);
    wakes.wait_for(lock, stop_, Milliseconds{last_ms}, [] { return false; });
    if (stop_.stop_requested()) return fail(ErrorCode::cancelled, "the loader was stopped");
    return {};
}

Result<void> TableLoad::Unit::load_some(std::vector<StagedFile> files) {
    std::int64_t last_ms = retry_base_ms;
    const std::int64_t begun_ms = parts_.clock.steady_ms();
    attempt_ = 1;
    id_.clear();
    for (;;) {
        if (stop_.stop_requested()) return fail(ErrorCode::cancelled, "the loader was stopped");
        name_ = attempt_ == 1 ? "" : fmt::format("{}/retry/{}", order_.database, id_);
        id_ = parts_.ids.uuid();
        if (name_.empty()) name_ = fmt::format("{}/{}/{}", order_.database, order_.table, id_);
        std::vector<StagedFile> tried = files;
        const auto done = transact(tried);
        if (done) return {};
        session_.roll_back();
        const Failure& failure = done.error();
        const bool is_change = blame_ == Blame::change || is_of_changed_object(failure);
        if (!is_conflict(failure) && !is_change) return failed(std::move(files), failure);
        if (!is_change) {
            log(LogLevel::info, "a load is tried again",
                {{"table", order_.table}, {"statement", name_}, {"error", failure.message}});
        } else {
            std::vector<Notice> again;
            for (const StagedFile& file : files) again.push_back(file.notice);
            files.clear();
            std::vector<StagedFile> missing;
            for (const Notice& notice : again) {
                if (auto file = TRY(look(notice)))
                    files.push_back(std::move(*file));
                else
                    missing.push_back({notice, notice.etag, 0, 0, 0});
            }
            if (!missing.empty()) TRY(note_missing(missing));
            if (files.empty() && !order_.replaces) return {};
        }
        if (auto paused = pause(last_ms, begun_ms); !paused) {
            if (paused.error().code == ErrorCode::conflict) tell("FAILED", failure.message, 0);
            return paused;
        }
    }
}

// The file that is to blame goes; where that isn't known, halves are tried on their own.
Result<void> TableLoad::Unit::failed(std::vector<StagedFile> files, const Failure& failure) {
    tell("FAILED", failure.message, 0);
    if (blame_ != Blame::data || is_passing(failure))
        return fail(redshift::error_of(failure).with(order_.table));
    if (order_.replaces)
        return fail(ErrorCode::invalid_input,
                    fmt::format("{}: {} {}", order_.table, failure.message, failure.detail));
    const auto refuse = [&](const StagedFile& file) {
        const std::string reason =
            failure.detail.empty() ? failure.message : failure.message + " " + failure.detail;
        report_.objects.push_back({file.notice, ObjectState::refused, file.etag, reason});
    };
    const auto blamed = std::find_if(files.begin(), files.end(), [&](const StagedFile& file) {
        return file.url() == blamed_ || failure.detail.starts_with(file.url() + ", line ");
    });
    if (blamed != files.end() || files.size() == 1) {
        const auto at = blamed != files.end() ? blamed : files.begin();
        refuse(*at);
        files.erase(at);
        return files.empty() ? Result<void>{} : load_some(std::move(files));
    }
    const auto middle = files.begin() + static_cast<std::ptrdiff_t>(files.size() / 2);
    std::vector<StagedFile> first(files.begin(), middle), second(middle, files.end());
    TRY(load_some(std::move(first)));
    return load_some(std::move(second));
}

Answer<void> TableLoad::Unit::transact(std::vector<StagedFile>& files) {
    blame_ = Blame::other;
    blamed_.clear();
    known_.clear();
    counts_ = {};
    manifest_.clear();
    TRY(session_.begin(name_));
    TRY(inside(files));
    TRY(step("commit"));
    TRY(session_.commit());
    for (ObjectOutcome& outcome : known_) report_.objects.push_back(std::move(outcome));
    for (const StagedFile& file : files)
        report_.objects.push_back({file.notice, ObjectState::loaded, file.etag, ""});
    if (!files.empty()) {
        ++report_.loads;
        report_.counts += counts_;
    }
    TRY(step("committed"));
    if (!files.empty()) {
        told_.clear();  // their lines went with the transaction
        if (tell("FINISHED", "", counts_.inserted + counts_.updated)) told_.push_back(id_);
    }
    return {};
}

Answer<void> TableLoad::Unit::inside(std::vector<StagedFile>& files) {
    if (table_.name.empty()) table_ = TRY(session_.find(order_.table, order_.merge)).table;
    // A session forgets a cancel that came between two of its statements, and may wait for the lock
    // for as long as somebody likes.
    if (stop_.stop_requested()) return redshift::refuse("57014", "the loader was stopped");
    // The lock before the snapshot: whoever writes the table is waited for, and seen.
    TRY(session_.lock(table_));
    TRY(step("locked"));
    target_ = TRY(session_.find(order_.table, order_.merge));
    if (target_.table.key() != table_.key()) {
        table_ = {};
        return redshift::refuse("40001", order_.table + " is another table by now");
    }
    if (order_.replaces) {
        TRY(replace());
    } else {
        TRY(leave_out_known(files));
    }
    if (files.empty()) return {};
    for (std::size_t at = 0; at < files.size(); ++at)
        files[at].number = static_cast<std::int64_t>(at);
    auto groups = TRY(grouped(files));
    TRY(session_.make_staging(target_));
    int group = 0;
    for (auto& [columns, members] : groups) TRY(copy_group(columns, members, group++));
    TRY(step("copied"));
    if (!order_.owner.column.empty()) TRY(check_owner(files.front()));
    const auto merged = Merging(session_, target_, order_.merge, files,
                                iso_time(parts_.clock.unix_ms()).substr(0, 23))
                            .run();
    if (!merged) {
        // A table that refuses a row: its file goes aside as one that can't be read.
        const bool is_refusal = merged.error().message.find("violates ") != std::string::npos;
        if (session_.dialect().keeps_keys && is_refusal) blame_ = Blame::data;
        return fail(merged.error());
    }
    counts_ = *merged;
    counts_.files = static_cast<std::int64_t>(files.size());
    for (const StagedFile& file : files) counts_.bytes += static_cast<std::int64_t>(file.bytes);
    TRY(step("merged"));
    TRY(note(files, counts_));
    TRY(note_end(counts_));
    TRY(session_.change("DROP TABLE " + target_.staging));
    return {};
}

Answer<std::set<std::string>> TableLoad::Unit::known(const std::vector<StagedFile>& files) {
    std::string marks;
    std::vector<sql::Value> values = {target_.table.key()};
    for (const StagedFile& file : files) {
        marks += marks.empty() ? "?" : ", ?";
        values.emplace_back(file.notice.key);
    }
    const auto rows = TRY(session_.query(
        fmt::format("SELECT bucket, \"key\", etag FROM stroma_system.load_ledger WHERE target = ? "
                    "AND status = 'loaded' AND \"key\" IN ({})",
                    marks),
        values));
    std::set<std::string> found;
    while (TRY(rows->next()))
        found.insert(rows->text(0) + "/" + rows->text(1) + "#" + rows->text(2));
    return found;
}

Answer<void> TableLoad::Unit::leave_out_known(std::vector<StagedFile>& files) {
    if (files.empty()) return {};
    const auto found = TRY(known(files));
    std::erase_if(files, [&](const StagedFile& file) {
        if (!found.contains(file.notice.bucket + "/" + file.notice.key + "#" + file.etag))
            return false;
        known_.push_back({file.notice, ObjectState::known, file.etag, ""});
        return true;
    });
    return {};
}

Answer<void> TableLoad::Unit::replace() {
    std::string condition;
    std::vector<sql::Value> values;
    for (const auto& [name, value] : order_.partition) {
        const auto* column = target_.column(name);
        if (column == nullptr)
            return redshift::refuse(
                "42703", fmt::format("table {} has no column \"{}\"", target_.table.key(), name));
        condition += fmt::format("{}{} = CAST(? AS {})", condition.empty() ? " WHERE " : " AND ",
                                 redshift::quoted_name(column->name), column->sql_type);
        values.emplace_back(value);
    }
    TRY(session_.change("DELETE FROM " + target_.table.sql() + condition, values));
    const auto path = TRY(redshift::parse_address(order_.replaced_path));
    TRY(
        session_.change("DELETE FROM stroma_system.load_ledger WHERE target = ? AND bucket = ? AND "
                        "starts_with(\"key\", ?)",
                        std::vector<sql::Value>{target_.table.key(), path.bucket, path.key}));
    return {};
}

// One row of somebody else's, and the whole object is refused.
Answer<void> TableLoad::Unit::check_owner(const StagedFile& file) {
    const auto* column = target_.column(order_.owner.column);
    if (column == nullptr)
        return redshift::refuse("42703", fmt::format("table {} has no column \"{}\"",
                                                     target_.table.key(), order_.owner.column));
    blame_ = Blame::data;
    const auto owner = order_.owner.of(file.notice.key);
    if (!owner)
        return redshift::refuse("22023", fmt::format("{}: the key isn't like {}, which says whose "
                                                     "rows an object holds",
                                                     file.url(), order_.owner.pattern));
    const std::string value =
        fmt::format("CAST({} AS {})", redshift::quoted_name(column->name), session_.dialect().text);
    const auto rows = TRY(session_.query(
        fmt::format("SELECT count(*), min({0}) FROM {1} WHERE {0} IS NULL OR {0} <> ?", value,
                    target_.staging),
        std::vector<sql::Value>{*owner}));
    if (TRY(rows->next()) && rows->integer(0) > 0) {
        const std::string found = rows->is_null(1) ? "null" : "'" + rows->text(1) + "'";
        return redshift::refuse(
            "23514", fmt::format("{}: {} of its rows aren't of {} '{}' but of {}", file.url(),
                                 rows->integer(0), column->name, *owner, found));
    }
    blame_ = Blame::other;
    return {};
}

Answer<void> TableLoad::Unit::add_columns(const std::vector<FileShape::Column>& columns) {
    for (const auto& column : columns) {
        TRY(session_.add_column(target_, redshift::lower_of(column.name), column.type));
        TRY(session_.change(
            "INSERT INTO stroma_system.schema_history VALUES (?, ?, ?, ?, CAST(? AS TIMESTAMP))",
            std::vector<sql::Value>{target_.table.key(), column.name, column.type, id_,
                                    iso_time(parts_.clock.unix_ms()).substr(0, 23)}));
    }
    if (!columns.empty()) target_ = TRY(session_.find(order_.table, order_.merge));
    return {};
}

/// Files by the list of columns that COPY gets for them.
Answer<std::map<std::string, std::vector<StagedFile*>>> TableLoad::Unit::grouped(
    std::vector<StagedFile>& files) {
    std::map<std::string, std::vector<StagedFile*>> groups;
    if (order_.drift == DriftPolicy::ignore) {
        for (StagedFile& file : files) groups[""].push_back(&file);
        return groups;
    }
    const auto tokens = TRY(redshift::tokens_of(
        copy_statement(target_.staging, "", "s3://b/m", order_.role, order_.copy_options)));
    const auto options = TRY(redshift::read_copy(tokens)).options;
    for (StagedFile& file : files) {
        blame_ = Blame::data;
        blamed_ = file.url();
        const auto shape = TRY(shape_of(session_.reader(), file, options, order_.principal));
        const auto unknown = unknown_columns(target_, shape);
        if (!unknown.empty() && order_.drift != DriftPolicy::add_column) {
            if (order_.drift == DriftPolicy::fail) blame_ = Blame::other;
            return redshift::refuse(
                "42703", fmt::format("{} has the column \"{}\", which table {} lacks; add it, or "
                                     "set drift to add_column",
                                     file.url(), unknown.front().name, target_.table.key()));
        }
        TRY(add_columns(unknown));
        groups[copied_columns(target_, shape)].push_back(&file);
        blame_ = Blame::other;
        blamed_.clear();
    }
    return groups;
}

Answer<void> TableLoad::Unit::copy_group(const std::string& columns,
                                         std::vector<StagedFile*>& files, int group) {
    const std::string key =
        fmt::format("{}{}_{}{}", order_.manifest_prefix, id_, parts_.clock.unix_ms(),
                    group == 0 ? "" : "_" + std::to_string(group));
    const redshift::Address address{order_.manifest_bucket, key};
    auto& lake = *parts_.engine.options().lake;
    TRY(step("manifest"));
    TRY(put_text(lake, order_.principal, address, manifest_text({files.begin(), files.end()})));
    manifest_ += (manifest_.empty() ? "" : " ") + address.url();
    blame_ = Blame::data;
    StagingCopy copy;
    copy.statement =
        copy_statement(target_.staging, columns, address.url(), order_.role, order_.copy_options);
    copy.files = files;
    if (auto copied = session_.copy(target_, copy); !copied) {
        if (!copy.changed.empty()) blame_ = Blame::change;
        return copied;
    }
    blame_ = Blame::other;
    return {};
}

/// The greatest timestamp of the batch, where its column holds times.
Answer<std::optional<std::string>> TableLoad::Unit::newest_event() {
    if (order_.merge.timestamp.empty()) return std::nullopt;
    const auto* column = target_.column(order_.merge.timestamp);
    const std::string& type = column->engine_type;
    const bool is_time = type.starts_with("TIMESTAMP") || type == "DATE";
    if (!is_time && type != "VARCHAR") return std::nullopt;
    const auto newest = TRY(session_.first_row(
        fmt::format("SELECT CAST(max({}) AS {}) FROM {}", redshift::quoted_name(column->name),
                    session_.dialect().text, target_.staging)));
    // A text may say anything.
    if (newest[0] && (is_time || time_of(*newest[0]) > 0)) return newest[0]->substr(0, 23);
    return std::nullopt;
}

Answer<void> TableLoad::Unit::note(const std::vector<StagedFile>& files, const LoadCounts& counts) {
    const std::string now = iso_time(parts_.clock.unix_ms()).substr(0, 23);
    std::int64_t told_ms = parts_.clock.unix_ms();
    const auto newest = TRY(newest_event());
    const sql::Value event_time = newest ? sql::Value{*newest} : sql::Value{};
    std::vector<std::vector<sql::Value>> lines;
    for (const StagedFile& file : files) {
        if (file.notice.time_ms > 0) told_ms = std::min(told_ms, file.notice.time_ms);
        lines.push_back({id_, target_.table.key(), file.notice.bucket, file.notice.key, file.etag,
                         static_cast<std::int64_t>(file.bytes), file.rows, manifest_, name_,
                         std::string("loaded"), std::int64_t{attempt_}, event_time, now});
    }
    TRY(session_.put_rows("stroma_system.load_ledger", lines));
    TRY(session_.change(
        "INSERT INTO stroma_system.loads VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, "
        "CAST(? AS TIMESTAMP), CAST(? AS TIMESTAMP), CAST(? AS TIMESTAMP))",
        std::vector<sql::Value>{
            id_, name_, target_.table.key(), order_.source, manifest_, std::int64_t{attempt_},
            counts.files, counts.bytes, counts.read, counts.inserted, counts.updated, counts.merged,
            counts.late, counts.rejected, event_time, iso_time(told_ms).substr(0, 23), now}));
    return {};
}

Result<void> TableLoad::Unit::note_missing(const std::vector<StagedFile>& missing) {
    const auto noted = [&]() -> Answer<void> {
        const auto target = TRY(session_.find(order_.table, order_.merge));
        for (const StagedFile& file : missing) {
            const std::vector<sql::Value> values = {target.table.key(), file.notice.bucket,
                                                    file.notice.key, file.etag,
                                                    iso_time(parts_.clock.unix_ms()).substr(0, 23)};
            TRY(session_.change(
                "INSERT INTO stroma_system.load_ledger SELECT '', $1, $2, $3, $4, 0, 0, NULL, "
                "NULL, 'missing', 1, NULL, CAST($5 AS TIMESTAMP) WHERE NOT EXISTS (SELECT 1 FROM "
                "stroma_system.load_ledger WHERE target = $1 AND bucket = $2 AND \"key\" = $3 AND "
                "etag = $4)",
                values));
            report_.objects.push_back(
                {file.notice, ObjectState::missing, file.etag, "the object isn't there any more"});
        }
        return {};
    };
    const auto done = noted();
    if (!done) return fail(redshift::error_of(done.error()).with(order_.table));
    return {};
}

StatementEnd TableLoad::Unit::end_of(std::string_view state, const std::string& error,
                                     std::int64_t rows) const {
    return {name_, id_, std::string(state), error, order_.cluster, order_.database, rows};
}

bool TableLoad::Unit::tell(std::string_view state, const std::string& error, std::int64_t rows) {
    if (!parts_.tell) return true;
    const auto told = parts_.tell(end_of(state, error, rows));
    if (!told)
        log(LogLevel::warning, "a load's end can't be told",
            {{"statement", name_}, {"error", told.error().message}});
    return told.has_value();
}

// Told after the commit; whoever dies between finds it at his next start.
Answer<void> TableLoad::Unit::note_end(const LoadCounts& counts) {
    if (!parts_.tell) return {};
    std::string marks;
    std::vector<sql::Value> values;
    for (const std::string& id : told_) {
        marks += marks.empty() ? "?" : ", ?";
        values.emplace_back(id);
    }
    if (!values.empty())
        TRY(session_.change(
            fmt::format("DELETE FROM stroma_system.load_ends WHERE load_id IN ({})", marks),
            values));
    TRY(session_.change(
        "INSERT INTO stroma_system.load_ends VALUES (?, ?, ?)",
        std::vector<sql::Value>{
            id_, parts_.teller,
            text_of_end(end_of("FINISHED", "", counts.inserted + counts.updated))}));
    return {};
}

TableLoad::TableLoad(LoadParts parts) : parts_(std::move(parts)) {}

TableLoad::~TableLoad() {
    if (told_.empty()) return;
    if (const auto gone = forget_ends(parts_.ledger(), told_); !gone)
        log(LogLevel::warning, "ends of loads will be told again",
            {{"error", gone.error().message}});
}

Result<TargetSession*> TableLoad::session(const catalog::Principal& principal) {
    const std::lock_guard lock(mutex_);
    if (session_ != nullptr && principal_ == principal.id) return session_.get();
    redshift::SessionOptions options;
    options.principal = principal;
    options.user = principal.name.empty() ? "loader" : principal.name;
    options.application = "stroma loader";
    options.by_site = true;  // which table is loaded is its configuration's to say
    auto engine = TRY(parts_.engine.connect(std::move(options)));
    const OtherDatabase& elsewhere = parts_.elsewhere;
    session_ = elsewhere.database == nullptr
                   ? engine_target(std::move(engine))
                   : server_target(*elsewhere.database, *elsewhere.dialect, std::move(engine));
    principal_ = principal.id;
    return session_.get();
}

void TableLoad::cancel() {
    const std::lock_guard lock(mutex_);
    if (session_ != nullptr) session_->cancel();
}

Result<std::string> TableLoad::target_of(const catalog::Principal& principal,
                                         const std::string& table) {
    auto* const opened = TRY(session(principal));
    const auto target = opened->find(table, {});
    if (!target) return fail(redshift::error_of(target.error()));
    return target->table.key();
}

Result<LoadReport> TableLoad::run(const LoadOrder& order, const std::vector<Notice>& notices,
                                  std::stop_token stop) {
    if (parts_.engine.options().lake == nullptr)
        return fail(ErrorCode::unsupported, "no buckets are served here, so nothing can be loaded");
    auto* const opened = TRY(session(order.principal));
    LoadReport report;
    Unit unit(parts_, *opened, order, tables_[order.table], told_, report, std::move(stop));
    const auto done = unit.run(notices);
    opened->roll_back();
    if (!done) return fail(done.error());
    return report;
}

}  // namespace stroma::loader
