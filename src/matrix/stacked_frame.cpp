#include "matrix/stacked_frame.h"

#include <algorithm>
#include <limits>
#include <optional>
#include <unordered_map>
#include <unordered_set>

namespace stroma::matrix {
namespace {

using expression::Array;
using expression::Categorical;
using expression::Column;
using expression::Frame;
using expression::TextArray;

/// One column's piece per frame; nullptr where the frame has none.
using Pieces = std::vector<const Column*>;

bool all_present(const Pieces& pieces) {
    return std::find(pieces.begin(), pieces.end(), nullptr) == pieces.end();
}

template <class Kind>
bool all_are(const Pieces& pieces) {
    return std::all_of(pieces.begin(), pieces.end(), [](const Column* piece) {
        return piece == nullptr || std::holds_alternative<Kind>(piece->values);
    });
}

bool all_texts_categories(const Pieces& pieces) {
    return all_are<Categorical>(pieces) &&
           std::all_of(pieces.begin(), pieces.end(), [](const Column* piece) {
               return piece == nullptr || std::holds_alternative<TextArray>(
                                              std::get<Categorical>(piece->values).categories);
           });
}

std::optional<expression::ValueType> common_type(const Pieces& pieces) {
    if (!all_are<Array>(pieces)) return std::nullopt;
    std::optional<expression::ValueType> type;
    for (const Column* piece : pieces) {
        if (piece == nullptr) continue;
        const auto own = std::get<Array>(piece->values).type;
        if (type && *type != own) return std::nullopt;
        type = own;
    }
    return type;
}

std::vector<bool> stacked_mask(const Pieces& pieces, const std::vector<std::size_t>& rows) {
    std::vector<bool> mask;
    for (std::size_t i = 0; i < pieces.size(); ++i)
        for (std::size_t row = 0; row < rows[i]; ++row)
            mask.push_back(pieces[i] == nullptr || pieces[i]->is_missing(row));
    return mask;
}

bool any_mask(const Pieces& pieces) {
    return std::any_of(pieces.begin(), pieces.end(), [](const Column* piece) {
        return piece != nullptr && piece->missing.has_value();
    });
}

Column stacked_numbers(const Pieces& pieces, const std::vector<std::size_t>& rows,
                       expression::ValueType type) {
    Column column;
    Array array{type, {0}, {}};
    for (std::size_t i = 0; i < pieces.size(); ++i) {
        array.shape[0] += rows[i];
        if (pieces[i] != nullptr) {
            const Array& piece = std::get<Array>(pieces[i]->values);
            array.bytes.insert(array.bytes.end(), piece.bytes.begin(), piece.bytes.end());
            continue;
        }
        const std::size_t begin = array.bytes.size();
        array.bytes.resize(begin + rows[i] * size_of(type));
        for (std::size_t row = 0; row < rows[i]; ++row) {
            if (type == expression::ValueType::float32)
                store(array.bytes.data() + begin + row * 4,
                      std::numeric_limits<float>::quiet_NaN());
            if (type == expression::ValueType::float64)
                store(array.bytes.data() + begin + row * 8,
                      std::numeric_limits<double>::quiet_NaN());
        }
    }
    const bool needs_mask = !is_floating(type) && !all_present(pieces);
    if (needs_mask || any_mask(pieces)) column.missing = stacked_mask(pieces, rows);
    column.values = std::move(array);
    return column;
}

Column stacked_categories(const Pieces& pieces, const std::vector<std::size_t>& rows) {
    Categorical joined;
    TextArray categories;
    std::unordered_map<std::string, std::int32_t> code_of;
    const TextArray* reference = nullptr;  // an order is kept only where all parts have it
    bool ordered = true;
    for (std::size_t i = 0; i < pieces.size(); ++i) {
        if (pieces[i] == nullptr) {
            joined.codes.insert(joined.codes.end(), rows[i], -1);
            continue;
        }
        const auto& piece = std::get<Categorical>(pieces[i]->values);
        const auto& own = std::get<TextArray>(piece.categories);
        if (!reference) reference = &own;
        ordered = ordered && piece.ordered && own == *reference;
        std::vector<std::int32_t> recoded(piece.category_count());
        for (std::size_t k = 0; k < recoded.size(); ++k) {
            const auto [place, is_new] = code_of.try_emplace(
                piece.category_text(k), static_cast<std::int32_t>(categories.size()));
            if (is_new) categories.push_back(place->first);
            recoded[k] = place->second;
        }
        for (const std::int32_t code : piece.codes)
            joined.codes.push_back(code < 0 ? -1 : recoded[static_cast<std::size_t>(code)]);
    }
    joined.categories = std::move(categories);
    joined.ordered = ordered;
    Column column;
    column.values = std::move(joined);
    return column;
}

Column stacked_texts(const Pieces& pieces, const std::vector<std::size_t>& rows) {
    Column column;
    TextArray texts;
    bool any_missing = false;
    for (std::size_t i = 0; i < pieces.size(); ++i)
        for (std::size_t row = 0; row < rows[i]; ++row) {
            const bool missing = pieces[i] == nullptr || pieces[i]->is_missing(row);
            any_missing = any_missing || missing;
            texts.push_back(missing ? std::string() : pieces[i]->text(row));
        }
    column.values = std::move(texts);
    if (any_missing) column.missing = stacked_mask(pieces, rows);
    return column;
}

Column stacked_column(const std::string& name, const Pieces& pieces,
                      const std::vector<std::size_t>& rows) {
    Column column = all_texts_categories(pieces) ? stacked_categories(pieces, rows)
                    : common_type(pieces) ? stacked_numbers(pieces, rows, *common_type(pieces))
                                          : stacked_texts(pieces, rows);
    column.name = name;
    return column;
}

TextArray stacked_index(const std::vector<Frame>& frames, const std::vector<std::string>& labels) {
    std::unordered_set<std::string> seen, repeated;
    for (const Frame& frame : frames)
        for (std::size_t row = 0; row < frame.row_count(); ++row)
            if (!seen.emplace(frame.index[row]).second) repeated.emplace(frame.index[row]);
    TextArray index;
    for (std::size_t i = 0; i < frames.size(); ++i)
        for (std::size_t row = 0; row < frames[i].row_count(); ++row) {
            std::string id(frames[i].index[row]);
            if (!repeated.empty() && repeated.contains(id)) id += "-" + labels[i];
            index.push_back(id);
        }
    return index;
}

}  // namespace

Frame stack_frames(const std::vector<Frame>& frames, const std::vector<std::string>& labels) {
    Frame stacked;
    if (frames.empty()) return stacked;
    if (frames.size() == 1) return frames[0];
    std::vector<std::size_t> rows;
    std::vector<std::string> names;
    for (const Frame& frame : frames) {
        rows.push_back(frame.row_count());
        for (const Column& column : frame.columns)
            if (std::find(names.begin(), names.end(), column.name) == names.end())
                names.push_back(column.name);
    }
    stacked.index_name = frames[0].index_name;
    stacked.index = stacked_index(frames, labels);
    for (const std::string& name : names) {
        Pieces pieces;
        for (const Frame& frame : frames) pieces.push_back(frame.find(name));
        stacked.columns.push_back(stacked_column(name, pieces, rows));
    }
    return stacked;
}

}  // namespace stroma::matrix
