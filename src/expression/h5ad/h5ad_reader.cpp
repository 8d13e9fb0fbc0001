#include "expression/h5ad/h5ad_reader.h"

#include <fmt/format.h>

#include <algorithm>

#include "expression/h5ad/h5ad_elements.h"
#include "expression/h5ad/hdf5_matrix.h"
#include "expression/h5ad/hdf5_values.h"
#include "expression/h5ad/reader_checks.h"

namespace stroma::expression {
namespace {

/// One reading of one file.
class H5adReading {
public:
    H5adReading(std::shared_ptr<Hdf5File> file, const ReadOptions& options)
        : file_(std::move(file)), elements_(*file_), options_(options) {}

    Result<AnnotatedData> run();

private:
    using Shape = std::pair<std::uint64_t, std::uint64_t>;

    Result<void> read_frames();
    Result<void> read_raw();
    Result<void> read_layers();
    Result<void> add_matrix(const std::string& path, const std::string& name, std::uint64_t genes,
                            Unit unit);
    Result<Shape> matrix_shape(const std::string& path) const;
    Result<void> check_axis(const Dict& dict, const std::string& name, std::uint64_t rows) const;
    Result<void> take_categories_from_uns();
    Result<void> take_categories(const std::string& name, const Column& categories, bool& taken);

    std::shared_ptr<Hdf5File> file_;
    H5adElements elements_;
    ReadOptions options_;
    AnnotatedData data_;
};

Result<AnnotatedData> H5adReading::run() {
    TRY(read_frames());
    for (const auto& [name, dict] : {std::pair{"obsm", &data_.obsm},
                                     {"varm", &data_.varm},
                                     {"obsp", &data_.obsp},
                                     {"varp", &data_.varp},
                                     {"uns", &data_.uns}})
        *dict = TRY(elements_.dict(name));
    TRY(check_axis(data_.obsm, "obsm", data_.obs.row_count()));
    TRY(check_axis(data_.obsp, "obsp", data_.obs.row_count()));
    TRY(check_axis(data_.varm, "varm", data_.var.row_count()));
    TRY(check_axis(data_.varp, "varp", data_.var.row_count()));
    if (file_->part("X") != Hdf5File::Part::absent)
        TRY(add_matrix("X", "X", data_.var.row_count(), Unit::unknown));
    TRY(read_raw());
    TRY(read_layers());
    TRY(take_categories_from_uns());
    TRY(settle_ids(data_.obs, "cell", file_->place("obs"), options_, data_.notes));
    TRY(settle_ids(data_.var, "gene", file_->place("var"), options_, data_.notes));
    return std::move(data_);
}

TextArray numbered(std::uint64_t count) {
    TextArray names;
    for (std::uint64_t i = 0; i < count; ++i) names.push_back(std::to_string(i));
    return names;
}

Result<void> H5adReading::read_frames() {
    for (const auto& [name, frame] : {std::pair{"obs", &data_.obs}, {"var", &data_.var}}) {
        if (file_->part(name) != Hdf5File::Part::absent) {
            *frame = TRY(elements_.frame(name));
            continue;
        }
        // As anndata does: a file of X alone gets the numbers for names.
        const auto [rows, columns] = TRY_WITH(matrix_shape("X"), file_->place(name) + ": missing");
        frame->index = numbered(frame == &data_.obs ? rows : columns);
        data_.notes.push_back(fmt::format("{} is missing; its rows are numbered", name));
    }
    return {};
}

Result<H5adReading::Shape> H5adReading::matrix_shape(const std::string& path) const {
    if (file_->has_group(path)) {
        if (elements_.sparse_order(path).empty())
            return fail(
                ErrorCode::unsupported,
                fmt::format("{}: encoding '{}' isn't known for a matrix", file_->place(path),
                            file_->text_attribute(path, "encoding-type")));
        const auto shape = TRY(elements_.sparse_shape(path));
        return Shape{shape[0], shape[1]};
    }
    const auto dataset = TRY(file_->dataset(path));
    if (dataset->rank() == 1) return Shape{dataset->shape()[0], 1};
    if (dataset->rank() != 2)
        return fail(ErrorCode::invalid_input, fmt::format("{}: a matrix must have two axes, not {}",
                                                          dataset->place(), dataset->rank()));
    return Shape{dataset->shape()[0], dataset->shape()[1]};
}

Result<void> H5adReading::add_matrix(const std::string& path, const std::string& name,
                                     std::uint64_t genes, Unit unit) {
    if (file_->has_dataset(path) && TRY(file_->dataset(path))->is_null()) return {};
    const std::uint64_t cells = data_.obs.row_count();
    const auto [rows, columns] = TRY(matrix_shape(path));
    if (rows != cells || columns != genes)
        return fail(ErrorCode::invalid_input,
                    fmt::format("{}: its shape is {} × {}, but there are {} cells and {} genes",
                                file_->place(path), rows, columns, cells, genes));
    NamedMatrix matrix{name, unit, nullptr};
    if (file_->has_group(path)) {
        const SparsePaths paths{join_path(path, "data"), join_path(path, "indices"),
                                join_path(path, "indptr"), file_->place(path)};
        const Order order = elements_.sparse_order(path) == "csr" ? Order::by_cell : Order::by_gene;
        matrix.source = TRY(open_sparse_matrix(file_, paths, order, cells, genes));
    } else {
        matrix.source = TRY(open_dense_matrix(file_, path, false, cells, genes));
    }
    data_.matrices.push_back(std::move(matrix));
    return {};
}

Result<void> H5adReading::read_raw() {
    const bool modern = file_->has_group("raw");
    const bool legacy = file_->part("raw.X") != Hdf5File::Part::absent;
    if (modern && legacy)
        return fail(ErrorCode::invalid_input,
                    file_->name() + ": holds both raw/X and raw.X; remove one");
    const std::string prefix = modern ? "raw/" : "raw.";
    if (file_->part(prefix + "X") == Hdf5File::Part::absent) return {};
    if (file_->part(prefix + "var") == Hdf5File::Part::absent)
        return fail(ErrorCode::invalid_input, file_->place(prefix + "var") + ": missing");
    data_.raw_var = TRY(elements_.frame(prefix + "var"));
    data_.raw_varm = TRY(elements_.dict(prefix + "varm"));
    TRY(check_axis(data_.raw_varm, prefix + "varm", data_.raw_var->row_count()));
    TRY(settle_ids(*data_.raw_var, "gene", file_->place(prefix + "var"), options_, data_.notes));
    return add_matrix(prefix + "X", "raw.X", data_.raw_var->row_count(), Unit::unknown);
}

Result<void> H5adReading::read_layers() {
    if (!file_->has_group("layers")) return {};
    for (const std::string& name : TRY(file_->names("layers"))) {
        const Unit unit = name == "counts" ? Unit::counts : Unit::unknown;
        TRY(add_matrix(join_path("layers", name), "layers/" + name, data_.var.row_count(), unit));
    }
    return {};
}

std::optional<std::uint64_t> row_count_of(const Element& element) {
    if (const auto* array = std::get_if<Array>(&element.value))
        return array->shape.empty() ? 0 : array->shape[0];
    if (const auto* grid = std::get_if<TextGrid>(&element.value))
        return grid->shape.empty() ? 0 : grid->shape[0];
    if (const auto* frame = std::get_if<Frame>(&element.value)) return frame->row_count();
    if (const auto* sparse = std::get_if<SparseArray>(&element.value)) return sparse->rows;
    if (const auto* column = std::get_if<Column>(&element.value)) return column->size();
    return std::nullopt;
}

Result<void> H5adReading::check_axis(const Dict& dict, const std::string& name,
                                     std::uint64_t rows) const {
    for (const auto& [key, element] : dict) {
        const std::optional<std::uint64_t> found = row_count_of(element);
        if (found && *found == rows) continue;
        return fail(ErrorCode::invalid_input,
                    fmt::format("{}: must have {} rows, not {}", file_->place(join_path(name, key)),
                                rows, found.value_or(0)));
    }
    return {};
}

// Before 0.7 a column of codes had its categories in uns/<column>_categories. As there was one
// entry for obs and var together, it belongs to whichever's codes fit.
Result<void> H5adReading::take_categories_from_uns() {
    constexpr std::string_view ending = "_categories";
    for (std::size_t i = 0; i < data_.uns.size();) {
        const std::string key = data_.uns[i].first;
        bool taken = false;
        const auto* grid = std::get_if<TextGrid>(&data_.uns[i].second.value);
        const auto* array = std::get_if<Array>(&data_.uns[i].second.value);
        if (key.ends_with(ending) && (grid != nullptr || array != nullptr)) {
            Column categories{key, {}, {}};
            if (grid != nullptr) categories.values = grid->texts;
            if (array != nullptr) categories.values = *array;
            TRY(take_categories(key.substr(0, key.size() - ending.size()), categories, taken));
        }
        if (taken)
            data_.uns.erase(data_.uns.begin() + static_cast<std::ptrdiff_t>(i));
        else
            ++i;
    }
    return {};
}

Result<void> H5adReading::take_categories(const std::string& name, const Column& categories,
                                          bool& taken) {
    for (Frame* frame : {&data_.obs, &data_.var}) {
        for (Column& column : frame->columns) {
            const auto* codes = std::get_if<Array>(&column.values);
            if (column.name != name || codes == nullptr || is_floating(codes->type)) continue;
            auto made = make_categorical(*codes, categories, false, file_->place(name));
            if (!made) continue;
            column.values = std::move(*made);
            taken = true;
        }
    }
    return {};
}

}  // namespace

bool H5adReader::recognises(InputFiles& files) const {
    return is_hdf5_with(files, {"obs", "var"}) || is_hdf5_with(files, {"X"});
}

Result<AnnotatedData> H5adReader::read(InputFiles& files, const ReadOptions& options) const {
    return H5adReading(TRY(open_hdf5_input(files, options)), options).run();
}

}  // namespace stroma::expression
