#include "expression/sealed/annotations_codec.h"

#include <fmt/format.h>

#include <algorithm>
#include <limits>

namespace stroma::expression {
namespace {

constexpr unsigned depth_max = 64;
constexpr std::size_t dimensions_max = 32;

class Encoder {
public:
    template <class T>
    void number(T value) {
        const std::size_t at = out_.size();
        out_.resize(at + sizeof value);
        store(out_.data() + at, value);
    }
    void raw(ByteSpan bytes) { out_.insert(out_.end(), bytes.begin(), bytes.end()); }
    void text(std::string_view text) {
        number(std::uint64_t{text.size()});
        raw(as_bytes(text));
    }
    void shape(const std::vector<std::uint64_t>& shape) {
        number(static_cast<std::uint8_t>(shape.size()));
        for (const std::uint64_t length : shape) number(length);
    }
    void operator()(std::monostate) {}
    void operator()(const Array& array) {
        number(static_cast<std::uint8_t>(array.type));
        shape(array.shape);
        raw(array.bytes);
    }
    void operator()(const TextArray& texts) {
        number(std::uint64_t{texts.size()});
        for (const std::uint64_t end : texts.ends()) number(end);
        raw(as_bytes(texts.text_bytes()));
    }
    void operator()(const TextGrid& grid) {
        shape(grid.shape);
        (*this)(grid.texts);
    }
    void operator()(const Categorical& categorical) {
        number(static_cast<std::uint8_t>(categorical.ordered));
        number(static_cast<std::uint8_t>(categorical.categories.index()));
        std::visit(*this, categorical.categories);
        number(std::uint64_t{categorical.codes.size()});
        raw(std::as_bytes(std::span(categorical.codes)));
    }
    void operator()(const Column& column) {
        text(column.name);
        number(static_cast<std::uint8_t>(column.values.index()));
        std::visit(*this, column.values);
        number(static_cast<std::uint8_t>(column.missing.has_value()));
        if (!column.missing) return;
        number(std::uint64_t{column.missing->size()});
        for (const bool missing : *column.missing) number(static_cast<std::uint8_t>(missing));
    }
    void columns(const std::vector<Column>& columns) {
        number(std::uint64_t{columns.size()});
        for (const Column& column : columns) (*this)(column);
    }
    void operator()(const Frame& frame) {
        text(frame.index_name);
        (*this)(frame.index);
        columns(frame.columns);
    }
    void operator()(const SparseArray& sparse) {
        number(static_cast<std::uint8_t>(sparse.by_row));
        number(sparse.rows);
        number(sparse.columns);
        (*this)(sparse.data);
        (*this)(sparse.indices);
        (*this)(sparse.indptr);
    }
    void operator()(const Records& records) { columns(records.fields); }
    void operator()(const Dict& dict) {
        number(std::uint64_t{dict.size()});
        for (const auto& [name, element] : dict) {
            text(name);
            (*this)(element);
        }
    }
    void operator()(const Element& element) {
        number(static_cast<std::uint8_t>(element.value.index()));
        std::visit(*this, element.value);
    }
    Bytes take() { return std::move(out_); }

private:
    Bytes out_;
};

class Decoder {
public:
    explicit Decoder(ByteSpan bytes) : rest_(bytes) {}

    template <class T>
    Result<T> number() {
        if (rest_.size() < sizeof(T)) return fail(ErrorCode::corrupt, "annotations end too early");
        const T value = load<T>(rest_.data());
        rest_ = rest_.subspan(sizeof(T));
        return value;
    }
    /// How many things follow that take at least `size` bytes each.
    Result<std::uint64_t> count(std::uint64_t size) {
        const auto count = TRY(number<std::uint64_t>());
        if (count > rest_.size() / size)
            return fail(ErrorCode::corrupt, "annotations name more values than they hold");
        return count;
    }
    ByteSpan raw(std::uint64_t size) {
        const ByteSpan taken = rest_.first(size);
        rest_ = rest_.subspan(size);
        return taken;
    }
    Result<std::string> text() { return std::string(as_text(raw(TRY(count(1))))); }

    Result<std::vector<std::uint64_t>> shape() {
        const auto dimensions = TRY(number<std::uint8_t>());
        if (dimensions > dimensions_max)
            return fail(ErrorCode::corrupt, "annotations have an array of too many dimensions");
        std::vector<std::uint64_t> shape;
        for (unsigned i = 0; i < dimensions; ++i) shape.push_back(TRY(number<std::uint64_t>()));
        return shape;
    }

    Result<Array> array() {
        const auto type = TRY(number<std::uint8_t>());
        if (type > static_cast<std::uint8_t>(ValueType::float64))
            return fail(ErrorCode::corrupt, "annotations have an array of an unknown type");
        Array array;
        array.type = static_cast<ValueType>(type);
        array.shape = TRY(shape());
        const auto values = values_in(array.shape, rest_.size() / size_of(array.type));
        if (!values) return fail(ErrorCode::corrupt, "annotations have an array cut short");
        const ByteSpan bytes = raw(*values * size_of(array.type));
        array.bytes.assign(bytes.begin(), bytes.end());
        return array;
    }

    Result<TextArray> texts() {
        const auto size = TRY(count(sizeof(std::uint64_t)));
        const ByteSpan ends = raw(size * sizeof(std::uint64_t));
        const std::uint64_t bytes =
            size == 0 ? 0 : load<std::uint64_t>(ends.data() + (size - 1) * 8);
        if (bytes > rest_.size())
            return fail(ErrorCode::corrupt, "annotations have a text cut short");
        const std::string_view all = as_text(raw(bytes));
        TextArray texts;
        texts.reserve(size, bytes);
        std::uint64_t begin = 0;
        for (std::uint64_t i = 0; i < size; ++i) {
            const auto end = load<std::uint64_t>(ends.data() + i * 8);
            if (end < begin || end > bytes)
                return fail(ErrorCode::corrupt, "annotations have texts that overlap");
            texts.push_back(all.substr(begin, end - begin));
            begin = end;
        }
        return texts;
    }

    Result<TextGrid> grid() {
        TextGrid grid;
        grid.shape = TRY(shape());
        grid.texts = TRY(texts());
        const auto values = values_in(grid.shape, grid.texts.size());
        if (!values || *values != grid.texts.size())
            return fail(ErrorCode::corrupt, "annotations have texts that don't fill their shape");
        return grid;
    }

    Result<Categorical> categorical() {
        Categorical out;
        out.ordered = TRY(number<std::uint8_t>()) != 0;
        if (TRY(number<std::uint8_t>()) == 0)
            out.categories = TRY(texts());
        else
            out.categories = TRY(array());
        const auto size = TRY(count(sizeof(std::int32_t)));
        const ByteSpan codes = raw(size * sizeof(std::int32_t));
        out.codes.resize(size);
        if (size > 0) std::memcpy(out.codes.data(), codes.data(), codes.size());
        return out;
    }

    Result<Column> column() {
        Column out;
        out.name = TRY(text());
        switch (TRY(number<std::uint8_t>())) {
            case 0: out.values = TRY(array()); break;
            case 1: out.values = TRY(texts()); break;
            case 2: out.values = TRY(categorical()); break;
            default: return fail(ErrorCode::corrupt, "annotations have a column of no known kind");
        }
        if (TRY(number<std::uint8_t>()) != 0) {
            const auto size = TRY(count(1));
            out.missing.emplace();
            for (const std::byte missing : raw(size))
                out.missing->push_back(missing != std::byte{0});
        }
        if (const auto fits = check(out); !fits)
            return fail(ErrorCode::corrupt, fits.error().message);
        return out;
    }

    Result<std::vector<Column>> columns() {
        const auto size = TRY(count(10));
        std::vector<Column> out;
        for (std::uint64_t i = 0; i < size; ++i) out.push_back(TRY(column()));
        return out;
    }

    Result<Frame> frame() {
        Frame out;
        out.index_name = TRY(text());
        out.index = TRY(texts());
        out.columns = TRY(columns());
        for (const Column& column : out.columns)
            if (column.size() != out.row_count())
                return fail(ErrorCode::corrupt, "annotations have a frame of uneven columns");
        return out;
    }

    Result<SparseArray> sparse() {
        SparseArray out;
        out.by_row = TRY(number<std::uint8_t>()) != 0;
        out.rows = TRY(number<std::uint64_t>());
        out.columns = TRY(number<std::uint64_t>());
        out.data = TRY(array());
        out.indices = TRY(array());
        out.indptr = TRY(array());
        if (const auto fits = check(out); !fits)
            return fail(ErrorCode::corrupt, fits.error().message);
        return out;
    }

    Result<Dict> dict(unsigned depth) {
        const auto size = TRY(count(9));
        Dict out;
        for (std::uint64_t i = 0; i < size; ++i) {
            std::string name = TRY(text());
            out.emplace_back(std::move(name), TRY(element(depth + 1)));
        }
        return out;
    }

    Result<Element> element(unsigned depth = 0) {
        if (depth > depth_max) return fail(ErrorCode::corrupt, "annotations are nested too deeply");
        switch (TRY(number<std::uint8_t>())) {
            case 0: return Element{};
            case 1: return as_element(array());
            case 2: return as_element(grid());
            case 3: return as_element(frame());
            case 4: return as_element(sparse());
            case 5:
                return as_element(columns().map(
                    [](std::vector<Column>&& fields) { return Records{std::move(fields)}; }));
            case 6: return as_element(column());
            case 7: return as_element(dict(depth));
            default:
                return fail(ErrorCode::corrupt, "annotations have an element of no known kind");
        }
    }

    template <class T>
    static Result<Element> as_element(Result<T> value) {
        if (!value) return fail(std::move(value.error()));
        return Element{*std::move(value)};
    }
    template <class T>
    Result<T> whole(Result<T> value) {
        if (value && !rest_.empty())
            return fail(ErrorCode::corrupt, "annotations are longer than what they hold");
        return value;
    }

private:
    /// product(shape), or nothing when it passes `most`.
    static std::optional<std::uint64_t> values_in(const std::vector<std::uint64_t>& shape,
                                                  std::uint64_t most) {
        if (std::find(shape.begin(), shape.end(), 0) != shape.end()) return 0;
        std::uint64_t values = 1;
        for (const std::uint64_t length : shape) {
            if (length > most / values) return std::nullopt;
            values *= length;
        }
        if (values > most) return std::nullopt;
        return values;
    }

    ByteSpan rest_;
};

Result<void> wrong(std::string message) {
    return fail(ErrorCode::invalid_input, std::move(message));
}

struct Checker {
    unsigned depth = 0;

    Result<void> operator()(std::monostate) const { return {}; }
    Result<void> operator()(const Array& array) const {
        if (array.shape.size() > dimensions_max) return wrong("an array of too many dimensions");
        if (array.value_count() * size_of(array.type) != array.bytes.size())
            return wrong(fmt::format("an array of {} values has {} bytes", array.value_count(),
                                     array.bytes.size()));
        return {};
    }
    Result<void> operator()(const TextGrid& grid) const {
        std::uint64_t values = 1;
        for (const std::uint64_t length : grid.shape) values *= length;
        if (values != grid.texts.size()) return wrong("texts that don't fill their shape");
        return {};
    }
    Result<void> operator()(const Frame& frame) const {
        for (const Column& column : frame.columns) {
            TRY(check(column));
            if (column.size() != frame.row_count())
                return wrong(fmt::format("column '{}' has {} rows and its frame {}", column.name,
                                         column.size(), frame.row_count()));
        }
        return {};
    }
    Result<void> operator()(const SparseArray& sparse) const {
        TRY((*this)(sparse.data));
        TRY((*this)(sparse.indices));
        TRY((*this)(sparse.indptr));
        return check(sparse);
    }
    Result<void> operator()(const Records& records) const {
        for (const Column& field : records.fields) {
            TRY(check(field));
            if (field.size() != records.fields[0].size()) return wrong("records of uneven fields");
        }
        return {};
    }
    Result<void> operator()(const Column& column) const { return check(column); }
    Result<void> operator()(const Dict& dict) const {
        if (depth >= depth_max) return wrong("nested deeper than 64");
        for (const auto& [name, element] : dict)
            TRY_WITH(std::visit(Checker{depth + 1}, element.value), name);
        return {};
    }
};

Result<void> check_codes(const Categorical& categorical) {
    if (const auto* numbers = std::get_if<Array>(&categorical.categories)) TRY(Checker{}(*numbers));
    const std::size_t categories = categorical.category_count();
    for (std::size_t row = 0; row < categorical.codes.size(); ++row) {
        const std::int32_t code = categorical.codes[row];
        if (code < -1 || (code >= 0 && static_cast<std::size_t>(code) >= categories))
            return wrong(
                fmt::format("row {} has code {}; there are {} categories", row, code, categories));
    }
    return {};
}

}  // namespace

Bytes encode(const Element& element) {
    Encoder encoder;
    encoder(element);
    return encoder.take();
}

Bytes encode(const Column& column) {
    Encoder encoder;
    encoder(column);
    return encoder.take();
}

Bytes encode(const TextArray& texts) {
    Encoder encoder;
    encoder(texts);
    return encoder.take();
}

Result<Element> decode_element(ByteSpan bytes) {
    Decoder decoder(bytes);
    return decoder.whole(decoder.element());
}

Result<Column> decode_column(ByteSpan bytes) {
    Decoder decoder(bytes);
    return decoder.whole(decoder.column());
}

Result<TextArray> decode_texts(ByteSpan bytes) {
    Decoder decoder(bytes);
    return decoder.whole(decoder.texts());
}

Result<void> check(const Element& element) { return std::visit(Checker{}, element.value); }

Result<void> check(const Column& column) {
    if (const auto* array = std::get_if<Array>(&column.values)) TRY(Checker{}(*array));
    if (const auto* categorical = std::get_if<Categorical>(&column.values))
        TRY_WITH(check_codes(*categorical), fmt::format("column '{}'", column.name));
    if (column.missing && column.missing->size() != column.size())
        return wrong(fmt::format("column '{}' has {} values and a mask of {}", column.name,
                                 column.size(), column.missing->size()));
    return {};
}

}  // namespace stroma::expression
