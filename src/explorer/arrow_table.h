#pragma once

#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "arrow/ipc_writer.h"
#include "expression/frame.h"

namespace stroma::explorer {

/// Columns of one length on their way into an Arrow stream: numbers as they are stored, booleans,
/// texts, categories as dictionaries; what is missing is null, NaN stays NaN.
class ArrowTable {
public:
    using Metadata = std::vector<std::pair<std::string, std::string>>;
    explicit ArrowTable(std::uint64_t rows) : rows_(rows) {}

    /// The column must live until write().
    void add(const expression::Column& column);
    void add(std::string name, const expression::TextArray& texts);
    /// Numbers of one type, `rows` of them.
    void add(std::string name, expression::ValueType type, Bytes values, Metadata metadata = {});

    Result<std::string> write(arrow::BodyCompression compression, Metadata metadata = {}) const;

private:
    struct Part {
        arrow::Field field;
        const expression::Column* column = nullptr;
        const expression::TextArray* texts = nullptr;
        expression::ValueType type = expression::ValueType::float32;
        Bytes own;
    };
    struct Buffers;
    Buffers buffers_of(const Part& part, std::uint64_t first, std::uint64_t count) const;
    std::uint64_t rows_;
    std::vector<Part> parts_;
};

}  // namespace stroma::explorer
