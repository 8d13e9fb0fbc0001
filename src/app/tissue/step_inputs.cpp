#include "app/tissue/step_inputs.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <cmath>

#include "app/site.h"
#include "expression/h5ad/h5ad_writer.h"
#include "expression/text/numbers.h"
#include "expression/text/table.h"
#include "load/child/parser_child.h"
#include "object/file_reader.h"
#include "object/mapped_reader.h"
#include "tissue/measure/joined_cells.h"

namespace stroma::app {
namespace {

std::string lower(std::string_view text) {
    std::string out(text);
    for (char& c : out) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
    return out;
}

Result<std::unique_ptr<object::MappedReader>> mapped(const fs::path& path) {
    const File file = TRY(File::open_to_read(path));
    MappedFile map = TRY(MappedFile::map(file));
    return std::make_unique<object::MappedReader>(std::move(map), path.filename().string());
}

loading::ParseRequest parse_request(const StepRun& run, const fs::path& path,
                                    std::string_view ending) {
    loading::ParseRequest request;
    request.input = path;
    request.scratch_folder = run.scratch();
    for (int number = 0; request.output.empty() || fs::exists(request.output); ++number)
        request.output = run.scratch() / fmt::format("{}{}", number, ending);
    request.durable = false;
    request.limits.memory_bytes =
        std::clamp<std::uint64_t>(run.memory_bytes() / 2, 512u << 20, std::uint64_t{8} << 30);
    request.limits.time = std::chrono::minutes(10);
    return request;
}

/// What MCQuant and this program say of a cell beside its markers.
constexpr std::array<std::string_view, 9> shape_heads = {
    "X_centroid",   "Y_centroid", "Area",   "MajorAxisLength", "MinorAxisLength",
    "Eccentricity", "Solidity",   "Extent", "Orientation"};

bool is_number_text(const expression::TextArray& texts) {
    expression::NumberText number;
    for (std::size_t i = 0; i < texts.size(); ++i)
        if (!texts[i].empty() && !expression::parse_number(texts[i], number)) return false;
    return texts.size() > 0;
}

std::vector<double> numbers_in(const expression::TextArray& texts) {
    std::vector<double> out(texts.size());
    expression::NumberText number;
    for (std::size_t i = 0; i < texts.size(); ++i)
        out[i] = expression::parse_number(texts[i], number) ? number.value : std::nan("");
    return out;
}

/// Markers are the columns of numbers before X_centroid; behind it they are columns about the cell.
tissue::CellTable table_of(const expression::Table& text) {
    tissue::CellTable table;
    for (std::size_t i = 0; i < text.columns[0].size(); ++i)
        table.ids.emplace_back(text.columns[0][i]);
    const auto end = std::find(text.header.begin(), text.header.end(), shape_heads[0]);
    std::vector<std::vector<double>> markers;
    for (std::size_t column = 1; column < text.columns.size(); ++column) {
        const std::string& name = text.header[column];
        const expression::TextArray& texts = text.columns[column];
        const bool is_shape =
            std::find(shape_heads.begin(), shape_heads.end(), name) != shape_heads.end();
        if (!is_number_text(texts)) {
            std::vector<std::string> words;
            for (std::size_t i = 0; i < texts.size(); ++i) words.emplace_back(texts[i]);
            table.set(tissue::WordColumn::of(name, words));
        } else if (is_shape || text.header.begin() + static_cast<std::ptrdiff_t>(column) > end) {
            table.set(tissue::NumberColumn{name, numbers_in(texts)});
        } else {
            table.markers.push_back(name);
            markers.push_back(numbers_in(texts));
        }
    }
    tissue::MarkerLayer x{"X", {}};
    x.values.resize(table.cell_count() * markers.size());
    for (std::size_t cell = 0; cell < table.cell_count(); ++cell)
        for (std::size_t i = 0; i < markers.size(); ++i)
            x.values[cell * markers.size() + i] = static_cast<float>(markers[i][cell]);
    table.set(std::move(x));
    const auto* across = table.number("X_centroid");
    const auto* down = table.number("Y_centroid");
    if (across != nullptr && down != nullptr) {
        tissue::CellEmbedding spatial{"spatial", 2, {}};
        for (std::size_t i = 0; i < table.cell_count(); ++i) {
            spatial.values.push_back(across->values[i]);
            spatial.values.push_back(down->values[i]);
        }
        table.set(std::move(spatial));
    }
    return table;
}

}  // namespace

std::string stem_of(const fs::path& path) {
    std::string name = path.filename().string();
    for (const std::string_view ending :
         {".gz", ".tiff", ".tif", ".png", ".zarr", ".jp2", ".image", ".h5ad", ".csv", ".ome"})
        if (name.size() > ending.size() && lower(name).ends_with(ending))
            name.erase(name.size() - ending.size());
    return name;
}

Result<Picture> open_picture(const StepRun& run, const fs::path& path, bool are_labels) {
    // Read and not mapped: slides are larger than the memory a step may have.
    if (path.extension() == ".image")
        return image::StoredImage::open(TRY(object::FileReader::open(path)));
    loading::ParseRequest request = parse_request(run, path, ".image");
    request.is_image = true;
    request.image.are_labels = are_labels;
    request.image.memory_bytes = request.limits.memory_bytes / 2;
    TRY(loading::parse_in_child(request, {}, run.watch("reading " + path.filename().string())));
    auto reader = TRY(object::FileReader::open(request.output));
    TRY(remove_file(request.output));
    return image::StoredImage::open(std::move(reader));
}

Result<std::size_t> channel_named(const image::ImageInfo& info, const std::string& name) {
    const auto& channels = info.channels;
    for (std::size_t i = 0; i < channels.size() && !name.empty(); ++i)
        if (lower(channels[i].name) == lower(name)) return i;
    std::uint64_t number = 0;
    if (expression::parse_whole(name, number) && number < channels.size()) return number;
    if (!name.empty()) {
        std::string names;
        for (std::size_t i = 0; i < std::min<std::size_t>(channels.size(), 60); ++i)
            names += fmt::format("{}{} ({})", i == 0 ? "" : ", ", channels[i].name, i);
        return fail(ErrorCode::invalid_input,
                    fmt::format("there is no channel '{}'; there are {}", name, names));
    }
    constexpr std::array<std::string_view, 6> usual = {"dapi",  "hoechst", "dna",
                                                       "nucle", "draq5",   "sytox"};
    for (const std::string_view word : usual)
        for (std::size_t i = 0; i < channels.size(); ++i)
            if (lower(channels[i].name).find(word) != std::string::npos) return i;
    return std::size_t{0};
}

Result<tissue::CellTable> open_cells(const StepRun& run, const fs::path& path) {
    if (lower(path.extension().string()) == ".csv") {
        const auto files = TRY(expression::open_input(path));
        expression::TableOptions options;
        options.guess = true;
        const auto text = TRY(expression::read_table(*files, files->name(), options));
        if (text.columns.size() < 2 || text.row_count() == 0)
            return fail(ErrorCode::invalid_input,
                        path.string() + ": a table of cells has an id and a marker at least");
        return table_of(text);
    }
    const loading::ParseRequest request = parse_request(run, path, ".sealed");
    TRY(loading::parse_in_child(request, format_readers(),
                                run.watch("reading " + path.filename().string())));
    auto reader = TRY(mapped(request.output));
    TRY(remove_file(request.output));
    const auto dataset = TRY(expression::SealedDataset::open(std::move(reader)));
    return tissue::cell_table_of(*dataset, run.memory_bytes());
}

Result<tissue::CellTable> open_all_cells(const StepRun& run) {
    const std::vector<fs::path>& paths = run.inputs("cells");
    std::vector<tissue::CellTable> tables;
    for (const fs::path& path : paths) {
        tables.push_back(TRY(open_cells(run, path)));
        tissue::CellTable& table = tables.back();
        if (paths.size() > 1 && table.word("image") == nullptr)
            table.set(tissue::WordColumn::of(
                "image", std::vector<std::string>(table.cell_count(), stem_of(path))));
    }
    return tissue::joined_cells(std::move(tables));
}

Result<std::string> write_cells(const StepRun& run, tissue::CellTable table,
                                const std::string& name) {
    table.steps.push_back(run.provenance());
    const std::string file = name + ".h5ad";
    const expression::AnnotatedData data = tissue::annotated(std::move(table));
    TRY(remove_file(run.output() / file));
    TRY(expression::H5adWriter().write(data, run.output() / file, {},
                                       run.watch("writing " + file)));
    return file;
}

}  // namespace stroma::app
