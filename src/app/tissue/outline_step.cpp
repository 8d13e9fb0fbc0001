#include <fmt/format.h>

#include <cmath>

#include "app/tissue/built_in.h"
#include "app/tissue/step_inputs.h"
#include "app/tissue/step_tables.h"
#include "base/json.h"
#include "sql/duckdb/duckdb_database.h"
#include "tissue/measure/outlines.h"

namespace stroma::app {
namespace {

/// A growing text file.
class TextFile {
public:
    static Result<TextFile> create(const fs::path& path) {
        TRY(remove_file(path));
        TextFile out;
        out.file_ = TRY(File::create(path));
        return out;
    }
    Result<void> add(std::string_view text) {
        text_ += text;
        return text_.size() < (1u << 20) ? Result<void>() : flush();
    }
    Result<void> flush() {
        TRY(file_.write_at(written_, as_bytes(text_)));
        written_ += text_.size();
        text_.clear();
        return {};
    }

private:
    File file_;
    std::string text_;
    std::uint64_t written_ = 0;
};

/// Features as QuPath has them, one a line; places in pixels, as its projects need them.
Result<void> write_geojson(const std::vector<tissue::CellOutline>& outlines,
                           const std::string& stem, const fs::path& path) {
    TextFile file = TRY(TextFile::create(path));
    TRY(file.add("{\"type\": \"FeatureCollection\", \"features\": [\n"));
    for (std::size_t i = 0; i < outlines.size(); ++i) {
        std::string text = fmt::format(
            "{{\"type\": \"Feature\", \"id\": \"{0}_{1}\", \"geometry\": {{\"type\": \"Polygon\", "
            "\"coordinates\": [[",
            Json(stem).dump().substr(1, Json(stem).dump().size() - 2), outlines[i].label);
        for (const tissue::OutlinePoint& point : outlines[i].points)
            text += fmt::format("[{},{}],", point.x, point.y);
        const tissue::OutlinePoint& first = outlines[i].points.front();
        text += fmt::format(
            "[{},{}]]]}}, \"properties\": {{\"objectType\": \"cell\", \"label\": {}}}}}{}\n",
            first.x, first.y, outlines[i].label, i + 1 < outlines.size() ? "," : "");
        TRY(file.add(text));
    }
    TRY(file.add("]}\n"));
    return file.flush();
}

/// Long form, a row for each point: cell_id, label, vertex_x, vertex_y in um, as Xenium has it.
Result<void> write_parquet(const StepRun& run, const std::vector<tissue::CellOutline>& outlines,
                           const std::string& stem, double scale, const fs::path& path) {
    const fs::path csv = run.scratch() / "outlines.csv";
    TextFile file = TRY(TextFile::create(csv));
    TRY(file.add("label,vertex_x,vertex_y\n"));
    for (const tissue::CellOutline& outline : outlines)
        for (std::size_t i = 0; i <= outline.points.size(); ++i) {
            const tissue::OutlinePoint& point = outline.points[i % outline.points.size()];
            TRY(file.add(
                fmt::format("{},{},{}\n", outline.label, point.x * scale, point.y * scale)));
        }
    TRY(file.flush());
    sql::DuckDbOptions options;
    options.threads = 1;  // rows stay in their order, and the bytes the same
    options.fenced = false;
    const auto database = TRY(sql::open_duckdb(options));
    const auto connection = TRY(database->connect());
    const auto quoted = [](std::string text) {
        for (std::size_t at = 0; (at = text.find('\'', at)) != text.npos; at += 2)
            text.insert(at, 1, '\'');
        return "'" + text + "'";
    };
    TRY(remove_file(path));
    TRY(connection->run_script(fmt::format(
        "COPY (SELECT {} || '_' || label AS cell_id, label, vertex_x, vertex_y FROM read_csv({}, "
        "header = true, columns = {{'label': 'BIGINT', 'vertex_x': 'DOUBLE', 'vertex_y': "
        "'DOUBLE'}})) TO {} (FORMAT parquet, COMPRESSION zstd)",
        quoted(stem), quoted(csv.string()), quoted(path.string()))));
    TRY(remove_file(csv));
    return {};
}

Result<void> outline_one(StepRun& run, const fs::path& path) {
    const std::string stem = stem_of(path);
    const Picture labels = TRY(open_picture(run, path, true));
    const auto outlines =
        TRY(tissue::outlines_of(*labels, run.number("tolerance"), run.watch("tracing " + stem)));
    const std::string geojson = stem + ".geojson", parquet = stem + ".parquet";
    TRY(write_geojson(outlines, stem, run.output() / geojson));
    run.made("outlines", geojson);
    const double micrometres =
        run.has("pixel_um") ? run.number("pixel_um") : labels->info().micrometres_x.value_or(1);
    TRY(write_parquet(run, outlines, stem, micrometres, run.output() / parquet));
    run.made("vertices", parquet);
    run.tell(stem + ": cells", static_cast<double>(outlines.size()));
    return {};
}

Result<void> outline(StepRun& run) {
    for (const fs::path& path : run.inputs("labels"))
        TRY_WITH(outline_one(run, path), path.filename().string());
    return {};
}

}  // namespace

Step outline_step() {
    using enum ParameterType;
    return {
        .name = "outline",
        .summary = "The borders of labels as GeoJSON and Parquet",
        .inputs = {{"labels", "labels", "cells or nuclei"}},
        .outputs = {{"outlines", "outlines", "GeoJSON in pixels, a feature for each cell"},
                    {"vertices", "table", "Parquet in um, a row for each point"}},
        .parameters = {{"tolerance", number, "0.5",
                        "points nearer to the border than so many pixels go; 0 keeps all", 0, 10},
                       {"pixel_um", number, "null", "side of a pixel, where the labels don't say",
                        1e-6, 1e6}},
        .run = outline,
    };
}

}  // namespace stroma::app
