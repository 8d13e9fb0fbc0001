#include "tissue/measure/cell_table.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <numeric>
#include <unordered_map>

namespace stroma::tissue {
namespace {

using expression::Array;
using expression::Element;

constexpr std::string_view steps_name = "stroma_pipeline";

/// A matrix of cells by markers that is held dense; zeros are left out of lines.
class DenseLayer final : public expression::MatrixSource {
public:
    DenseLayer(std::vector<float> values, std::uint64_t cells, std::uint64_t markers)
        : values_(std::move(values)), cells_(cells), markers_(markers) {}

    std::uint64_t cell_count() const override { return cells_; }
    std::uint64_t gene_count() const override { return markers_; }
    expression::ValueType value_type() const override { return expression::ValueType::float32; }
    expression::Order order() const override { return expression::Order::by_cell; }
    bool was_dense() const override { return true; }
    bool is_random_access() const override { return true; }
    std::uint64_t lines_per_read() const override { return 1024; }
    Result<void> read_lines(std::uint64_t first, std::uint64_t count,
                            expression::LineBlock& out) override {
        out.first_line = first;
        out.starts = {0};
        out.places.clear();
        out.values.clear();
        for (std::uint64_t cell = first; cell < first + count; ++cell) {
            for (std::uint64_t marker = 0; marker < markers_; ++marker) {
                const float value = values_[cell * markers_ + marker];
                if (value == 0) continue;
                out.places.push_back(static_cast<std::uint32_t>(marker));
                const ByteSpan bytes = std::as_bytes(std::span(&value, 1));
                out.values.insert(out.values.end(), bytes.begin(), bytes.end());
            }
            out.starts.push_back(out.places.size());
        }
        return {};
    }

private:
    std::vector<float> values_;
    std::uint64_t cells_, markers_;
};

template <class T>
const T* named(const std::vector<T>& all, std::string_view name) {
    const auto at =
        std::find_if(all.begin(), all.end(), [&](const T& one) { return one.name == name; });
    return at == all.end() ? nullptr : &*at;
}

template <class T>
void put(std::vector<T>& all, T one) {
    const auto at = std::find_if(all.begin(), all.end(),
                                 [&](const T& other) { return other.name == one.name; });
    if (at == all.end())
        all.push_back(std::move(one));
    else
        *at = std::move(one);
}

expression::Column column_of(WordColumn words) {
    expression::TextArray levels;
    for (const std::string& level : words.levels) levels.push_back(level);
    return {std::move(words.name),
            expression::Categorical{std::move(words.codes), std::move(levels)},
            {}};
}

std::string quoted_csv(const std::string& text) {
    if (text.find_first_of(",\"\r\n") == text.npos) return text;
    std::string out = "\"";
    for (const char c : text) out += c == '"' ? std::string("\"\"") : std::string(1, c);
    return out + '"';
}

template <class T>
void append_csv(std::string& line, T value) {
    line += ',';
    if (std::isnan(value)) return;
    char text[32];
    line.append(text, std::to_chars(text, text + sizeof(text), value).ptr);
}

void take_column(const expression::Column& column, CellTable& table) {
    const std::size_t cells = table.cell_count();
    if (column.is_numeric()) {
        NumberColumn numbers{column.name, std::vector<double>(cells)};
        for (std::size_t i = 0; i < cells; ++i)
            numbers.values[i] =
                column.is_missing(i) ? std::nan("") : std::get<Array>(column.values).number(i);
        table.set(std::move(numbers));
        return;
    }
    WordColumn words{column.name, {}, {}};
    if (const auto* categorical = std::get_if<expression::Categorical>(&column.values)) {
        words.codes = categorical->codes;
        for (std::size_t i = 0; i < categorical->category_count(); ++i)
            words.levels.push_back(categorical->category_text(i));
    } else {
        std::vector<std::string> texts(cells);
        for (std::size_t i = 0; i < cells; ++i) texts[i] = column.text(i);
        words = WordColumn::of(column.name, texts);
    }
    table.set(std::move(words));
}

void take_embeddings(const expression::Dict& obsm, CellTable& table) {
    for (const auto& [name, element] : obsm) {
        const auto* array = std::get_if<Array>(&element.value);
        if (array == nullptr || array->shape.size() != 2 || array->shape[0] != table.cell_count() ||
            array->shape[1] > 1000)
            continue;
        CellEmbedding embedding{name, static_cast<std::uint32_t>(array->shape[1]), {}};
        embedding.values.resize(array->value_count());
        for (std::size_t i = 0; i < embedding.values.size(); ++i)
            embedding.values[i] = array->number(i);
        table.set(std::move(embedding));
    }
}

Result<MarkerLayer> layer_of(const expression::SealedDataset& dataset, const std::string& name,
                             std::size_t markers) {
    const auto matrix = TRY(dataset.matrix(name));
    MarkerLayer layer{name.starts_with("layers/") ? name.substr(7) : name, {}};
    const std::uint64_t cells = matrix->cell_count();
    layer.values.resize(cells * markers);
    std::vector<float> column(cells);
    for (std::uint32_t marker = 0; marker < markers; ++marker) {
        TRY(matrix->read_gene_dense(marker, column));
        for (std::uint64_t cell = 0; cell < cells; ++cell)
            layer.values[cell * markers + marker] = column[cell];
    }
    return layer;
}

void take_steps(const expression::Dict& uns, CellTable& table) {
    for (const auto& [name, element] : uns) {
        const auto* texts = std::get_if<expression::TextGrid>(&element.value);
        if (name != steps_name || texts == nullptr) continue;
        for (std::size_t i = 0; i < texts->texts.size(); ++i)
            table.steps.emplace_back(texts->texts[i]);
    }
}

}  // namespace

void WordColumn::push_back(std::string_view word) {
    const auto at = std::find(levels.begin(), levels.end(), word);
    codes.push_back(static_cast<std::int32_t>(at - levels.begin()));
    if (at == levels.end()) levels.emplace_back(word);
}

WordColumn WordColumn::of(std::string name, const std::vector<std::string>& words) {
    WordColumn out{std::move(name), {}, {}};
    std::unordered_map<std::string, std::int32_t> known;
    out.codes.reserve(words.size());
    for (const std::string& word : words) {
        const auto [at, is_new] = known.emplace(word, static_cast<std::int32_t>(known.size()));
        if (is_new) out.levels.push_back(word);
        out.codes.push_back(at->second);
    }
    return out;
}

const NumberColumn* CellTable::number(std::string_view name) const { return named(numbers, name); }
const WordColumn* CellTable::word(std::string_view name) const { return named(words, name); }
const MarkerLayer* CellTable::layer(std::string_view name) const { return named(layers, name); }
const CellEmbedding* CellTable::embedding(std::string_view name) const {
    return named(embeddings, name);
}
void CellTable::set(NumberColumn column) { put(numbers, std::move(column)); }
void CellTable::set(WordColumn column) { put(words, std::move(column)); }
void CellTable::set(MarkerLayer layer) { put(layers, std::move(layer)); }
void CellTable::set(CellEmbedding embedding) { put(embeddings, std::move(embedding)); }

expression::AnnotatedData annotated(CellTable table) {
    expression::AnnotatedData data;
    const std::uint64_t cells = table.cell_count(), markers = table.markers.size();
    for (const std::string& id : table.ids) data.obs.index.push_back(id);
    for (WordColumn& words : table.words) data.obs.columns.push_back(column_of(std::move(words)));
    for (NumberColumn& numbers : table.numbers)
        data.obs.columns.push_back({numbers.name, Array::of(numbers.values), {}});
    for (const std::string& marker : table.markers) data.var.index.push_back(marker);
    for (MarkerLayer& layer : table.layers)
        data.matrices.push_back(
            {layer.name == "X" ? "X" : "layers/" + layer.name, expression::Unit::normalised,
             std::make_unique<DenseLayer>(std::move(layer.values), cells, markers)});
    for (CellEmbedding& embedding : table.embeddings) {
        Array values = Array::of(embedding.values);
        values.shape = {cells, embedding.dims};
        data.obsm.emplace_back(embedding.name, Element(std::move(values)));
    }
    expression::TextGrid steps{{table.steps.size()}, {}};
    for (const std::string& step : table.steps) steps.texts.push_back(step);
    data.uns.emplace_back(std::string(steps_name), Element(std::move(steps)));
    return data;
}

Result<CellTable> cell_table_of(const expression::SealedDataset& dataset,
                                std::uint64_t memory_bytes) {
    CellTable table;
    const auto ids = TRY(dataset.cell_ids());
    const auto markers = TRY(dataset.gene_ids());
    for (std::size_t i = 0; i < ids.size(); ++i) table.ids.emplace_back(ids[i]);
    for (std::size_t i = 0; i < markers.size(); ++i) table.markers.emplace_back(markers[i]);
    const expression::Frame obs = TRY(dataset.obs());
    for (const expression::Column& column : obs.columns) take_column(column, table);
    std::uint64_t bytes = 0;
    for (const auto& matrix : dataset.summary().matrices) {
        if (matrix.name == "raw.X") continue;
        bytes += 4 * ids.size() * markers.size();
        if (bytes > memory_bytes)
            return fail(ErrorCode::exhausted,
                        fmt::format("limit: memory: {} cells by {} markers in {} layers need more "
                                    "than {} MiB",
                                    ids.size(), markers.size(), dataset.summary().matrices.size(),
                                    memory_bytes >> 20));
        table.set(TRY(layer_of(dataset, matrix.name, markers.size())));
    }
    take_embeddings(TRY(dataset.annotations("obsm")), table);
    take_steps(TRY(dataset.annotations("uns")), table);
    return table;
}

Result<void> write_csv(const CellTable& table, const fs::path& path) {
    std::string text = "CellID";
    for (const MarkerLayer& layer : table.layers)
        for (const std::string& marker : table.markers)
            text += "," + quoted_csv(layer.name == "X" ? marker : marker + "_" + layer.name);
    for (const NumberColumn& column : table.numbers) text += "," + quoted_csv(column.name);
    for (const WordColumn& column : table.words) text += "," + quoted_csv(column.name);
    text += '\n';
    File file = TRY(File::create(path));
    std::uint64_t written = 0;
    const std::size_t markers = table.markers.size();
    for (std::size_t cell = 0; cell < table.cell_count(); ++cell) {
        text += quoted_csv(table.ids[cell]);
        for (const MarkerLayer& layer : table.layers)
            for (std::size_t marker = 0; marker < markers; ++marker)
                append_csv(text, layer.values[cell * markers + marker]);
        for (const NumberColumn& column : table.numbers) append_csv(text, column.values[cell]);
        for (const WordColumn& column : table.words) {
            const std::int32_t code = column.codes[cell];
            text += ',';
            if (code >= 0) text += quoted_csv(column.levels[static_cast<std::size_t>(code)]);
        }
        text += '\n';
        if (text.size() < (1u << 20)) continue;
        TRY(file.write_at(written, std::as_bytes(std::span(text))));
        written += text.size();
        text.clear();
    }
    return file.write_at(written, std::as_bytes(std::span(text)));
}

}  // namespace stroma::tissue
