#include "loader/stream_rows.h"

#include <fmt/format.h>

#include <chrono>
#include <deque>

#include "redshift/load/loading.h"
#include "redshift/load/scan_failure.h"
#include "redshift/load/staging.h"

namespace stroma::loader {

using redshift::Answer;
using redshift::ValueKind;

namespace {

constexpr std::size_t rows_at_once = 2048;
constexpr std::int64_t day_us = 86'400'000'000;

std::string date_text(std::int64_t days) {
    const std::chrono::year_month_day date{
        std::chrono::sys_days{std::chrono::days{static_cast<int>(days)}}};
    return fmt::format("{:04}-{:02}-{:02}", static_cast<int>(date.year()),
                       static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()));
}

std::string moment_text(std::int64_t us) {
    std::int64_t days = us / day_us, rest = us % day_us;
    if (rest < 0) {
        --days;
        rest += day_us;
    }
    const std::int64_t seconds = rest / 1'000'000;
    return fmt::format("{} {:02}:{:02}:{:02}.{:06}", date_text(days), seconds / 3600,
                       seconds / 60 % 60, seconds % 60, rest % 1'000'000);
}

/// Rows of a scan, a block at a time.
class Block final : public sql::RowSink {
public:
    explicit Block(const std::vector<redshift::LoadColumn>& columns) : columns_(columns) {
        for (std::size_t at = 0; at < columns.size(); ++at) cells_.emplace_back(rows_at_once);
    }
    std::size_t row_max() const override { return rows_at_once; }
    std::int64_t* integers(std::size_t column) override {
        auto& cells = cells_[column];
        if (cells.integers.empty()) cells.integers.resize(rows_at_once);
        return cells.integers.data();
    }
    double* reals(std::size_t column) override {
        auto& cells = cells_[column];
        if (cells.reals.empty()) cells.reals.resize(rows_at_once);
        return cells.reals.data();
    }
    bool* booleans(std::size_t column) override { return cells_[column].booleans.get(); }
    void set_text(std::size_t column, std::size_t row, std::string_view text) override {
        auto& cells = cells_[column];
        if (cells.texts.empty()) cells.texts.resize(rows_at_once);
        cells.texts[row] = text;
    }
    void set_all_text(std::size_t column, std::string_view text) override {
        cells_[column].texts.assign(rows_at_once, std::string(text));
    }
    void set_null(std::size_t column, std::size_t row) override {
        cells_[column].is_null[row] = true;
    }

    void clear() {
        for (Cells& cells : cells_) cells.is_null.assign(rows_at_once, false);
    }
    sql::Value value(std::size_t column, std::size_t row) const {
        const Cells& cells = cells_[column];
        if (cells.is_null[row]) return {};
        switch (columns_[column].kind) {
            case ValueKind::integer: return cells.integers[row];
            case ValueKind::date: return date_text(cells.integers[row]);
            case ValueKind::timestamp: return moment_text(cells.integers[row]);
            case ValueKind::real: return cells.reals[row];
            case ValueKind::boolean: return cells.booleans[row];
            default: return cells.texts[row];
        }
    }

private:
    struct Cells {
        explicit Cells(std::size_t rows) : booleans(new bool[rows]()), is_null(rows, false) {}
        std::vector<std::int64_t> integers;
        std::vector<double> reals;
        std::unique_ptr<bool[]> booleans;
        std::vector<std::string> texts;
        std::vector<bool> is_null;
    };
    const std::vector<redshift::LoadColumn>& columns_;
    std::deque<Cells> cells_;
};

redshift::Failure load_failure(const redshift::LoadError& error) {
    redshift::Failure failure("XX000", "Load failed: a line was refused");
    failure.detail =
        fmt::format("{}, line {}: {} {}", error.file, error.line, error.code, error.reason);
    return failure;
}

Answer<void> stream_lines(const StreamOrder& order, redshift::LoadFile read, StagedFile& file,
                          sql::Appender& appender, std::vector<redshift::LoadError>& errors) {
    redshift::CopyOptions options = order.options;
    if (options.max_error > errors.size())
        options.max_error -= errors.size();
    else if (!errors.empty())
        options.max_error = 1;
    std::vector<redshift::LoadFile> files;
    files.push_back(std::move(read));
    redshift::LoadScan scan(std::move(files), order.columns, options, order.json_paths);
    std::vector<std::uint32_t> wanted;
    for (std::uint32_t at = 0; at < order.columns.size(); ++at) wanted.push_back(at);
    const auto run = scan.begin();
    const auto feed = TRY(run->start(wanted));
    Block block(order.columns);
    std::vector<sql::Value> row(order.columns.size() + 2);
    file.rows = 0;
    for (;;) {
        block.clear();
        const auto filled = feed->fill(block);
        if (!filled) {
            errors.insert(errors.end(), scan.errors().begin(), scan.errors().end());
            if (scan.has_failed()) return fail(load_failure(scan.errors().back()));
            return fail(redshift::Failure(filled.error()));
        }
        if (*filled == 0) break;
        for (std::size_t at = 0; at < *filled; ++at) {
            for (std::size_t column = 0; column < order.columns.size(); ++column)
                row[column] = block.value(column, at);
            row[order.columns.size()] = file.number;
            row[order.columns.size() + 1] = ++file.rows;
            TRY(appender.append(row));
        }
    }
    errors.insert(errors.end(), scan.errors().begin(), scan.errors().end());
    return {};
}

/// What the engine gives for a column of Parquet, so that a server takes its text.
std::string parquet_value(const std::string& name, const redshift::LoadColumn& column,
                          const std::string& engine_type) {
    if (column.kind == ValueKind::json) return fmt::format("to_json({})::VARCHAR", name);
    if (column.kind == ValueKind::other)
        return engine_type == "BLOB" ? name : fmt::format("{}::VARCHAR", name);
    return fmt::format("CAST({} AS {})", name, engine_type);
}

Answer<void> stream_parquet(redshift::EngineSession& reader, const StreamOrder& order,
                            const redshift::LoadFile& read, StagedFile& file,
                            sql::Appender& appender) {
    redshift::Staging staging(reader.engine().staging());
    const auto path = TRY(staging.take(*read.object));
    const std::string from = fmt::format("read_parquet({})", redshift::quoted_text(path.string()));
    const auto blamed = [&](redshift::Failure failure) {
        failure = redshift::scan_failure(std::move(failure), {{path.string(), file.url()}});
        failure.detail = fmt::format("{}, line 0: ", file.url());
        return tl::unexpected<redshift::Failure>(std::move(failure));
    };
    {
        const auto shape = reader.query("SELECT * FROM " + from + " LIMIT 0");
        if (!shape) return blamed(shape.error());
        const std::size_t has = (*shape)->columns().size();
        if (has != order.columns.size())
            return blamed({"42601", fmt::format("the file has {} columns, the table {}", has,
                                                order.columns.size())});
    }
    std::string names, values;
    for (std::size_t at = 0; at < order.columns.size(); ++at) {
        const std::string name = "c" + std::to_string(at);
        names += (at > 0 ? ", " : "") + name;
        values +=
            (at > 0 ? ", " : "") + parquet_value(name, order.columns[at], order.engine_types[at]);
    }
    const auto rows = reader.query(
        fmt::format("SELECT {} FROM (SELECT * FROM {}) AS loaded({})", values, from, names));
    if (!rows) return blamed(rows.error());
    std::vector<sql::Value> row(order.columns.size() + 2);
    file.rows = 0;
    for (;;) {
        const auto more = (*rows)->next();
        if (!more) return blamed(redshift::Failure(more.error()));
        if (!*more) return {};
        for (std::size_t at = 0; at < order.columns.size(); ++at) row[at] = (*rows)->value(at);
        row[order.columns.size()] = file.number;
        row[order.columns.size() + 1] = ++file.rows;
        TRY(appender.append(row));
    }
}

}  // namespace

Answer<void> stream_file(redshift::EngineSession& reader, const StreamOrder& order,
                         StagedFile& file, sql::Appender& appender, StagingCopy& copy,
                         std::vector<redshift::LoadError>& errors) {
    auto opened = reader.engine().options.lake->open(reader.options().principal,
                                                     {file.notice.bucket, file.notice.key});
    const bool is_other = opened ? (*opened)->object().etag != file.etag
                                 : opened.error().code == ErrorCode::not_found;
    if (is_other) {
        copy.changed = file.url();
        return redshift::refuse("XX000", file.url() + " was overwritten while it was loaded");
    }
    if (!opened) return fail(redshift::Failure(opened.error().with(file.url())));
    auto read = redshift::file_of(std::move(*opened));
    if (order.options.format == redshift::CopyFormat::parquet)
        return stream_parquet(reader, order, read, file, appender);
    return stream_lines(order, std::move(read), file, appender, errors);
}

}  // namespace stroma::loader
