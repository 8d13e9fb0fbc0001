#include "redshift/spectrum/external_scan.h"

#include <fmt/format.h>

#include <algorithm>
#include <atomic>

#include "base/json.h"
#include "redshift/external.h"
#include "redshift/lexer.h"
#include "redshift/load/staging.h"
#include "redshift/spectrum/parquet_parts.h"
#include "redshift/spectrum/row_conditions.h"
#include "sql/value_scan.h"

namespace stroma::redshift {
namespace {

thread_local const catalog::Principal* asking = nullptr;
thread_local std::int64_t asking_query = 0;

sql::Type scan_type(std::string_view engine) {
    if (engine == "SMALLINT" || engine == "INTEGER" || engine == "BIGINT")
        return sql::Type::integer;
    if (engine == "FLOAT" || engine == "DOUBLE") return sql::Type::real;
    return engine == "BOOLEAN" ? sql::Type::boolean : sql::Type::text;
}

class ExternalScan final : public sql::TableScan {
public:
    ExternalScan(ExternalReader reader, ExternalPlace place, catalog::Principal principal,
                 std::int64_t query)
        : reader_(std::move(reader)),
          place_(std::move(place)),
          principal_(std::move(principal)),
          query_(query) {
        const auto conditions = asked_conditions(place_.table);
        for (const auto& [name, type] : place_.columns) {
            shown_.push_back({name, scan_type(type)});
            for (const RowCondition& condition : conditions) {
                if (condition.column != lower_of(name)) continue;
                const std::string one = excludes(condition, type);
                if (!one.empty()) excluded_ += (excluded_.empty() ? "" : " OR ") + one;
            }
        }
    }
    const std::vector<sql::ScanColumn>& columns() const override { return shown_; }
    std::unique_ptr<sql::ScanRun> begin() override;

private:
    class Feed;
    class Run;
    ExternalReader reader_;
    ExternalPlace place_;
    catalog::Principal principal_;
    std::int64_t query_;
    std::vector<sql::ScanColumn> shown_;
    std::string excluded_;  ///< of Parquet's row groups: those that hold no row for the statement
};

/// Reads one object after the other.
class ExternalScan::Feed final : public sql::RowFeed {
public:
    Feed(const ExternalScan& scan, std::shared_ptr<sql::EmbeddedDatabase> database,
         std::vector<LakeObject> objects, std::vector<std::uint32_t> wanted)
        : scan_(scan),
          objects_(std::move(objects)),
          wanted_(std::move(wanted)),
          database_(std::move(database)),
          staging_(scan.reader_.staging) {
        read_.query = scan.query_;
        read_.table = scan.place_.table;
        read_.location = scan.place_.location;
        read_.columns = static_cast<std::int64_t>(wanted_.size());
    }
    ~Feed() override {
        rows_.reset();
        scan_.reader_.reads->add(read_);
    }
    Result<std::size_t> fill(sql::RowSink& sink) override {
        std::size_t filled = 0;
        while (filled < sink.row_max()) {
            if (rows_ == nullptr && !TRY(open_next())) break;
            if (!TRY(rows_->next())) {
                rows_.reset();
                continue;
            }
            for (std::size_t at = 0; at < wanted_.size(); ++at)
                sql::put_value(sink, wanted_[at], filled, rows_->value(at));
            ++filled;
        }
        read_.rows += static_cast<std::int64_t>(filled);
        return filled;
    }

private:
    Result<bool> open_next();
    Result<fs::path> local_copy(const std::shared_ptr<LakeReader>& object);
    Result<std::string> select_of(const fs::path& path);
    std::string rows_of(const std::string& list, const std::string& file) const;

    const ExternalScan& scan_;
    std::vector<LakeObject> objects_;
    std::vector<std::uint32_t> wanted_;
    std::shared_ptr<sql::EmbeddedDatabase> database_;
    Staging staging_;
    ExternalReads::Read read_;
    std::size_t next_ = 0;
    ParquetParts parts_;  ///< what was copied of the object that is read
    std::unique_ptr<sql::Connection> connection_;
    std::unique_ptr<sql::Rows> rows_;
};

// Columns of Parquet are found by name, and of an object that lacks one it is null; in text a value
// that its column can't hold is null.
Result<std::string> ExternalScan::Feed::select_of(const fs::path& path) {
    const ExternalPlace& place = scan_.place_;
    const std::string file = quoted_text(path.string());
    std::string from, list;
    std::vector<std::string> there;
    if (place.format == ExternalFormat::parquet) {
        from = fmt::format("read_parquet({})", file);
        const auto shape = TRY(connection_->execute(fmt::format("SELECT * FROM {} LIMIT 0", from)));
        for (const auto& column : shape->columns()) there.push_back(column.name);
    } else {
        std::string columns;
        for (const auto& [name, type] : place.columns)
            columns +=
                fmt::format("{}{}: 'VARCHAR'", columns.empty() ? "" : ", ", quoted_text(name));
        if (place.format == ExternalFormat::json)
            from = fmt::format(
                "read_json({}, columns = {{{}}}, format = 'newline_delimited', compression = {})",
                file, columns, place.is_gzip ? "'gzip'" : "'uncompressed'");
        else
            from = fmt::format(
                "read_csv({}, columns = {{{}}}, auto_detect = false, header = false, skip = {}, "
                "delim = {}, quote = {}, escape = {}, nullstr = {}, null_padding = true, "
                "strict_mode = false, parallel = false, compression = {})",
                file, columns, place.skipped_lines, quoted_text(place.delimiter),
                quoted_text(place.quote), quoted_text(place.escape), quoted_text(place.null_text),
                place.is_gzip ? "'gzip'" : "'none'");
    }
    for (const std::uint32_t column : wanted_) {
        const auto& [name, type] = place.columns[column];
        std::string written = quoted_name(name);
        const bool is_parquet = place.format == ExternalFormat::parquet;
        if (is_parquet) {
            const auto found = std::find_if(
                there.begin(), there.end(),
                [lowered = lower_of(name)](const auto& each) { return lower_of(each) == lowered; });
            written = found == there.end() ? "NULL" : quoted_name(*found);
        }
        list += fmt::format("{}{}({} AS {})", list.empty() ? "" : ", ",
                            is_parquet ? "CAST" : "TRY_CAST", written, type);
    }
    if (list.empty()) list = "1";
    if (!parts_.is_whole) return rows_of(list, file);
    return fmt::format("SELECT {} FROM {}", list, from);
}

// The engine leaves out row groups by the numbers of their rows, and so never looks into the holes.
std::string ExternalScan::Feed::rows_of(const std::string& list, const std::string& file) const {
    std::string all;
    for (const auto& [first, behind] : parts_.rows)
        all += fmt::format(
            "{}SELECT {} FROM read_parquet({}, file_row_number = true) WHERE file_row_number >= {} "
            "AND file_row_number < {}",
            all.empty() ? "" : " UNION ALL ", list, file, first, behind);
    return all.empty() ? fmt::format("SELECT {} FROM read_parquet({}) LIMIT 0", list, file) : all;
}

Result<fs::path> ExternalScan::Feed::local_copy(const std::shared_ptr<LakeReader>& object) {
    if (scan_.place_.format != ExternalFormat::parquet) {
        read_.bytes += static_cast<std::int64_t>(object->object().size);
        return staging_.take(*object);
    }
    std::vector<std::string> columns;
    for (const std::uint32_t column : wanted_)
        columns.push_back(scan_.place_.columns[column].first);
    fs::path path = staging_.next_path();
    parts_ = TRY(copy_parquet_parts(*object, columns, scan_.excluded_, *connection_, path));
    read_.bytes += static_cast<std::int64_t>(parts_.bytes);
    return path;
}

Result<bool> ExternalScan::Feed::open_next() {
    if (next_ == objects_.size()) return false;
    const LakeObject& object = objects_[next_++];
    auto opened = scan_.reader_.lake->open(scan_.principal_, object.address);
    if (!opened && opened.error().code == ErrorCode::not_found) return open_next();
    std::shared_ptr<LakeReader> reader = TRY(std::move(opened));
    if (connection_ == nullptr) connection_ = TRY(database_->connect());
    const fs::path path = TRY_WITH(local_copy(reader), object.address.url());
    read_.files += 1;
    const std::string select = TRY_WITH(select_of(path), object.address.url());
    rows_ = TRY_WITH(connection_->execute(select), object.address.url());
    // The engine has it open, or read.
    return true;
}

class ExternalScan::Run final : public sql::ScanRun {
public:
    explicit Run(const ExternalScan& scan) : scan_(scan) {}
    Result<std::unique_ptr<sql::RowFeed>> start(std::span<const std::uint32_t> wanted) override {
        const auto database = scan_.reader_.database.lock();
        if (database == nullptr)
            return fail(ErrorCode::unavailable, "the database is being closed");
        const auto address = parse_address(scan_.place_.location);
        if (!address) return fail(error_of(address.error()));
        std::vector<LakeObject> objects;
        for (LakeObject& object : TRY(scan_.reader_.lake->list(scan_.principal_, *address))) {
            // As elsewhere, names that begin with these marks are for those who write.
            const std::string& key = object.address.key;
            const std::string name = key.substr(key.rfind('/') + 1);
            if (name.empty() || name.starts_with('_') || name.starts_with('.')) continue;
            objects.push_back(std::move(object));
        }
        return std::make_unique<Feed>(scan_, database, std::move(objects),
                                      std::vector<std::uint32_t>(wanted.begin(), wanted.end()));
    }

private:
    const ExternalScan& scan_;
};

std::unique_ptr<sql::ScanRun> ExternalScan::begin() { return std::make_unique<Run>(*this); }

constexpr std::string_view format_names[] = {"parquet", "csv", "json"};

}  // namespace

std::string ExternalPlace::text() const {
    Json listed = Json::array();
    for (const auto& [name, type] : columns) listed.push_back(Json::array({name, type}));
    return Json{{"table", table},
                {"location", location},
                {"format", format_names[static_cast<std::size_t>(format)]},
                {"columns", std::move(listed)},
                {"delimiter", delimiter},
                {"quote", quote},
                {"escape", escape},
                {"null", null_text},
                {"skip", skipped_lines},
                {"gzip", is_gzip}}
        .dump();
}

Result<ExternalPlace> ExternalPlace::from(std::string_view text) {
    const Json json = TRY(parse_json(text));
    ExternalPlace place;
    place.table = json.value("table", std::string());
    place.location = json.value("location", std::string());
    const std::string format = json.value("format", std::string());
    for (std::size_t at = 0; at < 3; ++at)
        if (format_names[at] == format) place.format = static_cast<ExternalFormat>(at);
    for (const Json& column : json.value("columns", Json::array()))
        place.columns.emplace_back(column.at(0).get<std::string>(),
                                   column.at(1).get<std::string>());
    place.delimiter = json.value("delimiter", place.delimiter);
    place.quote = json.value("quote", place.quote);
    place.escape = json.value("escape", place.escape);
    place.null_text = json.value("null", place.null_text);
    place.skipped_lines = json.value("skip", place.skipped_lines);
    place.is_gzip = json.value("gzip", false);
    return place;
}

void ExternalReads::add(Read read) {
    const std::lock_guard lock(mutex_);
    reads_.push_back(std::move(read));
    if (reads_.size() > kept_max) reads_.pop_front();
}

std::shared_ptr<sql::TableScan> ExternalReads::scan() const {
    const std::lock_guard lock(mutex_);
    std::vector<std::vector<sql::Value>> rows;
    for (const Read& read : reads_)
        rows.push_back({read.query, read.table, read.location, std::int64_t{read.files},
                        std::int64_t{read.bytes}, std::int64_t{read.rows},
                        std::int64_t{read.columns}});
    return sql::scan_of({{"query", sql::Type::integer},
                         {"external_table_name", sql::Type::text},
                         {"location", sql::Type::text},
                         {"files", sql::Type::integer},
                         {"s3_scanned_bytes", sql::Type::integer},
                         {"s3_scanned_rows", sql::Type::integer},
                         {"columns", sql::Type::integer}},
                        std::move(rows));
}

AskingAs::AskingAs(const catalog::Principal& principal, std::int64_t query)
    : before_(std::exchange(asking, &principal)),
      query_before_(std::exchange(asking_query, query)) {}

const catalog::Principal* AskingAs::who() { return asking; }

AskingAs::~AskingAs() {
    asking = before_;
    asking_query = query_before_;
}

Result<std::shared_ptr<sql::TableScan>> scan_external(const ExternalReader& reader,
                                                      std::string_view place) {
    if (reader.lake == nullptr) return fail(ErrorCode::unsupported, "no buckets are served here");
    if (asking == nullptr) return fail(ErrorCode::denied, "nobody asks for the external table");
    return std::make_shared<ExternalScan>(reader, TRY(ExternalPlace::from(place)), *asking,
                                          asking_query);
}

Result<void> add_external_functions(const std::shared_ptr<sql::EmbeddedDatabase>& database,
                                    std::shared_ptr<Lake> lake, const fs::path& staging) {
    const ExternalReader reader{std::move(lake), staging, database,
                                std::make_shared<ExternalReads>()};
    TRY(database->add_table_function("stroma_external", [reader](std::string_view place) {
        return scan_external(reader, place);
    }));
    return database->add_table_function(
        "stroma_external_reads",
        [reads = reader.reads](std::string_view) -> Result<std::shared_ptr<sql::TableScan>> {
            return reads->scan();
        });
}

}  // namespace stroma::redshift
