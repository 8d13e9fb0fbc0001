#include "redshift/spectrum/external_scan.h"

#include <fmt/format.h>

#include <algorithm>
#include <atomic>

#include "base/json.h"
#include "redshift/external.h"
#include "redshift/lexer.h"
#include "redshift/load/byte_source.h"
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
        shown_.push_back({std::string(path_column), sql::Type::text});
        shown_.push_back({std::string(size_column), sql::Type::integer});
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
        std::erase_if(wanted_, [&](std::uint32_t column) {
            const bool is_told = column >= scan.place_.columns.size();
            if (is_told) told_.push_back(column);
            return is_told;
        });
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
            const auto more = rows_->next();
            if (!more) return fail(of_object(more.error()));
            if (!*more) {
                rows_.reset();
                continue;
            }
            for (std::size_t at = 0; at < wanted_.size(); ++at)
                sql::put_value(sink, wanted_[at], filled, rows_->value(at));
            for (const std::uint32_t column : told_)
                sql::put_value(
                    sink, column, filled,
                    column == scan_.place_.columns.size() ? sql::Value(url_) : sql::Value(size_));
            ++filled;
        }
        read_.rows += static_cast<std::int64_t>(filled);
        return filled;
    }

private:
    Result<bool> open_next();
    Result<bool> open_object(const std::shared_ptr<LakeReader>& object);
    Result<fs::path> local_copy(const std::shared_ptr<LakeReader>& object);
    Result<fs::path> unpacked(const std::shared_ptr<LakeReader>& object, Compression how);
    Result<std::string> select_of(const fs::path& path);
    std::string text_source(const std::string& file) const;
    std::string text_value(const std::string& name) const;
    Error of_object(Error error) const;
    std::string rows_of(const std::string& list, const std::string& file) const;

    const ExternalScan& scan_;
    std::vector<LakeObject> objects_;
    std::vector<std::uint32_t> wanted_;
    std::vector<std::uint32_t> told_;  ///< of the wanted ones, what no object holds
    std::shared_ptr<sql::EmbeddedDatabase> database_;
    Staging staging_;
    std::string url_, path_;  ///< of the object that is read, and of its copy
    std::int64_t size_ = 0;
    bool is_gzip_ = false;
    ExternalReads::Read read_;
    std::size_t next_ = 0;
    ParquetParts parts_;  ///< what was copied of the object that is read
    std::unique_ptr<sql::Connection> connection_;
    std::unique_ptr<sql::Rows> rows_;
};

/// The engine knows the copy alone.
Error ExternalScan::Feed::of_object(Error error) const {
    for (std::size_t at = 0; (at = error.message.find(path_, at)) != std::string::npos;
         at += url_.size())
        error.message.replace(at, path_.size(), url_);
    if (error.message.find(url_) == std::string::npos) return std::move(error).with(url_);
    return error;
}

std::string ExternalScan::Feed::text_source(const std::string& file) const {
    const ExternalPlace& place = scan_.place_;
    const bool is_lines = place.format == ExternalFormat::regex;
    std::string columns, names;
    for (const auto& [name, type] : place.columns) {
        columns += fmt::format("{}{}: 'VARCHAR'", columns.empty() ? "" : ", ", quoted_text(name));
        names += (names.empty() ? "" : ", ") + quoted_text(name);
    }
    const std::string compression = is_gzip_ ? "'gzip'" : "'none'";
    if (place.format == ExternalFormat::json)
        return fmt::format(
            "read_json({}, columns = {{{}}}, format = 'newline_delimited', compression = {})", file,
            columns, is_gzip_ ? "'gzip'" : "'uncompressed'");
    if (is_lines)
        return fmt::format(
            "(SELECT line, regexp_extract(line, {0}, [{1}]) AS parts FROM read_csv({2}, columns = "
            "{{'line': 'VARCHAR'}}, auto_detect = false, header = false, skip = {3}, delim = "
            "'\x01', quote = '', escape = '', strict_mode = false, parallel = false, compression "
            "= {4}))",
            quoted_text(place.regex), names, file, place.skipped_lines, compression);
    return fmt::format(
        "read_csv({}, columns = {{{}}}, auto_detect = false, header = false, skip = {}, "
        "delim = {}, quote = {}, escape = {}, nullstr = {}, null_padding = true, "
        "strict_mode = false, parallel = false, compression = {})",
        file, columns, place.skipped_lines, quoted_text(place.delimiter), quoted_text(place.quote),
        quoted_text(place.escape), quoted_text(place.null_text), compression);
}

std::string ExternalScan::Feed::text_value(const std::string& name) const {
    if (scan_.place_.format != ExternalFormat::regex) return quoted_name(name);
    return fmt::format("CASE WHEN regexp_full_match(line, {}) THEN parts[{}] END",
                       quoted_text(scan_.place_.regex), quoted_text(name));
}

// Columns of Parquet are found by name, and of an object that lacks one it is null; in text a value
// that its column can't hold is null.
Result<std::string> ExternalScan::Feed::select_of(const fs::path& path) {
    const ExternalPlace& place = scan_.place_;
    const std::string file = quoted_text(path.string());
    const bool is_parquet = place.format == ExternalFormat::parquet;
    std::string from, list;
    std::vector<std::string> there;
    if (is_parquet) {
        from = fmt::format("read_parquet({})", file);
        const auto shape = TRY(connection_->execute(fmt::format("SELECT * FROM {} LIMIT 0", from)));
        for (const auto& column : shape->columns()) there.push_back(column.name);
    } else {
        from = text_source(file);
    }
    for (const std::uint32_t column : wanted_) {
        const auto& [name, type] = place.columns[column];
        std::string written = is_parquet ? "NULL" : text_value(name);
        const auto found = std::find_if(
            there.begin(), there.end(),
            [lowered = lower_of(name)](const auto& each) { return lower_of(each) == lowered; });
        if (found != there.end()) written = quoted_name(*found);
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

Result<fs::path> ExternalScan::Feed::unpacked(const std::shared_ptr<LakeReader>& object,
                                              Compression how) {
    fs::path path = staging_.next_path();
    auto out = TRY(File::create(path));
    const auto bytes = TRY(decompressed(bytes_of(object), how));
    for (std::uint64_t at = 0;;) {
        const std::string_view some = TRY(bytes->next());
        if (some.empty()) return path;
        TRY(out.write_at(at, as_bytes(some)));
        at += some.size();
    }
}

/// How an object of text is packed: as its table says, or by its name.
Result<Compression> packed_as(const std::string& said, const std::string& key) {
    const auto is_so = [&](std::string_view kind, std::string_view ending) {
        return said == kind || (said.empty() && key.ends_with(ending));
    };
    if (is_so("gzip", ".gz")) return Compression::gzip;
    if (is_so("bzip2", ".bz2")) return Compression::bzip2;
    if (is_so("zstd", ".zst")) return Compression::zstd;
    for (const std::string_view ending : {".snappy", ".lz4", ".lzo", ".deflate"})
        if (is_so(ending.substr(1), ending))
            return fail(ErrorCode::unsupported,
                        fmt::format("text packed as {} can't be read: gzip, bzip2 or zstd can",
                                    ending.substr(1)));
    return Compression::none;
}

Result<fs::path> ExternalScan::Feed::local_copy(const std::shared_ptr<LakeReader>& object) {
    if (scan_.place_.format != ExternalFormat::parquet) {
        read_.bytes += static_cast<std::int64_t>(object->object().size);
        const Compression how =
            TRY(packed_as(scan_.place_.compression, object->object().address.key));
        is_gzip_ = how == Compression::gzip;
        if (how == Compression::none || is_gzip_) return staging_.take(*object);
        return unpacked(object, how);
    }
    std::vector<std::string> columns;
    for (const std::uint32_t column : wanted_)
        columns.push_back(scan_.place_.columns[column].first);
    fs::path path = staging_.next_path();
    path_ = path.string();
    parts_ = TRY(copy_parquet_parts(*object, columns, scan_.excluded_, *connection_, path));
    read_.bytes += static_cast<std::int64_t>(parts_.bytes);
    return path;
}

Result<bool> ExternalScan::Feed::open_object(const std::shared_ptr<LakeReader>& object) {
    const fs::path path = TRY(local_copy(object));
    path_ = path.string();
    read_.files += 1;
    const std::string select = TRY(select_of(path));
    rows_ = TRY(connection_->execute(select));
    // The engine has it open, or read.
    return true;
}

Result<bool> ExternalScan::Feed::open_next() {
    if (next_ == objects_.size()) return false;
    const LakeObject& object = objects_[next_++];
    auto opened = scan_.reader_.lake->open(scan_.principal_, object.address);
    if (!opened && opened.error().code == ErrorCode::not_found) return open_next();
    const std::shared_ptr<LakeReader> reader = TRY(std::move(opened));
    if (connection_ == nullptr) connection_ = TRY(database_->connect());
    url_ = object.address.url();
    path_ = staging_.folder().string();
    size_ = static_cast<std::int64_t>(reader->object().size);
    const auto begun = open_object(reader);
    if (!begun) return fail(of_object(begun.error()));
    return true;
}

/// The objects that a manifest names: {"entries": [{"url": "s3://…", "mandatory": true}, …]}. Unset
/// where the object is none.
Result<std::optional<std::vector<LakeObject>>> objects_of_manifest(
    Lake& lake, const catalog::Principal& principal, const LakeObject& object) {
    constexpr std::uint64_t manifest_bytes_max = 16u << 20;
    using Found = std::optional<std::vector<LakeObject>>;
    if (object.size == 0 || object.size > manifest_bytes_max) return Found();
    const auto reader = TRY(lake.open(principal, object.address));
    const Bytes bytes = TRY(reader->read(0, static_cast<std::size_t>(object.size)));
    if (bytes.empty() || as_text(bytes).front() != '{') return Found();
    const auto json = parse_json(as_text(bytes));
    if (!json || !json->contains("entries") || !(*json)["entries"].is_array()) return Found();
    std::vector<LakeObject> found;
    for (const Json& entry : (*json)["entries"]) {
        const std::string url = entry.is_object() ? entry.value("url", std::string()) : "";
        const auto address = parse_address(url);
        if (!address) return Found();
        const auto opened = lake.open(principal, *address);
        const bool is_absent = !opened && opened.error().code == ErrorCode::not_found;
        if (is_absent && !entry.value("mandatory", false)) continue;
        if (!opened) return fail(opened.error().with(object.address.url() + " names " + url));
        found.push_back((*opened)->object());
    }
    return Found(std::move(found));
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
        Lake& lake = *scan_.reader_.lake;
        std::vector<LakeObject> objects;
        for (LakeObject& object : TRY(lake.list(scan_.principal_, *address))) {
            const std::string& key = object.address.key;
            // dt=1 isn't dt=10.
            const bool is_below = address->key.empty() || address->key.ends_with('/') ||
                                  key == address->key || key[address->key.size()] == '/';
            // As elsewhere, names that begin with these marks are for those who write.
            const std::string name = key.substr(key.rfind('/') + 1);
            if (!is_below || name.empty() || name.starts_with('_') || name.starts_with('.'))
                continue;
            objects.push_back(std::move(object));
        }
        if (objects.size() == 1 && objects.front().address.key == address->key)
            if (auto named = TRY(objects_of_manifest(lake, scan_.principal_, objects.front())))
                objects = std::move(*named);
        return std::make_unique<Feed>(scan_, database, std::move(objects),
                                      std::vector<std::uint32_t>(wanted.begin(), wanted.end()));
    }

private:
    const ExternalScan& scan_;
};

std::unique_ptr<sql::ScanRun> ExternalScan::begin() { return std::make_unique<Run>(*this); }

constexpr std::string_view format_names[] = {"parquet", "csv", "json", "regex"};

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
                {"regex", regex},
                {"skip", skipped_lines},
                {"compression", compression}}
        .dump();
}

Result<ExternalPlace> ExternalPlace::from(std::string_view text) {
    const Json json = TRY(parse_json(text));
    ExternalPlace place;
    place.table = json.value("table", std::string());
    place.location = json.value("location", std::string());
    const std::string format = json.value("format", std::string());
    for (std::size_t at = 0; at < std::size(format_names); ++at)
        if (format_names[at] == format) place.format = static_cast<ExternalFormat>(at);
    for (const Json& column : json.value("columns", Json::array()))
        place.columns.emplace_back(column.at(0).get<std::string>(),
                                   column.at(1).get<std::string>());
    place.delimiter = json.value("delimiter", place.delimiter);
    place.quote = json.value("quote", place.quote);
    place.escape = json.value("escape", place.escape);
    place.null_text = json.value("null", place.null_text);
    place.skipped_lines = json.value("skip", place.skipped_lines);
    place.regex = json.value("regex", place.regex);
    place.compression =
        json.value("compression", std::string(json.value("gzip", false) ? "gzip" : ""));
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
