#include <fmt/format.h>

#include <algorithm>
#include <condition_variable>
#include <deque>
#include <map>
#include <mutex>
#include <set>
#include <thread>

#include "base/json.h"
#include "base/threads.h"
#include "redshift/load/byte_source.h"
#include "redshift/load/loading.h"
#include "redshift/load/row_text.h"
#include "redshift/load/staging.h"
#include "redshift/rights.h"
#include "redshift/spectrum/external_table.h"

namespace stroma::redshift {
namespace {

struct Unloaded {
    std::string url;
    std::uint64_t bytes = 0;
    std::int64_t rows = 0;
};

constexpr std::int64_t rows_a_turn = 10'000;
constexpr std::size_t slices_min = 2;  ///< as a cluster of one node has

/// Files that are packed and put beside the one that makes their text: by so many threads, and so
/// many wait at most.
class PartQueue {
public:
    struct Part {
        std::string name, text;
        std::int64_t rows = 0;
    };
    using Work = std::function<Answer<void>(const Part&)>;
    PartQueue(std::size_t threads, Work work) : work_(std::move(work)), waiting_max_(threads) {
        for (std::size_t at = 0; at < threads; ++at) threads_.emplace_back([this] { serve(); });
    }
    ~PartQueue() { end(); }
    /// Waits for room. False when one failed: nothing more is wanted.
    bool add(Part part) {
        std::unique_lock lock(mutex_);
        changed_.wait(lock, [this] { return waiting_.size() < waiting_max_ || failed_; });
        if (failed_) return false;
        waiting_.push_back(std::move(part));
        changed_.notify_all();
        return true;
    }
    /// When all are put; the first failure.
    Answer<void> finish() {
        end();
        if (failed_) return fail(std::move(*failed_));
        return {};
    }

private:
    void end() {
        {
            const std::lock_guard lock(mutex_);
            is_over_ = true;
            changed_.notify_all();
        }
        for (std::thread& thread : threads_) thread.join();
        threads_.clear();
    }
    void serve() {
        std::unique_lock lock(mutex_);
        for (;;) {
            changed_.wait(lock, [this] { return is_over_ || failed_ || !waiting_.empty(); });
            if (failed_ || waiting_.empty()) return;
            const Part part = std::move(waiting_.front());
            waiting_.pop_front();
            changed_.notify_all();
            lock.unlock();
            auto done = work_(part);
            lock.lock();
            if (!done && !failed_) failed_ = std::move(done.error());
            if (failed_) changed_.notify_all();
        }
    }

    Work work_;
    std::size_t waiting_max_;
    std::mutex mutex_;
    std::condition_variable changed_;
    std::deque<Part> waiting_;
    std::optional<Failure> failed_;
    bool is_over_ = false;
    std::vector<std::thread> threads_;
};

class Unload {
public:
    Unload(EngineSession& session, CopyStatement statement, std::string file_prefix = {})
        : session_(session),
          statement_(std::move(statement)),
          file_prefix_(std::move(file_prefix)),
          options_(statement_.options),
          lake_(*session.engine().options.lake),
          principal_(session.options().principal) {}

    Answer<std::int64_t> run();
    const std::vector<Unloaded>& made() const { return made_; }

private:
    Answer<void> make_room();
    Answer<void> check(const std::vector<Column>& columns) const;
    Answer<void> clear_folder(const std::string& folder);
    Answer<void> text_files(Cursor& cursor);
    Answer<void> split(Cursor& cursor, PartQueue& queue);
    Answer<void> parquet_files(const std::string& sql);
    Answer<void> manifest(const std::vector<Column>& columns);
    Answer<void> put(const std::string& name, std::string_view bytes, std::int64_t rows);
    Answer<void> put_file(const std::string& name, const fs::path& path, std::int64_t rows);
    std::string extension() const {
        if (!options_.extension.empty()) return "." + options_.extension;
        switch (options_.compression) {
            case Compression::gzip: return ".gz";
            case Compression::zstd: return ".zst";
            case Compression::bzip2: return ".bz2";
            case Compression::none: break;
        }
        return options_.format == CopyFormat::parquet ? ".parquet" : "";
    }
    /// Of a slice's file; without PARALLEL there is one slice, and no more than its numbers.
    std::string part_name(std::size_t slice, std::size_t number) const {
        if (!options_.parallel) return fmt::format("{}{:03}{}", file_prefix_, number, extension());
        return fmt::format("{}{:04}_part_{:02}{}", file_prefix_, slice, number, extension());
    }
    std::size_t slices() const {
        return options_.parallel ? std::max(thread_count(), slices_min) : 1;
    }
    std::string partition_of(const Cursor& cursor, std::vector<bool>& left_out) const;

    EngineSession& session_;
    CopyStatement statement_;
    std::string file_prefix_;
    const CopyOptions& options_;
    Lake& lake_;
    const catalog::Principal& principal_;
    Address prefix_;
    std::vector<Column> columns_;  ///< of the query
    std::mutex mutex_;             ///< of `made_`: files are packed and put by several threads
    std::vector<Unloaded> made_;
    std::int64_t rows_ = 0;
};

Answer<void> Unload::make_room() {
    const auto there = TRY(lake_.list(principal_, prefix_));
    if (there.empty() || options_.allow_overwrite) return {};
    // Of partitions only the folders that get files are cleaned, once they are known.
    if (options_.clean_path && !options_.partition_by.empty()) return {};
    if (!options_.clean_path)
        return refuse("XX000",
                      fmt::format("Specified unload destination on S3 is not empty. Consider "
                                  "using a different bucket / prefix, manually removing the "
                                  "target files in S3, or using the ALLOWOVERWRITE option. "
                                  "({})",
                                  there.front().address.url()));
    for (const LakeObject& object : there) TRY(lake_.remove(principal_, object.address));
    return {};
}

Answer<void> Unload::clear_folder(const std::string& folder) {
    if (!options_.clean_path || folder.empty()) return {};
    const auto there = TRY(lake_.list(principal_, {prefix_.bucket, prefix_.key + folder}));
    for (const LakeObject& object : there) TRY(lake_.remove(principal_, object.address));
    return {};
}

Answer<void> Unload::check(const std::vector<Column>& columns) const {
    std::set<std::string> names;
    bool is_twice = false;
    for (const Column& column : columns) is_twice |= !names.insert(column.name).second;
    for (const std::string& name : options_.partition_by)
        if (!names.contains(name))
            return refuse("42703", fmt::format("partition column \"{}\" does not exist", name));
    if (options_.format == CopyFormat::json && is_twice)
        return refuse("42701", "JSON needs a name of its own for each column of the query");
    if (!options_.include_partitions && !names.empty() &&
        names == std::set<std::string>(options_.partition_by.begin(), options_.partition_by.end()))
        return refuse("22023",
                      "every column is in PARTITION BY: with INCLUDE they stay in the files");
    return {};
}

Answer<void> Unload::put(const std::string& name, std::string_view bytes, std::int64_t rows) {
    const Address address{prefix_.bucket, prefix_.key + name};
    const auto writer = TRY(lake_.create(principal_, address));
    TRY(writer->write(as_bytes(bytes)));
    TRY(writer->commit());
    const std::lock_guard lock(mutex_);
    made_.push_back({address.url(), bytes.size(), rows});
    return {};
}

Answer<void> Unload::put_file(const std::string& name, const fs::path& path, std::int64_t rows) {
    const Address address{prefix_.bucket, prefix_.key + name};
    const auto writer = TRY(lake_.create(principal_, address));
    const auto file = TRY(File::open_to_read(path));
    const std::uint64_t size = TRY(file.size());
    Bytes block(1u << 20);
    for (std::uint64_t at = 0; at < size; at += block.size()) {
        const std::span part(block.data(), std::min<std::uint64_t>(block.size(), size - at));
        TRY(file.read_at(at, part));
        TRY(writer->write(part));
    }
    TRY(writer->commit());
    made_.push_back({address.url(), size, rows});
    return {};
}

std::string Unload::partition_of(const Cursor& cursor, std::vector<bool>& left_out) const {
    std::string path;
    for (const std::string& name : options_.partition_by)
        for (std::size_t at = 0; at < cursor.columns().size(); ++at) {
            if (cursor.columns()[at].name != name) continue;
            if (!options_.include_partitions) left_out[at] = true;
            const sql::Value value = cursor.value(at);
            const bool is_null = std::holds_alternative<std::monostate>(value);
            path += fmt::format("{}={}/", name,
                                is_null ? "__HIVE_DEFAULT_PARTITION__" : redshift::text_of(value));
        }
    return path;
}

Answer<void> Unload::text_files(Cursor& cursor) {
    PartQueue queue(slices(), [this](const PartQueue::Part& part) -> Answer<void> {
        const std::string packed = TRY(compressed(part.text, options_.compression));
        return put(part.name, packed, part.rows);
    });
    TRY(split(cursor, queue));
    TRY(queue.finish());
    std::sort(made_.begin(), made_.end(),
              [](const Unloaded& a, const Unloaded& b) { return a.url < b.url; });
    return {};
}

// Slices take rows in turn, so that each keeps the order of the query.
Answer<void> Unload::split(Cursor& cursor, PartQueue& queue) {
    struct Slice {
        std::string text;
        std::int64_t rows = 0;
        std::size_t number = 0;
    };
    struct Partition {
        std::vector<Slice> slices;
        std::int64_t rows = 0;
    };
    std::map<std::string, Partition> partitions;
    const RowText text(options_, columns_);
    // What is written is kept in memory up to a file's size: smaller files than asked for are fine.
    constexpr std::uint64_t held_max = 32u << 20;
    const std::uint64_t most = std::min(options_.max_file_bytes, held_max);
    std::uint64_t held = 0;
    std::string head, row;
    if (options_.header) {
        const auto& of = options_.partition_by;
        std::vector<bool> unnamed;
        for (const Column& column : columns_)
            unnamed.push_back(!options_.include_partitions &&
                              std::find(of.begin(), of.end(), column.name) != of.end());
        text.header(head, unnamed);
    }
    const auto send = [&](const std::string& folder, Partition& of, Slice& slice) {
        held -= std::min<std::uint64_t>(held, slice.text.size());
        const auto number = static_cast<std::size_t>(&slice - of.slices.data());
        const bool is_taken =
            queue.add({folder + part_name(number, slice.number++),
                       std::exchange(slice.text, std::string()), std::exchange(slice.rows, 0)});
        return is_taken;
    };
    std::vector<bool> left_out;
    while (TRY(cursor.next())) {
        left_out.assign(cursor.columns().size(), false);
        const std::string folder = partition_of(cursor, left_out);
        Partition& of = partitions[folder];
        if (of.slices.empty()) {
            of.slices.resize(slices());
            TRY(clear_folder(folder));
        }
        const std::int64_t turn = of.rows++ / rows_a_turn;
        Slice& slice = of.slices[static_cast<std::size_t>(turn) % of.slices.size()];
        row.clear();
        if (options_.format == CopyFormat::fixed_width)
            TRY(text.fixed(row, cursor, &left_out));
        else
            text.row(row, cursor, &left_out);
        const bool is_full =
            slice.rows > 0 && (slice.text.size() + row.size() > most || held > 4 * held_max);
        if (is_full && !send(folder, of, slice)) return queue.finish();
        if (slice.text.empty()) slice.text = head;
        slice.text += row;
        held += row.size();
        ++slice.rows;
        ++rows_;
    }
    const bool leaves_none = options_.format == CopyFormat::json;
    if (partitions.empty() && !leaves_none) partitions[""].slices.resize(1, {head, 0, 0});
    for (auto& [folder, of] : partitions)
        for (Slice& slice : of.slices) {
            const bool is_only = of.rows == 0;
            if ((slice.rows > 0 || is_only) && !send(folder, of, slice)) return queue.finish();
        }
    return {};
}

// The engine writes a file for each of its threads, or one; where there are partitions, in folders.
Answer<void> Unload::parquet_files(const std::string& sql) {
    Staging staging(session_.engine().staging());
    const fs::path out = staging.folder() / "unloaded";
    std::string partitions, how = "FORMAT parquet";
    for (const std::string& name : options_.partition_by)
        partitions += (partitions.empty() ? "" : ", ") + quoted_name(name);
    if (!partitions.empty())
        how += fmt::format(", PARTITION_BY ({}), WRITE_PARTITION_COLUMNS {}", partitions,
                           options_.include_partitions ? "true" : "false");
    else if (options_.parallel)
        how += fmt::format(", PER_THREAD_OUTPUT true, FILE_SIZE_BYTES {}", options_.max_file_bytes);
    else
        how += fmt::format(", FILE_SIZE_BYTES {}", options_.max_file_bytes);
    rows_ = TRY(
        session_.change(fmt::format("COPY ({}) TO {} ({})", sql, quoted_text(out.string()), how)));
    // Of no rows there is no folder, nor a file in one.
    if (rows_ == 0 && !partitions.empty()) return {};
    std::map<std::string, std::size_t> numbers;
    const auto files = TRY(session_.query(
        fmt::format("SELECT file_name, num_rows FROM parquet_file_metadata({}) ORDER BY ALL",
                    quoted_text((out / "**/*.parquet").string()))));
    while (TRY(files->next())) {
        const fs::path path = files->text(0);
        const std::int64_t rows = files->integer(1);
        const std::string folder =
            partitions.empty() ? "" : path.parent_path().lexically_relative(out).string() + "/";
        const std::size_t number = numbers[folder]++;
        if (number == 0) TRY(clear_folder(folder));
        // A thread that got no rows may have left a file; one file there is in any case.
        if (rows == 0 && number > 0) continue;
        const bool by_slice = options_.parallel && partitions.empty();
        TRY(put_file(folder + (by_slice ? part_name(number, 0) : part_name(0, number)), path,
                     rows));
    }
    return {};
}

Answer<void> Unload::manifest(const std::vector<Column>& columns) {
    Json entries = Json::array();
    for (const Unloaded& file : made_) {
        Json entry = {{"url", file.url}};
        if (options_.manifest_verbose || options_.format == CopyFormat::parquet) {
            entry["meta"] = {{"content_length", file.bytes}};
            if (file.rows >= 0) entry["meta"]["record_count"] = file.rows;
        }
        entries.push_back(std::move(entry));
    }
    Json made = {{"entries", std::move(entries)}};
    if (options_.manifest_verbose) {
        Json elements = Json::array();
        for (const Column& column : columns)
            elements.push_back(
                {{"name", column.name}, {"type", {{"base", lower_of(column.engine_type)}}}});
        made["schema"] = {{"elements", std::move(elements)}};
        made["meta"] = {{"record_count", rows_}};
        made["author"] = {{"name", "Stroma"}};
    }
    const auto kept = made_;
    TRY(put("manifest", made.dump(2), 0));
    made_ = kept;
    return {};
}

Answer<std::int64_t> Unload::run() {
    prefix_ = TRY(parse_address(statement_.source));
    const Statement query = TRY(one_query(statement_.query));
    const auto prepared = TRY(session_.prepare(query, {}));
    const std::string narrowed = TRY(readable(session_, prepared->plan->sql));
    TRY(check(prepared->columns));
    columns_ = prepared->columns;
    if (options_.format == CopyFormat::json) {
        // A SUPER is told as a text by what opens the query.
        const auto told =
            TRY(session_.query("DESCRIBE " + (narrowed.empty() ? prepared->plan->sql : narrowed)));
        for (std::size_t at = 0; at < columns_.size() && TRY(told->next()); ++at)
            columns_[at].engine_type = told->text(1);
    }
    TRY(make_room());
    if (options_.format == CopyFormat::parquet) {
        TRY(parquet_files(narrowed.empty() ? prepared->plan->sql : narrowed));
    } else {
        const auto cursor = TRY(session_.open(*prepared, {}));
        TRY(text_files(*cursor));
    }
    if (options_.manifest) TRY(manifest(prepared->columns));
    for (const Unloaded& file : made_)
        session_.engine().unload_log->add({.query = session_.query_number(),
                                           .path = file.url,
                                           .format = std::string(name_of(options_.format)),
                                           .rows = file.rows,
                                           .bytes = static_cast<std::int64_t>(file.bytes),
                                           .ended_us = session_.engine().now_us()});
    return rows_;
}

}  // namespace

Answer<std::vector<WrittenObject>> unload_objects(EngineSession& session, CopyStatement statement,
                                                  std::string file_prefix) {
    Unload unload(session, std::move(statement), std::move(file_prefix));
    TRY(unload.run());
    std::vector<WrittenObject> objects;
    for (const Unloaded& file : unload.made()) objects.push_back({file.url, file.rows});
    return objects;
}

Answer<std::unique_ptr<Cursor>> run_unload(EngineSession& session, const Prepared& prepared) {
    if (session.engine().options.lake == nullptr)
        return refuse("0A000", "no buckets are served here");
    auto statement = TRY(read_unload(prepared.plan->tokens));
    auto& options = statement.options;
    if (options.compression != Compression::none && options.format == CopyFormat::parquet)
        return refuse("0A000", "PARQUET is compressed by itself");
    if (!options.says_null) options.null_text = "";
    const std::int64_t rows = TRY(Unload(session, std::move(statement)).run());
    session.last_unload_count = rows;
    session.tell({"INFO", "00000",
                  fmt::format("UNLOAD completed, {} record(s) unloaded successfully.", rows)});
    return done(StatementKind::unload, rows);
}

}  // namespace stroma::redshift
