#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "base/result.h"
#include "expression/frame.h"

namespace stroma::explorer {

/// A table in cellxgene's NetEncoding (schema/net_encoding/net_encoding.fbs): columns of one
/// length, named or numbered. It has no nulls: a missing number is NaN, a missing text null.
class NetMatrix {
public:
    explicit NetMatrix(std::uint64_t rows);
    ~NetMatrix();

    void add(std::span<const float> values);
    /// 16-bit codes of `bins` steps between the least and the greatest; floats where that isn't
    /// possible (NaN, infinities, all equal).
    void add_quantised(std::span<const float> values, int bins);
    /// As the peer reduces types: floats to 32 bits, whole numbers to 32 bits where they fit (else
    /// 64-bit floats), booleans and texts as JSON, categories as JSON or as a dictionary.
    void add(const expression::Column& column, bool with_dictionaries);
    void add(const expression::TextArray& texts);

    /// Ends it. errors  exhausted  more than a FlatBuffer holds (2 GiB)
    Result<std::string> named(const std::vector<std::string>& names);
    Result<std::string> numbered(const std::vector<std::uint32_t>& numbers);

private:
    struct State;
    std::unique_ptr<State> state_;
};

/// "float32", "int32", "string", "boolean" or "categorical": what the peer's schema calls what
/// NetMatrix makes of the column.
std::string_view net_type(const expression::Column& column);

}  // namespace stroma::explorer
