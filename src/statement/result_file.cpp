#include "statement/result_file.h"

#include <fmt/format.h>

#include <cmath>
#include <cstring>

#include "base/json.h"
#include "redshift/byte_types.h"
#include "redshift/types.h"

namespace stroma::statement {
namespace {

namespace oid = redshift::oid;

constexpr std::uint32_t page_mark = 0x31505253;  // "SRP1"
struct PageHead {
    std::uint32_t mark = page_mark;
    std::uint32_t size = 0;
};

struct TypeFacts {
    std::uint32_t number;
    std::string_view name;
    int precision;
    bool is_signed;
};
constexpr TypeFacts known_types[] = {
    {oid::boolean, "bool", 1, false},
    {oid::int2, "int2", 5, true},
    {oid::int4, "int4", 10, true},
    {oid::int8, "int8", 19, true},
    {26, "oid", 10, false},
    {oid::float4, "float4", 8, true},
    {oid::float8, "float8", 17, true},
    {oid::numeric, "numeric", 18, true},
    {oid::bpchar, "bpchar", 0, false},
    {oid::varchar, "varchar", 0, false},
    {oid::text, "text", 0, false},
    {19, "name", 0, false},
    {oid::date, "date", 13, false},
    {oid::time, "time", 15, false},
    {oid::timetz, "timetz", 21, false},
    {oid::timestamp, "timestamp", 29, false},
    {oid::timestamptz, "timestamptz", 35, false},
    {oid::bytea, "varbyte", 0, false},
    {oid::varbyte, "varbyte", 0, false},
    {oid::geometry, "geometry", 0, false},
    {oid::geography, "geography", 0, false},
    {oid::hllsketch, "hllsketch", 0, false},
    {oid::super, "super", 0, false},
    {oid::interval, "interval", 0, false},
    {oid::uuid, "uuid", 0, false},
};

const TypeFacts* facts_of(std::uint32_t number) {
    for (const TypeFacts& facts : known_types)
        if (facts.number == number) return &facts;
    return nullptr;
}

std::string hex(std::string_view bytes) {
    std::string made;
    for (const unsigned char byte : bytes) made += fmt::format("{:02x}", byte);
    return made;
}

std::string json_text(std::string_view text) {
    return Json(text).dump(-1, ' ', false, Json::error_handler_t::replace);
}

std::string plain_text(const sql::Value& value, const redshift::Column& column) {
    if (const auto* text = std::get_if<std::string>(&value))
        return redshift::is_byte_type(column.type_oid) ? hex(*text) : *text;
    if (const auto* whole = std::get_if<std::int64_t>(&value)) return std::to_string(*whole);
    if (const auto* real = std::get_if<double>(&value)) return fmt::format("{}", *real);
    if (const auto* truth = std::get_if<bool>(&value)) return *truth ? "true" : "false";
    return "";
}

void put_field(std::string& into, const sql::Value& value, const redshift::Column& column) {
    if (std::holds_alternative<std::monostate>(value)) {
        into += R"({"isNull":true})";
    } else if (const auto* whole = std::get_if<std::int64_t>(&value)) {
        into += fmt::format(R"({{"longValue":{}}})", *whole);
    } else if (const auto* real = std::get_if<double>(&value)) {
        if (std::isfinite(*real))
            into += fmt::format(R"({{"doubleValue":{}}})", *real);
        else
            into += fmt::format(R"({{"doubleValue":"{}"}})", std::isnan(*real) ? "NaN"
                                                             : *real > 0       ? "Infinity"
                                                                               : "-Infinity");
    } else if (const auto* truth = std::get_if<bool>(&value)) {
        into += *truth ? R"({"booleanValue":true})" : R"({"booleanValue":false})";
    } else {
        into += R"({"stringValue":)" + json_text(plain_text(value, column)) + "}";
    }
}

void put_csv(std::string& into, const sql::Value& value, const redshift::Column& column) {
    if (std::holds_alternative<std::monostate>(value)) return;
    const std::string text = plain_text(value, column);
    const bool needs_quotes = text.empty() || text.find_first_of(",\"\r\n") != std::string::npos;
    if (!needs_quotes) {
        into += text;
        return;
    }
    into += '"';
    for (const char letter : text) {
        if (letter == '"') into += '"';
        into += letter;
    }
    into += '"';
}

}  // namespace

std::string_view type_name(std::uint32_t number) {
    const TypeFacts* const facts = facts_of(number);
    return facts == nullptr ? "varchar" : facts->name;
}

std::string columns_json(const std::vector<redshift::Column>& columns) {
    Json list = Json::array();
    for (const redshift::Column& column : columns) {
        const TypeFacts* const facts = facts_of(column.type_oid);
        int precision = facts == nullptr ? 0 : facts->precision, scale = 0;
        const bool is_text = column.type_oid == oid::varchar || column.type_oid == oid::bpchar ||
                             column.type_oid == oid::text;
        if (column.type_oid == oid::numeric && column.typmod > 4) {
            precision = (column.typmod - 4) >> 16;
            scale = (column.typmod - 4) & 0xffff;
        }
        if (is_text) precision = column.typmod > 4 ? column.typmod - 4 : 65535;
        list.push_back({{"isCaseSensitive", is_text},
                        {"isCurrency", false},
                        {"isSigned", facts != nullptr && facts->is_signed},
                        {"label", column.name},
                        {"length", 0},
                        {"name", column.name},
                        {"nullable", 1},
                        {"precision", precision},
                        {"scale", scale},
                        {"schemaName", ""},
                        {"tableName", ""},
                        {"typeName", type_name(column.type_oid)}});
    }
    return list.dump(-1, ' ', false, Json::error_handler_t::replace);
}

Result<ResultWriter> ResultWriter::create(const fs::path& path, ResultFormat format,
                                          const std::vector<redshift::Column>& columns,
                                          ResultLimits limits) {
    ResultWriter writer(path, format, columns, limits);
    TRY(remove_file(path));
    writer.file_ = TRY(File::create(path));
    writer.page_ =
        fmt::format("{}{}", format == ResultFormat::csv ? 'c' : 'j', columns_json(columns));
    TRY(writer.put_page());
    return writer;
}

ResultWriter::~ResultWriter() {
    if (is_finished_ || !file_.is_open()) return;
    file_.close();
    static_cast<void>(remove_file(path_));
}

Result<void> ResultWriter::put_page() {
    PageHead head;
    head.size = static_cast<std::uint32_t>(page_.size());
    TRY(file_.write_at(at_, std::as_bytes(std::span(&head, 1))));
    TRY(file_.write_at(at_ + sizeof head, as_bytes(page_)));
    at_ += sizeof head + page_.size();
    page_.clear();
    return {};
}

void ResultWriter::write_row(const redshift::Cursor& row) {
    const bool is_csv = format_ == ResultFormat::csv;
    if (!is_csv) page_ += page_.empty() ? "[[" : ",[";
    for (std::size_t at = 0; at < columns_.size(); ++at) {
        if (at > 0) page_ += ',';
        const sql::Value value = row.value(at);
        if (is_csv)
            put_csv(page_, value, columns_[at]);
        else
            put_field(page_, value, columns_[at]);
    }
    page_ += is_csv ? '\n' : ']';
}

Result<void> ResultWriter::add(const redshift::Cursor& row) {
    // The first page of CSV names the columns.
    if (format_ == ResultFormat::csv && bytes_ == 0 && page_.empty()) {
        for (std::size_t at = 0; at < columns_.size(); ++at) {
            if (at > 0) page_ += ',';
            put_csv(page_, columns_[at].name, redshift::Column{});
        }
        page_ += '\n';
    }
    const std::size_t before = page_.size();
    write_row(row);
    const std::uint64_t size = page_.size() - before;
    if (size > limits_.row_bytes_max)
        return fail(ErrorCode::exhausted, fmt::format("a row of the result is longer than {} KB",
                                                      limits_.row_bytes_max >> 10));
    bytes_ += size;
    if (bytes_ > limits_.result_bytes_max)
        return fail(ErrorCode::exhausted,
                    fmt::format("the result is larger than {} MB", limits_.result_bytes_max >> 20));
    if (page_.size() < limits_.page_bytes) return {};
    if (format_ == ResultFormat::json) page_ += ']';
    return put_page();
}

Result<std::int64_t> ResultWriter::finish() {
    if (!page_.empty()) {
        if (format_ == ResultFormat::json) page_ += ']';
        TRY(put_page());
    }
    TRY(file_.sync());
    TRY(sync_folder(path_.parent_path()));
    is_finished_ = true;
    return static_cast<std::int64_t>(bytes_);
}

namespace {

/// The page at `at`, and where the next one begins.
Result<std::string> page_at(const File& file, std::uint64_t size, std::uint64_t& at) {
    PageHead head;
    const auto wrong = [] {
        return fail(ErrorCode::invalid_input, "no page of the result begins there");
    };
    if (at > size || size - at < sizeof head) return wrong();
    TRY(file.read_at(at, std::as_writable_bytes(std::span(&head, 1))));
    if (head.mark != page_mark || head.size > size - at - sizeof head) return wrong();
    std::string text(head.size, '\0');
    TRY(file.read_at(at + sizeof head, std::as_writable_bytes(std::span(text))));
    at += sizeof head + head.size;
    return text;
}

}  // namespace

Result<Page> read_page(const fs::path& path, std::uint64_t at) {
    auto opened = File::open_to_read(path);
    if (!opened) return fail(ErrorCode::not_found, "the result isn't there any more");
    const std::uint64_t size = TRY(opened->size());
    std::uint64_t next = 0;
    std::string head = TRY(page_at(*opened, size, next));
    Page page;
    page.format = head.starts_with('c') ? ResultFormat::csv : ResultFormat::json;
    page.columns = head.substr(1);
    page.rows = page.format == ResultFormat::json ? "[]" : "";
    if (at == 0) at = next;
    if (at < size) page.rows = TRY(page_at(*opened, size, at));
    page.next = at < size ? at : 0;
    return page;
}

}  // namespace stroma::statement
