#include <limits>

#include "arrow/ipc_writer.h"
#include "base/usual_or_tiny.h"
#include "warehouse/result_file.h"

// Rows of an answer as an Arrow IPC file.

namespace stroma::warehouse {

namespace {

constexpr std::size_t rows_per_batch = usual_or_tiny(65'536u, 3u);
constexpr std::size_t text_bytes_per_batch = 64u << 20;

// A 128-bit integer may not fit 64 bits: such a column becomes doubles.
arrow::Type type_of(const sql::ColumnInfo& column) {
    if (column.engine_type == "HUGEINT" || column.engine_type == "UBIGINT")
        return arrow::Type::float64;
    switch (column.type) {
        case sql::Type::boolean: return arrow::Type::boolean;
        case sql::Type::integer: return arrow::Type::int64;
        case sql::Type::real: return arrow::Type::float64;
        case sql::Type::blob: return arrow::Type::binary;
        default: return arrow::Type::utf8;
    }
}

template <class T>
void append_raw(std::string& bytes, T value) {
    bytes.append(reinterpret_cast<const char*>(&value), sizeof value);
}

/// One column of the batch being filled.
struct ColumnBuffers {
    arrow::Type type;
    std::string validity, values, offsets;
    std::uint64_t nulls = 0;

    void clear() {
        validity.clear();
        values.clear();
        offsets.assign(sizeof(std::int32_t), '\0');
        nulls = 0;
    }
    void set_bit(std::string& bits, std::size_t row, bool on) {
        if (row % 8 == 0) bits.push_back('\0');
        if (on) bits.back() = static_cast<char>(bits.back() | (1 << (row % 8)));
    }
    void add(const sql::Value& value, std::size_t row) {
        const bool is_null = std::holds_alternative<std::monostate>(value);
        set_bit(validity, row, !is_null);
        nulls += is_null ? 1 : 0;
        switch (type) {
            case arrow::Type::boolean:
                set_bit(values, row, !is_null && std::get<bool>(value));
                return;
            case arrow::Type::int64:
                append_raw(values, is_null ? std::int64_t{0} : std::get<std::int64_t>(value));
                return;
            case arrow::Type::float64: append_raw(values, real_of(value)); return;
            default:
                if (!is_null) values += std::get<std::string>(value);
                append_raw(offsets, static_cast<std::int32_t>(values.size()));
        }
    }
    arrow::Array array(std::uint64_t rows) const {
        return {rows, nulls, as_bytes(validity), as_bytes(offsets), as_bytes(values)};
    }
    static double real_of(const sql::Value& value) {
        if (const auto* real = std::get_if<double>(&value)) return *real;
        if (const auto* integer = std::get_if<std::int64_t>(&value)) {
            return static_cast<double>(*integer);
        }
        const auto* text = std::get_if<std::string>(&value);
        return text == nullptr ? 0 : std::strtod(text->c_str(), nullptr);
    }
};

std::vector<arrow::Field> fields_of(const sql::Rows& rows) {
    std::vector<arrow::Field> fields;
    for (const auto& column : rows.columns())
        fields.push_back({.name = column.name, .type = type_of(column), .metadata = {}});
    return fields;
}

class ArrowFile {
public:
    ArrowFile(sql::Rows& rows, SequentialFile file)
        : rows_(rows),
          file_(std::move(file)),
          writer_(fields_of(rows), {.container = arrow::Container::file, .metadata = {}},
                  [this](ByteSpan bytes) { return file_.write(as_text(bytes)); }) {
        for (const auto& column : rows.columns()) columns_.push_back({type_of(column), {}, {}, {}});
        for (auto& column : columns_) column.clear();
    }
    ArrowFile(const ArrowFile&) = delete;
    Result<std::uint64_t> write();

private:
    Result<void> write_batch();

    sql::Rows& rows_;
    SequentialFile file_;
    arrow::IpcWriter writer_;
    std::vector<ColumnBuffers> columns_;
    std::size_t batch_rows_ = 0, batch_text_ = 0;
};

Result<void> ArrowFile::write_batch() {
    std::vector<arrow::Array> arrays;
    for (const auto& column : columns_) arrays.push_back(column.array(batch_rows_));
    TRY(writer_.write_batch(batch_rows_, arrays));
    for (auto& column : columns_) column.clear();
    batch_rows_ = 0;
    batch_text_ = 0;
    return {};
}

Result<std::uint64_t> ArrowFile::write() {
    TRY(writer_.begin());
    std::uint64_t count = 0;
    for (; TRY(rows_.next()); ++count) {
        for (std::size_t column = 0; column < columns_.size(); ++column) {
            const sql::Value value = rows_.value(column);
            if (const auto* text = std::get_if<std::string>(&value)) {
                if (text->size() > std::numeric_limits<std::int32_t>::max() / 2) {
                    return fail(ErrorCode::exhausted, "a text is too long for an Arrow file");
                }
                batch_text_ += text->size();
            }
            columns_[column].add(value, batch_rows_);
        }
        ++batch_rows_;
        if (batch_rows_ == rows_per_batch || batch_text_ > text_bytes_per_batch) TRY(write_batch());
    }
    if (batch_rows_ > 0) TRY(write_batch());
    TRY(writer_.finish());
    TRY(file_.finish());
    return count;
}

}  // namespace

Result<std::uint64_t> write_arrow(sql::Rows& rows, const fs::path& path,
                                  std::function<void(std::uint64_t)> settled) {
    ArrowFile file(rows, TRY(SequentialFile::create(path, std::move(settled))));
    return file.write();
}

}  // namespace stroma::warehouse
