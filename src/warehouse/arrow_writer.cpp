#include <arrow_generated.h>

#include <limits>

#include "warehouse/result_file.h"

// Arrow IPC file: magic, schema message, record batch messages, end mark, footer, magic. Layout by
// the format's own page, https://arrow.apache.org/docs/format/Columnar.html.

namespace stroma::warehouse {

namespace {

using flatbuffers::FlatBufferBuilder;
using flatbuffers::Offset;

constexpr std::size_t rows_per_batch = 65'536;
constexpr std::size_t text_bytes_per_batch = 64u << 20;
constexpr std::size_t alignment = 8;

std::string padded(std::string bytes) {
    bytes.resize((bytes.size() + alignment - 1) / alignment * alignment, '\0');
    return bytes;
}

template <class T>
void append_raw(std::string& bytes, T value) {
    bytes.append(reinterpret_cast<const char*>(&value), sizeof value);
}

enum class Kind { boolean, integer, real, text, bytes };

// A 128-bit integer may not fit 64 bits: such a column becomes doubles.
Kind kind_of(const sql::ColumnInfo& column) {
    if (column.engine_type == "HUGEINT" || column.engine_type == "UBIGINT") return Kind::real;
    switch (column.type) {
        case sql::Type::boolean: return Kind::boolean;
        case sql::Type::integer: return Kind::integer;
        case sql::Type::real: return Kind::real;
        case sql::Type::blob: return Kind::bytes;
        default: return Kind::text;
    }
}

/// One column of the batch being filled.
struct ColumnBuffers {
    Kind kind;
    std::string validity, values, offsets;
    std::int64_t nulls = 0;

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
        switch (kind) {
            case Kind::boolean: set_bit(values, row, !is_null && std::get<bool>(value)); return;
            case Kind::integer:
                append_raw(values, is_null ? std::int64_t{0} : std::get<std::int64_t>(value));
                return;
            case Kind::real: append_raw(values, real_of(value)); return;
            default:
                if (!is_null) values += std::get<std::string>(value);
                append_raw(offsets, static_cast<std::int32_t>(values.size()));
        }
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

Offset<arrow::Schema> schema_of(FlatBufferBuilder& builder, const sql::Rows& rows) {
    std::vector<Offset<arrow::Field>> fields;
    for (const auto& column : rows.columns()) {
        arrow::Type type = arrow::Type_Utf8;
        Offset<void> detail;
        switch (kind_of(column)) {
            case Kind::boolean:
                type = arrow::Type_Bool;
                detail = arrow::CreateBool(builder).Union();
                break;
            case Kind::integer:
                type = arrow::Type_Int;
                detail = arrow::CreateInt(builder, 64, true).Union();
                break;
            case Kind::real:
                type = arrow::Type_FloatingPoint;
                detail = arrow::CreateFloatingPoint(builder, arrow::Precision_DOUBLE).Union();
                break;
            case Kind::bytes:
                type = arrow::Type_Binary;
                detail = arrow::CreateBinary(builder).Union();
                break;
            case Kind::text: detail = arrow::CreateUtf8(builder).Union(); break;
        }
        const auto name = builder.CreateString(column.name);
        const auto children = builder.CreateVector(std::vector<Offset<arrow::Field>>());
        fields.push_back(arrow::CreateField(builder, name, true, type, detail, 0, children));
    }
    return arrow::CreateSchema(builder, arrow::Endianness_Little, builder.CreateVector(fields));
}

/// The message with its length in front, padded so that what follows is aligned.
std::string framed(const FlatBufferBuilder& builder) {
    const std::string body =
        padded({reinterpret_cast<const char*>(builder.GetBufferPointer()), builder.GetSize()});
    std::string message;
    append_raw(message, std::uint32_t{0xFFFFFFFF});
    append_raw(message, static_cast<std::int32_t>(body.size()));
    return message + body;
}

class ArrowWriter {
public:
    ArrowWriter(sql::Rows& rows, SequentialFile file) : rows_(rows), file_(std::move(file)) {
        for (const auto& column : rows.columns()) columns_.push_back({kind_of(column), {}, {}, {}});
        for (auto& column : columns_) column.clear();
    }
    Result<std::uint64_t> write();

private:
    Result<void> write_schema();
    Result<void> write_batch();
    Result<void> write_footer();

    sql::Rows& rows_;
    SequentialFile file_;
    std::vector<ColumnBuffers> columns_;
    std::vector<arrow::Block> blocks_;
    std::size_t batch_rows_ = 0, batch_text_ = 0;
};

Result<void> ArrowWriter::write_schema() {
    FlatBufferBuilder builder;
    builder.Finish(arrow::CreateMessage(builder, arrow::MetadataVersion_V5,
                                        arrow::MessageHeader_Schema,
                                        schema_of(builder, rows_).Union(), 0));
    return file_.write(framed(builder));
}

Result<void> ArrowWriter::write_batch() {
    std::vector<arrow::FieldNode> nodes;
    std::vector<arrow::Buffer> places;
    std::string body;
    const auto add = [&](const std::string& bytes) {
        places.emplace_back(static_cast<std::int64_t>(body.size()),
                            static_cast<std::int64_t>(bytes.size()));
        body += padded(bytes);
    };
    for (auto& column : columns_) {
        nodes.emplace_back(static_cast<std::int64_t>(batch_rows_), column.nulls);
        add(column.nulls == 0 ? std::string() : column.validity);
        if (column.kind == Kind::text || column.kind == Kind::bytes) add(column.offsets);
        add(column.values);
        column.clear();
    }
    FlatBufferBuilder builder;
    const auto batch = arrow::CreateRecordBatch(builder, static_cast<std::int64_t>(batch_rows_),
                                                builder.CreateVectorOfStructs(nodes),
                                                builder.CreateVectorOfStructs(places));
    builder.Finish(arrow::CreateMessage(builder, arrow::MetadataVersion_V5,
                                        arrow::MessageHeader_RecordBatch, batch.Union(),
                                        static_cast<std::int64_t>(body.size())));
    const std::string message = framed(builder);
    blocks_.emplace_back(static_cast<std::int64_t>(file_.written()),
                         static_cast<std::int32_t>(message.size()),
                         static_cast<std::int64_t>(body.size()));
    TRY(file_.write(message));
    TRY(file_.write(body));
    batch_rows_ = 0;
    batch_text_ = 0;
    return {};
}

Result<void> ArrowWriter::write_footer() {
    std::string end;
    append_raw(end, std::uint32_t{0xFFFFFFFF});
    append_raw(end, std::int32_t{0});
    TRY(file_.write(end));
    FlatBufferBuilder builder;
    const auto schema = schema_of(builder, rows_);
    const auto dictionaries = builder.CreateVectorOfStructs(std::vector<arrow::Block>());
    const auto batches = builder.CreateVectorOfStructs(blocks_);
    builder.Finish(
        arrow::CreateFooter(builder, arrow::MetadataVersion_V5, schema, dictionaries, batches));
    std::string footer(reinterpret_cast<const char*>(builder.GetBufferPointer()),
                       builder.GetSize());
    append_raw(footer, static_cast<std::int32_t>(builder.GetSize()));
    return file_.write(footer + "ARROW1");
}

Result<std::uint64_t> ArrowWriter::write() {
    TRY(file_.write(std::string_view("ARROW1\0\0", 8)));
    TRY(write_schema());
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
    TRY(write_footer());
    TRY(file_.finish());
    return count;
}

}  // namespace

Result<std::uint64_t> write_arrow(sql::Rows& rows, const fs::path& path) {
    ArrowWriter writer(rows, TRY(SequentialFile::create(path)));
    return writer.write();
}

}  // namespace stroma::warehouse
