#include "explorer/embeddings.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace stroma::explorer {
namespace {

template <class T>
T value_of(const expression::Array& values, std::uint64_t index) {
    if (values.type == expression::value_type_of<T>())
        return load<T>(values.bytes.data() + index * sizeof(T));
    return static_cast<T>(values.number(index));
}

template <class T>
std::vector<std::vector<float>> unit_square_in(const expression::Array& values) {
    const std::uint64_t cells = values.shape[0], dims = values.shape[1];
    T least[2], range[2];
    for (std::uint64_t dim = 0; dim < 2; ++dim) {
        T low = std::numeric_limits<T>::quiet_NaN(), high = low;
        for (std::uint64_t cell = 0; cell < cells; ++cell) {
            const T value = value_of<T>(values, cell * dims + dim);
            low = std::fmin(low, value);
            high = std::fmax(high, value);
        }
        least[dim] = low;
        range[dim] = high - low;
    }
    T widest = std::fmax(range[0], range[1]);
    if (widest == 0) widest = 1;
    std::vector<std::vector<float>> columns(2, std::vector<float>(cells));
    for (std::uint64_t dim = 0; dim < 2; ++dim) {
        const T centre = static_cast<T>(0.5) - range[dim] / widest / 2;
        for (std::uint64_t cell = 0; cell < cells; ++cell) {
            const T scaled = (value_of<T>(values, cell * dims + dim) - least[dim]) / widest;
            columns[dim][cell] = static_cast<float>(scaled + centre);
        }
    }
    return columns;
}

}  // namespace

Result<std::vector<Embedding>> embeddings(const expression::SealedDataset& sealed) {
    std::vector<Embedding> found;
    for (auto& [key, element] : TRY(sealed.annotations("obsm"))) {
        auto* values = std::get_if<expression::Array>(&element.value);
        if (values == nullptr || values->shape.size() != 2 || values->shape[1] == 0 ||
            values->shape[0] != sealed.summary().cells ||
            values->type == expression::ValueType::boolean)
            continue;
        found.push_back({key, key.starts_with("X_") ? key.substr(2) : key, std::move(*values)});
    }
    return found;
}

Result<Embedding> find_embedding(const expression::SealedDataset& sealed, std::string_view name) {
    auto all = TRY(embeddings(sealed));
    for (const bool by_key : {true, false})
        for (Embedding& one : all)
            if ((by_key ? one.key : one.name) == name) return std::move(one);
    return fail(ErrorCode::not_found, "this revision has no embedding '" + std::string(name) + "'");
}

bool fits_cellxgene(const Embedding& embedding) {
    if (!embedding.key.starts_with("X_") || embedding.dims() < 2) return false;
    if (!is_floating(embedding.values.type)) return true;
    bool has_number = false;
    for (std::uint64_t i = 0; i < embedding.values.value_count(); ++i) {
        const double value = embedding.values.number(i);
        if (std::isinf(value)) return false;
        has_number = has_number || !std::isnan(value);
    }
    return has_number;
}

std::vector<std::vector<float>> unit_square(const Embedding& embedding) {
    return embedding.values.type == expression::ValueType::float32
               ? unit_square_in<float>(embedding.values)
               : unit_square_in<double>(embedding.values);
}

}  // namespace stroma::explorer
