#include "explorer/net_labels.h"

#include <fmt/format.h>
#include <net_encoding_generated.h>

#include <cmath>
#include <set>
#include <unordered_map>

#include "base/json.h"

namespace stroma::explorer {
namespace {

namespace net = net_encoding;

constexpr std::size_t json_bytes_max = 256u << 20;

tl::unexpected<Error> bad(std::string message) {
    return fail(ErrorCode::invalid_input, std::move(message));
}

Result<Json> json_in(const flatbuffers::Vector<std::uint8_t>* bytes) {
    if (bytes == nullptr) return bad("a column of the table is empty");
    const std::string_view text(reinterpret_cast<const char*>(bytes->data()), bytes->size());
    return parse_json(text, {.bytes_max = json_bytes_max});
}

Result<std::string> text_of(const Json& value) {
    if (value.is_string()) return value.get<std::string>();
    if (value.is_number_integer() || value.is_boolean()) return value.dump();
    return bad("labels are texts or whole numbers");
}

class LabelList {
public:
    explicit LabelList(NetLabels& to) : to_(to) {}
    void add(std::string text) {
        const auto [place, is_new] =
            places_.emplace(text, static_cast<std::int32_t>(to_.labels.size()));
        if (is_new) to_.labels.push_back(std::move(text));
        to_.values.push_back(place->second);
    }
    void add_missing() { to_.values.push_back(-1); }

private:
    NetLabels& to_;
    std::unordered_map<std::string, std::int32_t> places_;
};

Result<void> read_json(const flatbuffers::Vector<std::uint8_t>* bytes, LabelList& list) {
    const Json values = TRY(json_in(bytes));
    if (!values.is_array()) return bad("a column of the table is no list");
    for (const Json& value : values) {
        if (value.is_null())
            list.add_missing();
        else
            list.add(TRY(text_of(value)));
    }
    return {};
}

/// Numbers are labels, too, as long as they are whole.
template <class Values>
Result<void> read_numbers(const Values* numbers, LabelList& list) {
    if (numbers == nullptr) return bad("a column of the table is empty");
    for (const auto number : *numbers) {
        const auto value = static_cast<double>(number);
        if (std::isnan(value)) {
            list.add_missing();
            continue;
        }
        if (value != std::floor(value) || std::abs(value) > 1e15)
            return bad("numbers of a label column must be whole");
        list.add(fmt::format("{}", static_cast<std::int64_t>(value)));
    }
    return {};
}

template <class Dictionary>
Result<void> read_dictionary(const Dictionary* column, LabelList& list) {
    if (column == nullptr || column->codes() == nullptr)
        return bad("a column of the table is empty");
    const Json dictionary = TRY(json_in(column->dict()));
    if (!dictionary.is_object()) return bad("a dictionary of the table is no JSON object");
    std::unordered_map<int, std::string> texts;
    for (const auto& [code, value] : dictionary.items())
        texts.emplace(std::atoi(code.c_str()), TRY(text_of(value)));
    for (const auto code : *column->codes()) {
        const auto text = texts.find(code);
        if (text == texts.end())
            list.add_missing();
        else
            list.add(text->second);
    }
    return {};
}

Result<void> read_column(const net::Column& column, NetLabels& labels) {
    LabelList list(labels);
    switch (column.u_type()) {
        case net::TypedArray_JSONEncodedArray:
            return read_json(column.u_as_JSONEncodedArray()->data(), list);
        case net::TypedArray_Float32Array:
            return read_numbers(column.u_as_Float32Array()->data(), list);
        case net::TypedArray_Float64Array:
            return read_numbers(column.u_as_Float64Array()->data(), list);
        case net::TypedArray_Int32Array:
            return read_numbers(column.u_as_Int32Array()->data(), list);
        case net::TypedArray_Uint32Array:
            return read_numbers(column.u_as_Uint32Array()->data(), list);
        case net::TypedArray_DictEncoded8: return read_dictionary(column.u_as_DictEncoded8(), list);
        case net::TypedArray_DictEncoded16:
            return read_dictionary(column.u_as_DictEncoded16(), list);
        case net::TypedArray_DictEncoded32:
            return read_dictionary(column.u_as_DictEncoded32(), list);
        case net::TypedArray_Int16Encoded:
        case net::TypedArray_NONE: break;
    }
    return bad("a column of the table is of a type that holds no labels");
}

Result<std::vector<std::string>> names_in(const net::Matrix& matrix) {
    const auto* index = matrix.col_index_as_JSONEncodedArray();
    if (index == nullptr) return bad("the table doesn't name its columns");
    const Json json = TRY(json_in(index->data()));
    std::vector<std::string> names;
    if (!json.is_array()) return bad("the table doesn't name its columns");
    for (const Json& name : json) names.push_back(TRY(text_of(name)));
    if (std::set<std::string>(names.begin(), names.end()).size() != names.size())
        return bad("two columns of the table have the same name");
    return names;
}

}  // namespace

Result<std::vector<NetLabels>> labels_from_net(ByteSpan body, std::uint32_t rows) {
    flatbuffers::Verifier verifier(reinterpret_cast<const std::uint8_t*>(body.data()), body.size());
    if (body.size() < sizeof(std::uint32_t) || !net::VerifyMatrixBuffer(verifier))
        return bad("the body is no table in cellxgene's encoding");
    const auto* matrix = net::GetMatrix(body.data());
    if (matrix->columns() == nullptr) return std::vector<NetLabels>();
    const auto names = TRY(names_in(*matrix));
    if (names.size() != matrix->columns()->size())
        return bad("the table has another number of names than of columns");
    std::vector<NetLabels> columns;
    for (std::size_t i = 0; i < names.size(); ++i) {
        NetLabels labels;
        labels.name = names[i];
        const auto* column = matrix->columns()->Get(static_cast<flatbuffers::uoffset_t>(i));
        TRY_WITH(read_column(*column, labels), "the column '" + names[i] + "'");
        if (labels.values.size() != rows)
            return bad(fmt::format("the column '{}' has {} rows; the revision has {} cells",
                                   names[i], labels.values.size(), rows));
        columns.push_back(std::move(labels));
    }
    return columns;
}

}  // namespace stroma::explorer
