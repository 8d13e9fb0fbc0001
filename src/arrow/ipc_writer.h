#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "base/bytes.h"
#include "base/result.h"

// Arrow IPC, written (https://arrow.apache.org/docs/format/Columnar.html): flat columns, with
// dictionaries, nulls and compressed bodies, as a stream or as a file (Feather version 2).

namespace stroma::arrow {

enum class Type : std::uint8_t {
    boolean,
    int8,
    int16,
    int32,
    int64,
    uint8,
    uint16,
    uint32,
    uint64,
    float32,
    float64,
    utf8,
    large_utf8,
    binary,
};

struct Field {
    std::string name;
    Type type = Type::int64;  ///< of the values; of the dictionary's entries when there are codes
    bool nullable = true;
    std::optional<Type> codes;  ///< set when dictionary-coded: int8, int16 or int32
    bool ordered = false;       ///< of the dictionary
    std::vector<std::pair<std::string, std::string>> metadata;
};

/// One column of one batch, or a dictionary's entries: views that live until the write returns.
struct Array {
    std::uint64_t length = 0, nulls = 0;
    ByteSpan validity;  ///< a bit per value, least first; may be empty when nulls is 0
    ByteSpan offsets;   ///< of texts: length + 1 int32, int64 for large_utf8; the first is 0
    ByteSpan values;    ///< bits for booleans, text bytes, else the numbers; codes when coded
};

enum class Container { stream, file };
enum class BodyCompression { none, lz4, zstd };

struct IpcOptions {
    Container container = Container::stream;
    BodyCompression compression = BodyCompression::none;
    std::vector<std::pair<std::string, std::string>> metadata;  ///< of the schema
};

/// Where the bytes go, in order.
using Sink = std::function<Result<void>(ByteSpan)>;

/// Writes one stream or file: begin, the dictionaries, the batches, finish. One thread. The same
/// calls write the same bytes.
class IpcWriter {
public:
    IpcWriter(std::vector<Field> fields, IpcOptions options, Sink sink);
    ~IpcWriter();

    Result<void> begin();
    /// The entries of a coded field, by its number; before the first batch, once a coded field.
    Result<void> write_dictionary(std::size_t field, const Array& entries);
    /// One array a field, each of `rows` values.
    Result<void> write_batch(std::uint64_t rows, std::span<const Array> columns);
    Result<void> finish();

private:
    struct State;
    std::unique_ptr<State> state_;
};

}  // namespace stroma::arrow
