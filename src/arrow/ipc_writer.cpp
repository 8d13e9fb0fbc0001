#include "arrow/ipc_writer.h"

#include <arrow_generated.h>

#include <cassert>

#include "arrow/body_compression.h"

namespace stroma::arrow {
namespace {

using flatbuffers::FlatBufferBuilder;
using flatbuffers::Offset;
template <class T>
using Offsets = std::vector<Offset<T>>;

constexpr std::size_t alignment = 8;
constexpr std::string_view magic = "ARROW1";

struct TypeParts {
    format::Type type = format::Type_NONE;
    Offset<void> detail;
};

Offset<format::Int> integer_of(FlatBufferBuilder& builder, Type type) {
    switch (type) {
        case Type::int8: return format::CreateInt(builder, 8, true);
        case Type::int16: return format::CreateInt(builder, 16, true);
        case Type::int32: return format::CreateInt(builder, 32, true);
        case Type::uint8: return format::CreateInt(builder, 8, false);
        case Type::uint16: return format::CreateInt(builder, 16, false);
        case Type::uint32: return format::CreateInt(builder, 32, false);
        case Type::uint64: return format::CreateInt(builder, 64, false);
        default: return format::CreateInt(builder, 64, true);
    }
}

TypeParts type_parts(FlatBufferBuilder& builder, Type type) {
    switch (type) {
        case Type::boolean: return {format::Type_Bool, format::CreateBool(builder).Union()};
        case Type::float32:
            return {format::Type_FloatingPoint,
                    format::CreateFloatingPoint(builder, format::Precision_SINGLE).Union()};
        case Type::float64:
            return {format::Type_FloatingPoint,
                    format::CreateFloatingPoint(builder, format::Precision_DOUBLE).Union()};
        case Type::utf8: return {format::Type_Utf8, format::CreateUtf8(builder).Union()};
        case Type::large_utf8:
            return {format::Type_LargeUtf8, format::CreateLargeUtf8(builder).Union()};
        case Type::binary: return {format::Type_Binary, format::CreateBinary(builder).Union()};
        default: return {format::Type_Int, integer_of(builder, type).Union()};
    }
}

Offset<flatbuffers::Vector<Offset<format::KeyValue>>> metadata_of(
    FlatBufferBuilder& builder, const std::vector<std::pair<std::string, std::string>>& pairs) {
    if (pairs.empty()) return 0;
    Offsets<format::KeyValue> metadata;
    for (const auto& [key, value] : pairs)
        metadata.push_back(format::CreateKeyValue(builder, builder.CreateString(key),
                                                  builder.CreateString(value)));
    return builder.CreateVector(metadata);
}

Offset<format::Field> field_of(FlatBufferBuilder& builder, const Field& field, std::size_t id) {
    const auto name = builder.CreateString(field.name);
    const TypeParts type = type_parts(builder, field.type);
    Offset<format::DictionaryEncoding> dictionary;
    if (field.codes)
        dictionary =
            format::CreateDictionaryEncoding(builder, static_cast<std::int64_t>(id),
                                             integer_of(builder, *field.codes), field.ordered);
    const auto children = builder.CreateVector(Offsets<format::Field>());
    return format::CreateField(builder, name, field.nullable, type.type, type.detail, dictionary,
                               children, metadata_of(builder, field.metadata));
}

Offset<format::Schema> schema_of(FlatBufferBuilder& builder, const std::vector<Field>& fields,
                                 const IpcOptions& options) {
    Offsets<format::Field> all;
    for (std::size_t id = 0; id < fields.size(); ++id)
        all.push_back(field_of(builder, fields[id], id));
    const auto vector = builder.CreateVector(all);
    return format::CreateSchema(builder, format::Endianness_Little, vector,
                                metadata_of(builder, options.metadata));
}

bool has_offsets(Type type) {
    return type == Type::utf8 || type == Type::large_utf8 || type == Type::binary;
}

std::size_t padding_of(std::size_t size) { return (alignment - size % alignment) % alignment; }

}  // namespace

struct IpcWriter::State {
    std::vector<Field> fields;
    IpcOptions options;
    Sink sink;
    std::uint64_t written = 0;
    std::vector<format::Block> dictionaries, batches;

    /// The buffers of one message, where they stand in its body, and what they are made of.
    struct Body {
        std::vector<format::FieldNode> nodes;
        std::vector<format::Buffer> places;
        std::vector<ByteSpan> pieces;
        std::vector<Bytes> packed;  ///< what the pieces of a compressed body point into
        std::uint64_t size = 0;
    };

    Result<void> put(ByteSpan bytes) {
        written += bytes.size();
        return sink(bytes);
    }
    Result<void> put(std::string_view text) { return put(as_bytes(text)); }
    Result<void> add_buffer(Body& body, ByteSpan bytes) const;
    Result<void> add_array(Body& body, Type type, const Array& array) const;
    Offset<format::RecordBatch> batch_of(FlatBufferBuilder& builder, const Body& body,
                                         std::uint64_t rows) const;
    Result<format::Block> put_message(FlatBufferBuilder& builder, format::MessageHeader kind,
                                      Offset<void> header, const Body& body);
};

Result<void> IpcWriter::State::add_buffer(Body& body, ByteSpan bytes) const {
    ByteSpan piece = bytes;
    if (options.compression != BodyCompression::none && !bytes.empty()) {
        body.packed.push_back(TRY(compress_buffer(bytes, options.compression)));
        piece = body.packed.back();
    }
    body.places.emplace_back(static_cast<std::int64_t>(body.size),
                             static_cast<std::int64_t>(piece.size()));
    body.pieces.push_back(piece);
    body.size += piece.size() + padding_of(piece.size());
    return {};
}

Result<void> IpcWriter::State::add_array(Body& body, Type type, const Array& array) const {
    body.nodes.emplace_back(static_cast<std::int64_t>(array.length),
                            static_cast<std::int64_t>(array.nulls));
    TRY(add_buffer(body, array.nulls == 0 ? ByteSpan() : array.validity));
    if (has_offsets(type)) TRY(add_buffer(body, array.offsets));
    return add_buffer(body, array.values);
}

Offset<format::RecordBatch> IpcWriter::State::batch_of(FlatBufferBuilder& builder, const Body& body,
                                                       std::uint64_t rows) const {
    Offset<format::BodyCompression> compression;
    if (options.compression != BodyCompression::none)
        compression =
            format::CreateBodyCompression(builder, options.compression == BodyCompression::zstd
                                                       ? format::CompressionType_ZSTD
                                                       : format::CompressionType_LZ4_FRAME);
    const auto nodes = builder.CreateVectorOfStructs(body.nodes);
    const auto places = builder.CreateVectorOfStructs(body.places);
    return format::CreateRecordBatch(builder, static_cast<std::int64_t>(rows), nodes, places,
                                     compression);
}

Result<format::Block> IpcWriter::State::put_message(FlatBufferBuilder& builder,
                                                    format::MessageHeader kind, Offset<void> header,
                                                    const Body& body) {
    builder.Finish(format::CreateMessage(builder, format::MetadataVersion_V5, kind, header,
                                         static_cast<std::int64_t>(body.size)));
    const std::size_t size = builder.GetSize(), padding = padding_of(size);
    std::string message(8 + size + padding, '\0');
    auto* at = reinterpret_cast<std::byte*>(message.data());
    store(at, std::uint32_t{0xFFFFFFFF});
    store(at + 4, static_cast<std::int32_t>(size + padding));
    std::memcpy(at + 8, builder.GetBufferPointer(), size);
    const format::Block block(static_cast<std::int64_t>(written),
                              static_cast<std::int32_t>(message.size()),
                              static_cast<std::int64_t>(body.size));
    TRY(put(message));
    for (const ByteSpan piece : body.pieces) {
        TRY(put(piece));
        TRY(put(std::string_view("\0\0\0\0\0\0\0", padding_of(piece.size()))));
    }
    return block;
}

IpcWriter::IpcWriter(std::vector<Field> fields, IpcOptions options, Sink sink)
    : state_(new State{std::move(fields), std::move(options), std::move(sink), 0, {}, {}}) {}
IpcWriter::~IpcWriter() = default;

Result<void> IpcWriter::begin() {
    if (state_->options.container == Container::file)
        TRY(state_->put(std::string(magic) + std::string(2, '\0')));
    FlatBufferBuilder builder;
    const auto schema = schema_of(builder, state_->fields, state_->options);
    TRY(state_->put_message(builder, format::MessageHeader_Schema, schema.Union(), {}));
    return {};
}

Result<void> IpcWriter::write_dictionary(std::size_t field, const Array& entries) {
    assert(state_->fields[field].codes);
    State::Body body;
    TRY(state_->add_array(body, state_->fields[field].type, entries));
    FlatBufferBuilder builder;
    const auto data = state_->batch_of(builder, body, entries.length);
    const auto dictionary =
        format::CreateDictionaryBatch(builder, static_cast<std::int64_t>(field), data);
    state_->dictionaries.push_back(TRY(state_->put_message(
        builder, format::MessageHeader_DictionaryBatch, dictionary.Union(), body)));
    return {};
}

Result<void> IpcWriter::write_batch(std::uint64_t rows, std::span<const Array> columns) {
    assert(columns.size() == state_->fields.size());
    State::Body body;
    for (std::size_t i = 0; i < columns.size(); ++i) {
        assert(columns[i].length == rows);
        const Field& field = state_->fields[i];
        TRY(state_->add_array(body, field.codes.value_or(field.type), columns[i]));
    }
    FlatBufferBuilder builder;
    const auto batch = state_->batch_of(builder, body, rows);
    state_->batches.push_back(
        TRY(state_->put_message(builder, format::MessageHeader_RecordBatch, batch.Union(), body)));
    return {};
}

Result<void> IpcWriter::finish() {
    TRY(state_->put(std::string_view("\xff\xff\xff\xff\0\0\0\0", 8)));
    if (state_->options.container == Container::stream) return {};
    FlatBufferBuilder builder;
    const auto schema = schema_of(builder, state_->fields, state_->options);
    const auto dictionaries = builder.CreateVectorOfStructs(state_->dictionaries);
    const auto batches = builder.CreateVectorOfStructs(state_->batches);
    builder.Finish(
        format::CreateFooter(builder, format::MetadataVersion_V5, schema, dictionaries, batches));
    std::string end(reinterpret_cast<const char*>(builder.GetBufferPointer()), builder.GetSize());
    end.resize(end.size() + 4);
    store(reinterpret_cast<std::byte*>(end.data() + end.size() - 4),
          static_cast<std::int32_t>(builder.GetSize()));
    return state_->put(end + std::string(magic));
}

}  // namespace stroma::arrow
