#include "loader/drift.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <map>

#include "base/json.h"
#include "redshift/load/load_scan.h"
#include "redshift/load/record_reader.h"
#include "redshift/load/staging.h"

namespace stroma::loader {

using redshift::Answer;

namespace {

constexpr int json_records_max = 10'000, csv_records_max = 100;
constexpr const char* wide_text = "varchar(65535)";

/// The narrowest type that takes the values seen so far.
class SeenType {
public:
    void see_text(std::string_view text) {
        if (text.empty()) return;
        std::int64_t whole = 0;
        double real = 0;
        const char* const end = text.data() + text.size();
        const auto of_whole = std::from_chars(text.data(), end, whole);
        if (of_whole.ec == std::errc() && of_whole.ptr == end) return see("bigint");
        const auto of_real = std::from_chars(text.data(), end, real);
        see(of_real.ec == std::errc() && of_real.ptr == end ? "double precision" : wide_text);
    }
    void see_json(const Json& value) {
        if (value.is_null()) return;
        if (value.is_boolean()) return see("boolean");
        if (value.is_number_integer()) return see("bigint");
        if (value.is_number()) return see("double precision");
        see(value.is_string() ? wide_text : "super");
    }
    std::string type() const { return type_.empty() ? wide_text : type_; }

private:
    void see(const std::string& type) {
        if (type_.empty() || type_ == type) {
            type_ = type;
        } else if (type_ == "super" || type == "super") {
            type_ = "super";
        } else if ((type_ == "bigint" && type == "double precision") ||
                   (type_ == "double precision" && type == "bigint")) {
            type_ = "double precision";
        } else {
            type_ = wide_text;
        }
    }
    std::string type_;
};

Answer<FileShape> shape_of_csv(std::unique_ptr<redshift::ByteSource> bytes,
                               redshift::CopyOptions options) {
    FileShape shape;
    if (options.ignore_header == 0) return shape;
    options.ignore_header -= 1;
    const auto reader = TRY(redshift::read_records(std::move(bytes), options, {}, {}));
    if (!TRY(reader->next())) return shape;
    shape.is_named = true;
    for (const auto& field : reader->fields())
        shape.columns.push_back({std::string(field.text), {}});
    std::vector<SeenType> seen(shape.columns.size());
    for (int record = 0; record < csv_records_max; ++record) {
        const auto more = reader->next();
        if (!more || !*more) break;
        for (std::size_t at = 0; at < std::min(seen.size(), reader->fields().size()); ++at)
            if (!reader->fields()[at].is_null) seen[at].see_text(reader->fields()[at].text);
    }
    for (std::size_t at = 0; at < seen.size(); ++at) shape.columns[at].type = seen[at].type();
    return shape;
}

Answer<FileShape> shape_of_json(std::unique_ptr<redshift::ByteSource> bytes,
                                const redshift::CopyOptions& options) {
    FileShape shape;
    if (!options.json.starts_with("auto")) return shape;
    shape.is_named = shape.is_by_name = true;
    const auto reader = TRY(redshift::read_records(std::move(bytes), options, {}, {}));
    std::vector<std::string> order;
    std::map<std::string, SeenType> seen;
    for (int record = 0; record < json_records_max; ++record) {
        const auto more = reader->next();
        if (!more || !*more) break;
        const auto json = parse_json(reader->raw());
        if (!json || !json->is_object()) continue;  // COPY says what is wrong with it
        for (const auto& [name, value] : json->items()) {
            if (!seen.contains(name)) order.push_back(name);
            seen[name].see_json(value);
        }
    }
    for (const std::string& name : order) shape.columns.push_back({name, seen[name].type()});
    return shape;
}

/// What Redshift would call an engine's type that Parquet has.
std::string type_for(const std::string& engine) {
    if (engine == "BIGINT" || engine == "INTEGER" || engine == "SMALLINT" || engine == "BOOLEAN" ||
        engine == "DATE" || engine == "TIMESTAMP" || engine.starts_with("DECIMAL("))
        return redshift::lower_of(engine);
    if (engine == "TINYINT" || engine == "UTINYINT" || engine == "USMALLINT") return "integer";
    if (engine == "UINTEGER") return "bigint";
    if (engine == "UBIGINT" || engine == "HUGEINT") return "decimal(38,0)";
    if (engine == "FLOAT") return "real";
    if (engine == "DOUBLE") return "double precision";
    if (engine.starts_with("TIMESTAMP WITH")) return "timestamptz";
    if (engine.starts_with("TIMESTAMP")) return "timestamp";
    if (engine == "VARCHAR" || engine == "UUID" || engine == "TIME") return wide_text;
    return "super";
}

Answer<FileShape> shape_of_parquet(redshift::EngineSession& session, redshift::LoadFile file) {
    redshift::Staging staging(session.engine().staging());
    const auto path = TRY(staging.take(*file.object));
    const auto rows = TRY(session.query("DESCRIBE SELECT * FROM read_parquet(" +
                                        redshift::quoted_text(path.string()) + ")"));
    FileShape shape;
    shape.is_named = true;
    while (TRY(rows->next())) shape.columns.push_back({rows->text(0), type_for(rows->text(1))});
    return shape;
}

}  // namespace

Answer<FileShape> shape_of(redshift::EngineSession& session, const StagedFile& file,
                           const redshift::CopyOptions& options,
                           const catalog::Principal& principal) {
    const auto& lake = session.engine().options.lake;
    std::shared_ptr<redshift::LakeReader> object =
        TRY(lake->open(principal, {file.notice.bucket, file.notice.key}));
    switch (options.format) {
        case redshift::CopyFormat::csv:
        case redshift::CopyFormat::text: return shape_of_csv(redshift::bytes_of(object), options);
        case redshift::CopyFormat::json: return shape_of_json(redshift::bytes_of(object), options);
        case redshift::CopyFormat::parquet: {
            redshift::LoadFile read;
            read.open = [object]() -> Result<std::unique_ptr<redshift::ByteSource>> {
                return redshift::bytes_of(object);
            };
            return shape_of_parquet(session, std::move(read));
        }
        default: return FileShape{};
    }
}

std::vector<FileShape::Column> unknown_columns(const Target& target, const FileShape& shape) {
    std::vector<FileShape::Column> unknown;
    if (!shape.is_named) return unknown;
    for (const auto& column : shape.columns)
        if (target.column(column.name) == nullptr) unknown.push_back(column);
    return unknown;
}

std::string copied_columns(const Target& target, const FileShape& shape) {
    if (!shape.is_named || shape.is_by_name) return "";
    std::string list;
    for (const auto& column : shape.columns) {
        const auto* found = target.column(column.name);
        list += (list.empty() ? "" : ", ") +
                redshift::quoted_name(found == nullptr ? column.name : found->name);
    }
    return " (" + list + ")";
}

}  // namespace stroma::loader
