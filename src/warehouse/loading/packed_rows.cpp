#include "warehouse/loading/packed_rows.h"

#include <fmt/format.h>

#include "base/digest.h"
#include "warehouse/tables.h"

namespace stroma::warehouse {

namespace {

using expression::Array;
using expression::Categorical;
using expression::Column;
using expression::TextArray;

constexpr std::uint8_t packing = 1;  // raise it when the bytes change

enum class Kind : std::uint8_t { constant, row_number, numbers, texts, categories, values };

class Packer {
public:
    template <class T>
    void put(T value) {
        out_.append(reinterpret_cast<const char*>(&value), sizeof value);
    }
    void put(std::string_view text) {
        put<std::uint64_t>(text.size());
        out_ += text;
    }
    void put(const sql::Value& value) {
        put(static_cast<std::uint8_t>(value.index()));
        if (const auto* flag = std::get_if<bool>(&value)) put<std::uint8_t>(*flag ? 1 : 0);
        if (const auto* integer = std::get_if<std::int64_t>(&value)) put(*integer);
        if (const auto* real = std::get_if<double>(&value)) put(*real);
        if (const auto* text = std::get_if<std::string>(&value)) put(std::string_view(*text));
    }
    void put(const TextArray& texts) {
        put<std::uint64_t>(texts.size());
        for (std::size_t at = 0; at < texts.size(); ++at)
            put(static_cast<std::uint32_t>(texts[at].size()));
        out_ += texts.text_bytes();
    }
    void put(const Array& array) {
        put(static_cast<std::uint8_t>(array.type));
        put(as_text(array.bytes));
    }
    void put(const Column& column);
    void put(const ScannedColumn& column);
    void put(const FrameRows& rows, bool with_rows = true);
    std::string take() { return std::move(out_); }

private:
    std::string out_;
};

void Packer::put(const Column& column) {
    if (const auto* numbers = std::get_if<Array>(&column.values)) {
        put(Kind::numbers);
        put(*numbers);
    } else if (const auto* texts = std::get_if<TextArray>(&column.values)) {
        put(Kind::texts);
        put(*texts);
    } else {
        const auto& categorical = std::get<Categorical>(column.values);
        put(Kind::categories);
        put(Array::of(categorical.codes));
        TextArray categories;
        for (std::size_t at = 0; at < categorical.category_count(); ++at)
            categories.push_back(categorical.category_text(at));
        put(categories);
    }
    put<std::uint8_t>(column.missing ? 1 : 0);
    if (!column.missing) return;
    std::string flags;
    for (const bool missing : *column.missing) flags += missing ? '\1' : '\0';
    put(std::string_view(flags));
}

void Packer::put(const ScannedColumn& column) {
    put(std::string_view(column.name));
    put(std::string_view(column.sql_type));
    if (column.column != nullptr) {
        put(*column.column);
    } else if (column.texts != nullptr) {
        put(Kind::texts);
        put(*column.texts);
        put<std::uint8_t>(0);
    } else if (column.reals != nullptr || column.counts != nullptr) {
        put(Kind::numbers);
        if (column.reals == nullptr)
            put(Array::of(*column.counts));
        else if (column.sql_type == "BIGINT")
            put(Array::of(std::vector<std::int64_t>(column.reals->begin(), column.reals->end())));
        else
            put(Array::of(*column.reals));
        put<std::uint8_t>(0);
    } else if (column.values != nullptr) {
        put(Kind::values);
        for (const auto& value : *column.values) put(value);
    } else {
        put(column.row_number ? Kind::row_number : Kind::constant);
        put(column.constant);
    }
}

void Packer::put(const FrameRows& rows, bool with_rows) {
    put(with_rows ? rows.scanned.rows : 0);
    put(static_cast<std::uint32_t>(with_rows ? rows.scanned.columns.size() : 0));
    if (with_rows)
        for (const auto& column : rows.scanned.columns) put(column);
    put(static_cast<std::uint32_t>(rows.named.size()));
    for (const auto& column : rows.named)
        for (const std::string* text : {&column.name, &column.sql_name, &column.sql_type})
            put(std::string_view(*text));
    put(std::string_view(rows.shape));
}

/// Reads what Packer wrote. After the first thing that makes no sense everything is 0 and failed().
class Unpacker {
public:
    explicit Unpacker(std::string_view packed) : left_(packed) {}

    template <class T>
    T take() {
        T value{};
        const std::string_view bytes = some(sizeof value);
        if (bytes.size() == sizeof value) std::memcpy(&value, bytes.data(), sizeof value);
        return value;
    }
    std::string text() { return std::string(some(take<std::uint64_t>())); }
    sql::Value value();
    TextArray texts();
    Array array();
    Column column(Kind kind, std::uint64_t rows);
    void scanned(ScannedColumn& column, FrameRows& into);
    FrameRows frame();
    /// A number of things that follow, each of at least that many bytes.
    std::uint64_t count(std::uint64_t number, std::uint64_t bytes_each) {
        if (number <= left_.size() / bytes_each) return number;
        failed_ = true;
        return 0;
    }
    bool failed() const { return failed_; }
    bool is_at_end() const { return left_.empty(); }

private:
    std::string_view some(std::uint64_t size) {
        if (size > left_.size()) failed_ = true;
        if (failed_) return {};
        const std::string_view part = left_.substr(0, size);
        left_.remove_prefix(size);
        return part;
    }

    std::string_view left_;
    bool failed_ = false;
};

sql::Value Unpacker::value() {
    switch (take<std::uint8_t>()) {
        case 0: return {};
        case 1: return take<std::uint8_t>() != 0;
        case 2: return take<std::int64_t>();
        case 3: return take<double>();
        case 4: return text();
        default: failed_ = true; return {};
    }
}

TextArray Unpacker::texts() {
    std::vector<std::uint32_t> sizes(count(take<std::uint64_t>(), sizeof(std::uint32_t)));
    for (auto& size : sizes) size = take<std::uint32_t>();
    TextArray texts;
    texts.reserve(sizes.size(), 0);
    for (const auto size : sizes) texts.push_back(some(size));
    return texts;
}

Array Unpacker::array() {
    const auto type = take<std::uint8_t>();
    if (type > static_cast<std::uint8_t>(expression::ValueType::float64)) failed_ = true;
    if (failed_) return {};
    Array array{static_cast<expression::ValueType>(type), {}, to_bytes(text())};
    array.shape = {array.bytes.size() / size_of(array.type)};
    return array;
}

Column Unpacker::column(Kind kind, std::uint64_t rows) {
    Column column;
    if (kind == Kind::numbers) {
        column.values = array();
    } else if (kind == Kind::texts) {
        column.values = texts();
    } else {
        Categorical categorical;
        const Array codes = array();
        if (codes.type != expression::ValueType::int32) failed_ = true;
        if (!failed_)
            categorical.codes.assign(codes.data<std::int32_t>(),
                                     codes.data<std::int32_t>() + codes.shape[0]);
        categorical.categories = texts();
        const auto categories = static_cast<std::int64_t>(categorical.category_count());
        for (const auto code : categorical.codes)
            if (code >= categories) failed_ = true;
        column.values = std::move(categorical);
    }
    if (take<std::uint8_t>() != 0) {
        auto& missing = column.missing.emplace();
        for (const char flag : text()) missing.push_back(flag != '\0');
        if (missing.size() != rows) failed_ = true;
    }
    if (failed_ || column.size() != rows) {
        failed_ = true;
        return {};
    }
    return column;
}

void Unpacker::scanned(ScannedColumn& scanned, FrameRows& into) {
    const auto kind = static_cast<Kind>(take<std::uint8_t>());
    switch (kind) {
        case Kind::row_number:
        case Kind::constant:
            scanned.row_number = kind == Kind::row_number;
            scanned.constant = value();
            return;
        case Kind::values: {
            auto& values = into.values.emplace_back();
            const std::uint64_t rows = count(into.scanned.rows, 1);
            for (std::uint64_t row = 0; row < rows; ++row) values.push_back(value());
            scanned.values = &values;
            return;
        }
        case Kind::numbers:
        case Kind::texts:
        case Kind::categories:
            scanned.column = &into.columns.emplace_back(column(kind, into.scanned.rows));
            return;
    }
    failed_ = true;
}

FrameRows Unpacker::frame() {
    FrameRows rows;
    rows.scanned.rows = take<std::uint64_t>();
    rows.scanned.columns.resize(count(take<std::uint32_t>(), 1));
    for (auto& column : rows.scanned.columns) {
        column.name = text();
        column.sql_type = text();
        scanned(column, rows);
    }
    rows.named.resize(count(take<std::uint32_t>(), 1));
    for (auto& column : rows.named)
        for (std::string* into : {&column.name, &column.sql_name, &column.sql_type}) *into = text();
    rows.shape = text();
    return rows;
}

constexpr auto texts_of_line = {&RevisionTables::dataset, &RevisionTables::dataset_name,
                                &RevisionTables::revision, &RevisionTables::bundle_uuid,
                                &RevisionTables::bundle_version};
constexpr auto numbers_of_line = {&RevisionTables::loaded, &RevisionTables::revision_number,
                                  &RevisionTables::cell_count, &RevisionTables::gene_count};

}  // namespace

std::string pack(const RevisionTables& tables, bool with_genes) {
    Packer packer;
    packer.put(packing);
    for (const auto text : texts_of_line) packer.put(std::string_view(tables.*text));
    for (const auto number : numbers_of_line) packer.put(tables.*number);
    packer.put<std::uint8_t>(tables.called_by_total ? 1 : 0);
    packer.put(tables.cells);
    packer.put(tables.genes, with_genes);
    packer.put(static_cast<std::uint32_t>(tables.biology.size()));
    for (std::size_t table = 0; table < tables.biology.size(); ++table) {
        packer.put(biology_tables()[table].name);
        packer.put(static_cast<std::uint32_t>(tables.biology[table].size()));
        for (const auto& row : tables.biology[table])
            for (const auto& value : row) packer.put(value);
    }
    return packer.take();
}

Result<RevisionTables> unpack(std::string_view packed) {
    Unpacker from(packed);
    if (const auto made_by = from.take<std::uint8_t>(); made_by != packing)
        return fail(
            ErrorCode::unsupported,
            fmt::format("rows in packing {}: use the newer stroma that wrote them", made_by));
    RevisionTables tables;
    for (const auto text : texts_of_line) tables.*text = from.text();
    for (const auto number : numbers_of_line) tables.*number = from.take<std::int64_t>();
    tables.called_by_total = from.take<std::uint8_t>() != 0;
    tables.cells = from.frame();
    tables.genes = from.frame();
    tables.biology.resize(biology_tables().size());
    const auto count = from.count(from.take<std::uint32_t>(), 1);
    for (std::uint64_t at = 0; at < count && !from.failed(); ++at) {
        const std::string name = from.text();
        const BiologyTable* table = find_biology_table(name);
        const auto rows = from.count(from.take<std::uint32_t>(), 1);
        if (table == nullptr) break;
        auto& all = tables.biology[static_cast<std::size_t>(table - biology_tables().data())];
        for (std::uint64_t row = 0; row < rows && !from.failed(); ++row)
            for (std::size_t column = 0; column < table->columns.size(); ++column) {
                if (column == 0) all.emplace_back();
                all.back().push_back(from.value());
            }
    }
    if (from.failed() || !from.is_at_end() || tables.cells.scanned.columns.empty())
        return fail(ErrorCode::corrupt, "the packed rows make no sense");
    return tables;
}

std::string content_of(const FrameRows& rows) {
    Packer packer;
    packer.put(rows);
    ContentHash hash;
    hash.update(as_bytes(packer.take()));
    return hash.hex();
}

}  // namespace stroma::warehouse
