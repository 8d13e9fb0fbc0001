#include "expression/loom/loom_reader.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <unordered_set>

#include "expression/h5ad/hdf5_matrix.h"
#include "expression/h5ad/hdf5_values.h"
#include "expression/h5ad/reader_checks.h"

namespace stroma::expression {
namespace {

void append_utf8(std::uint32_t code, std::string& out) {
    const auto put = [&](std::uint32_t byte) { out.push_back(static_cast<char>(byte)); };
    if (code < 0x80) {
        put(code);
    } else if (code < 0x800) {
        put(0xc0 | code >> 6);
        put(0x80 | (code & 63));
    } else if (code < 0x10000) {
        put(0xe0 | code >> 12);
        put(0x80 | (code >> 6 & 63));
        put(0x80 | (code & 63));
    } else {
        put(0xf0 | code >> 18);
        put(0x80 | (code >> 12 & 63));
        put(0x80 | (code >> 6 & 63));
        put(0x80 | (code & 63));
    }
}

/// The character that the reference between '&' and ';' stands for, 0 when it isn't one.
std::uint32_t referenced_character(std::string_view name) {
    constexpr std::pair<std::string_view, char> named[] = {
        {"amp", '&'}, {"lt", '<'}, {"gt", '>'}, {"quot", '"'}, {"apos", '\''}};
    for (const auto& [known, character] : named)
        if (name == known) return static_cast<unsigned char>(character);
    if (!name.starts_with('#')) return 0;
    const bool hexadecimal = name.size() > 1 && (name[1] == 'x' || name[1] == 'X');
    const std::string_view digits = name.substr(hexadecimal ? 2 : 1);
    std::uint32_t code = 0;
    const auto [end, error] =
        std::from_chars(digits.data(), digits.data() + digits.size(), code, hexadecimal ? 16 : 10);
    const bool whole = error == std::errc{} && end == digits.data() + digits.size();
    const bool surrogate = code >= 0xd800 && code < 0xe000;
    return whole && code <= 0x10ffff && !surrogate ? code : 0;
}

/// Loom 2 stores what isn't ASCII as XML character references.
TextArray without_references(const TextArray& texts) {
    if (texts.text_bytes().find('&') == std::string::npos) return texts;
    TextArray plain;
    std::string made;
    for (std::size_t i = 0; i < texts.size(); ++i) {
        const std::string_view text = texts[i];
        made.clear();
        for (std::size_t at = 0; at < text.size(); ++at) {
            const std::size_t end = text[at] == '&' ? text.find(';', at) : std::string_view::npos;
            const std::uint32_t code =
                end == std::string_view::npos
                    ? 0
                    : referenced_character(text.substr(at + 1, end - at - 1));
            if (code == 0) {
                made.push_back(text[at]);
            } else {
                append_utf8(code, made);
                at = end;
            }
        }
        plain.push_back(made);
    }
    return plain;
}

bool is_distinct(const TextArray& texts) {
    std::unordered_set<std::string_view> seen;
    for (std::size_t i = 0; i < texts.size(); ++i)
        if (!seen.insert(texts[i]).second) return false;
    return true;
}

/// Takes the column to be the index when the table has it.
bool take_index(Frame& frame, const std::string& name, bool must_be_distinct) {
    for (std::size_t i = 0; i < frame.columns.size(); ++i) {
        if (frame.columns[i].name != name) continue;
        TextArray ids = texts_of(frame.columns[i]);
        if (must_be_distinct && !is_distinct(ids)) return false;
        frame.index = std::move(ids);
        frame.index_name = name;
        frame.columns.erase(frame.columns.begin() + static_cast<std::ptrdiff_t>(i));
        return true;
    }
    return false;
}

/// One reading of one file.
class LoomReading {
public:
    LoomReading(std::shared_ptr<Hdf5File> file, const ReadOptions& options)
        : file_(std::move(file)), options_(options) {}
    Result<AnnotatedData> run();

private:
    Result<void> read_axis(const std::string& group, std::uint64_t lines, Frame& frame, Dict& wide);
    Result<Element> read_attribute_set(const std::string& path) const;
    Result<void> name_lines();
    Result<Dict> read_graphs(const std::string& group, std::uint64_t lines) const;
    Result<Element> read_graph(const std::string& path, std::uint64_t lines) const;
    Result<void> read_layers();
    Result<void> read_global_attributes();

    std::shared_ptr<Hdf5File> file_;
    ReadOptions options_;
    std::uint64_t genes_ = 0, cells_ = 0;
    AnnotatedData data_;
};

Result<AnnotatedData> LoomReading::run() {
    const Result<std::shared_ptr<Hdf5Dataset>> matrix = file_->dataset("matrix");
    if (!matrix)
        return fail(ErrorCode::invalid_input,
                    file_->name() + ": isn't a Loom file: it holds no dataset 'matrix'");
    if ((*matrix)->rank() != 2)
        return fail(ErrorCode::invalid_input, (*matrix)->place() + ": must have two axes");
    genes_ = (*matrix)->shape()[0];
    cells_ = (*matrix)->shape()[1];
    TRY(read_axis("col_attrs", cells_, data_.obs, data_.obsm));
    TRY(read_axis("row_attrs", genes_, data_.var, data_.varm));
    TRY(name_lines());
    data_.matrices.push_back(
        {"X", Unit::unknown, TRY(open_dense_matrix(file_, "matrix", true, cells_, genes_))});
    TRY(read_layers());
    data_.obsp = TRY(read_graphs("col_graphs", cells_));
    data_.varp = TRY(read_graphs("row_graphs", genes_));
    TRY(read_global_attributes());
    TRY(settle_ids(data_.obs, "cell", file_->place("col_attrs"), options_, data_.notes));
    TRY(settle_ids(data_.var, "gene", file_->place("row_attrs"), options_, data_.notes));
    return std::move(data_);
}

Result<Element> LoomReading::read_attribute_set(const std::string& path) const {
    const auto dataset = TRY(file_->dataset(path));
    Element read = TRY(read_element(*file_, *dataset, frame_text_bytes_max));
    if (auto* grid = std::get_if<TextGrid>(&read.value))
        grid->texts = without_references(grid->texts);
    return read;
}

Result<void> LoomReading::read_axis(const std::string& group, std::uint64_t lines, Frame& frame,
                                    Dict& wide) {
    if (!file_->has_group(group)) {
        data_.notes.push_back(group + " is missing");
        return {};
    }
    for (const std::string& name : TRY(file_->names(group))) {
        const std::string path = join_path(group, name);
        Element element = TRY(read_attribute_set(path));
        auto* array = std::get_if<Array>(&element.value);
        auto* grid = std::get_if<TextGrid>(&element.value);
        const std::vector<std::uint64_t> shape = array != nullptr  ? array->shape
                                                 : grid != nullptr ? grid->shape
                                                                   : std::vector<std::uint64_t>{};
        if (shape.empty() || shape[0] != lines)
            return fail(ErrorCode::invalid_input,
                        fmt::format("{}: has {} values, but the matrix has {} {}",
                                    file_->place(path), shape.empty() ? 0 : shape[0], lines,
                                    group == "col_attrs" ? "cells (columns)" : "genes (rows)"));
        if (shape.size() > 1) {
            wide.emplace_back(name, std::move(element));
            continue;
        }
        Column column{name, {}, {}};
        if (array != nullptr)
            column.values = std::move(*array);
        else
            column.values = std::move(grid->texts);
        frame.columns.push_back(std::move(column));
    }
    return {};
}

Result<void> LoomReading::name_lines() {
    const bool cells_named = take_index(data_.obs, "CellID", false) ||
                             take_index(data_.obs, "obs_names", false) ||
                             take_index(data_.obs, "cell_names", false);
    const bool genes_named =
        take_index(data_.var, "Accession", true) || take_index(data_.var, "Gene", true) ||
        take_index(data_.var, "var_names", false) || take_index(data_.var, "gene_names", false) ||
        take_index(data_.var, "Gene", false);
    const auto number = [&](Frame& frame, std::uint64_t lines, std::string_view what) {
        for (std::uint64_t i = 0; i < lines; ++i) frame.index.push_back(std::to_string(i));
        data_.notes.push_back(fmt::format("the file names no {}; they are numbered", what));
    };
    if (!cells_named) number(data_.obs, cells_, "cells");
    if (!genes_named) number(data_.var, genes_, "genes");
    return {};
}

Result<void> LoomReading::read_layers() {
    if (!file_->has_group("layers")) return {};
    for (const std::string& name : TRY(file_->names("layers"))) {
        const Unit unit = name == "counts" ? Unit::counts : Unit::unknown;
        auto source =
            TRY(open_dense_matrix(file_, join_path("layers", name), true, cells_, genes_));
        data_.matrices.push_back({"layers/" + name, unit, std::move(source)});
    }
    return {};
}

Result<Dict> LoomReading::read_graphs(const std::string& group, std::uint64_t lines) const {
    Dict graphs;
    if (!file_->has_group(group)) return graphs;
    for (const std::string& name : TRY(file_->names(group)))
        graphs.emplace_back(name, TRY(read_graph(join_path(group, name), lines)));
    return graphs;
}

/// Edges a → b of weight w, as CSR; edges that occur twice both stay.
Result<Element> LoomReading::read_graph(const std::string& path, std::uint64_t lines) const {
    const std::string place = file_->place(path);
    const std::vector<std::int64_t> from = TRY(read_integers(*file_, join_path(path, "a")));
    const std::vector<std::int64_t> to = TRY(read_integers(*file_, join_path(path, "b")));
    const Array weights = TRY(read_numbers(*file_, join_path(path, "w")));
    if (from.size() != to.size() || weights.value_count() != from.size())
        return fail(ErrorCode::invalid_input, place + ": a, b and w differ in length");
    std::vector<std::int64_t> starts(lines + 1, 0);
    for (std::size_t i = 0; i < from.size(); ++i) {
        const auto limit = static_cast<std::int64_t>(lines);
        if (from[i] < 0 || from[i] >= limit || to[i] < 0 || to[i] >= limit)
            return fail(ErrorCode::invalid_input,
                        fmt::format("{}: edge {} joins {} and {}, but there are {} lines", place, i,
                                    from[i], to[i], lines));
        ++starts[from[i] + 1];
    }
    for (std::uint64_t i = 0; i < lines; ++i) starts[i + 1] += starts[i];
    std::vector<std::int64_t> next(starts.begin(), starts.end() - 1), places(from.size());
    const std::size_t value_bytes = size_of(weights.type);
    Array values{weights.type, {from.size()}, Bytes(from.size() * value_bytes)};
    for (std::size_t i = 0; i < from.size(); ++i) {
        const auto at = static_cast<std::size_t>(next[from[i]]++);
        places[at] = to[i];
        std::memcpy(values.bytes.data() + at * value_bytes, weights.bytes.data() + i * value_bytes,
                    value_bytes);
    }
    return Element{
        SparseArray{true, lines, lines, std::move(values), Array::of(places), Array::of(starts)}};
}

/// Version 2 keeps them as attributes of the root, version 3 as scalar datasets in /attrs.
Result<void> LoomReading::read_global_attributes() {
    for (const std::string& name : file_->attribute_names("")) {
        Element element = TRY(file_->attribute("", name));
        if (auto* grid = std::get_if<TextGrid>(&element.value))
            grid->texts = without_references(grid->texts);
        data_.uns.emplace_back(name, std::move(element));
    }
    if (!file_->has_group("attrs")) return {};
    for (const std::string& name : TRY(file_->names("attrs"))) {
        const bool known = std::any_of(data_.uns.begin(), data_.uns.end(),
                                       [&](const auto& entry) { return entry.first == name; });
        const std::string path = join_path("attrs", name);
        if (known || !file_->has_dataset(path)) continue;
        data_.uns.emplace_back(name, TRY(read_attribute_set(path)));
    }
    return {};
}

}  // namespace

bool LoomReader::recognises(InputFiles& files) const {
    return is_hdf5_with(files, {"matrix", "row_attrs", "col_attrs"});
}

Result<AnnotatedData> LoomReader::read(InputFiles& files, const ReadOptions& options) const {
    return LoomReading(TRY(open_hdf5_input(files, options)), options).run();
}

}  // namespace stroma::expression
