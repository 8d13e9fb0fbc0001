#include "load/hca/hca_bundle.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/digest.h"
#include "expression/text/table.h"
#include "load/hca/hca_expression.h"
#include "warehouse/tables.h"

namespace stroma::loading {
namespace {

using namespace expression;

HcaProtocol protocol_of(std::string_view id) {
    if (id.starts_with("optimus")) return HcaProtocol::optimus;
    if (id.starts_with("smartseq2")) return HcaProtocol::smartseq2;
    if (id.starts_with("cellranger")) return HcaProtocol::cellranger;
    return HcaProtocol::other;
}

/// Refuses data files that differ, and expression files that are listed, absent and not alone in
/// that; notes the rest.
Result<void> judge_files(const FileReport& report, const HcaManifest& manifest,
                         const HcaBundleOptions& options, HcaBundle& bundle) {
    std::vector<std::string>& notes = bundle.data.notes;
    notes.push_back("files against the manifest: " + report.summary());
    const bool binds = options.manifest->binds;
    std::size_t metadata = 0;
    for (const FileReport::Difference& d : report.differ) {
        const std::string words = fmt::format(
            "file '{}' has sha256 {} ({} bytes), but the manifest of {} says {} ({} bytes)", d.name,
            d.actual_sha256, d.actual_size, manifest.fqid(), d.expected_sha256, d.expected_size);
        if (binds && (options.strict || !d.is_metadata))
            return fail(ErrorCode::invalid_input, words + "; fetch it again");
        if (d.is_metadata)
            ++metadata;
        else
            notes.push_back(words);
    }
    if (metadata > 0)
        notes.push_back(fmt::format("{} metadata files differ from the manifest", metadata));
    const auto needed = [&](const std::string& name) {
        return is_expression_file(name, bundle.protocol);
    };
    const bool any = std::any_of(report.match.begin(), report.match.end(), needed) ||
                     std::any_of(report.differ.begin(), report.differ.end(),
                                 [&](const auto& d) { return needed(d.name); });
    const auto lost = std::find_if(report.absent.begin(), report.absent.end(), needed);
    if (binds && any && lost != report.absent.end())
        return fail(ErrorCode::invalid_input,
                    fmt::format("file '{}' of bundle {} is absent while others of its matrix are "
                                "there; fetch it",
                                *lost, manifest.fqid()));
    return {};
}

Column constant_column(const std::string& name, const std::string& text, std::size_t rows) {
    Categorical values;
    values.codes.assign(rows, text.empty() ? -1 : 0);
    values.categories = text.empty() ? TextArray{} : TextArray{text};
    return {name, std::move(values), {}};
}

std::string text_in(const std::map<std::string, warehouse::Row>& rows, const std::string& table,
                    const std::string& column) {
    const auto row = rows.find(table);
    if (row == rows.end()) return "";
    const auto value = row->second.find(column);
    if (value == row->second.end()) return "";
    const auto* text = std::get_if<std::string>(&value->second);
    return text == nullptr ? "" : *text;
}

template <class T>
Column optional_column(const std::string& name, const std::vector<std::optional<T>>& values) {
    Array array{
        std::is_same_v<T, bool> ? ValueType::boolean : ValueType::int64, {values.size()}, {}};
    std::vector<bool> missing(values.size());
    for (std::size_t i = 0; i < values.size(); ++i) {
        missing[i] = !values[i];
        const auto value = static_cast<std::int64_t>(values[i].value_or(T{}));
        const auto* bytes = reinterpret_cast<const std::byte*>(&value);
        array.bytes.insert(array.bytes.end(), bytes, bytes + size_of(array.type));
    }
    Column column{name, std::move(array), {}};
    if (std::find(missing.begin(), missing.end(), true) != missing.end())
        column.missing = std::move(missing);
    return column;
}

/// The `cell` table's columns and obs's first columns, for all cells of the bundle.
void describe_cells(const HcaCells& cells, const std::string& folder, const HcaFile* file,
                    HcaBundle& bundle) {
    const TextArray& ids = bundle.data.obs.index;
    const std::size_t count = ids.size();
    auto& out = bundle.cell_columns;
    const auto same = [&](const std::string& column, const std::string& table,
                          const std::string& from) {
        const std::string text = text_in(bundle.compatibility, table, from);
        out[column].assign(count, text.empty() ? sql::Value{} : sql::Value{text});
    };
    same("cellsuspensionkey", "cell_suspension", "cellsuspensionkey");
    same("projectkey", "project", "projectkey");
    same("librarykey", "library_preparation", "librarykey");
    same("analysiskey", "analysis", "analysiskey");
    out["file_uuid"].assign(count, file == nullptr ? sql::Value{} : sql::Value{file->uuid});
    out["file_version"].assign(count, file == nullptr ? sql::Value{} : sql::Value{file->version});
    for (std::size_t i = 0; i < count; ++i) {
        const std::string id(ids[i]);
        const bool has_barcode = cells.has_barcodes;
        out["cellkey"].emplace_back(has_barcode ? md5_hex(folder + id) : id);
        out["stable_cellkey"].emplace_back(has_barcode ? md5_hex(bundle.uuid + id) : id);
        out["barcode"].push_back(has_barcode ? sql::Value{id} : sql::Value{});
        out["genes_detected"].emplace_back(cells.genes_detected[i]);
        out["total_umis"].push_back(cells.total_umis[i] ? sql::Value{*cells.total_umis[i]}
                                                        : sql::Value{});
        out["emptydrops_is_cell"].push_back(cells.is_cell[i] ? sql::Value{*cells.is_cell[i]}
                                                             : sql::Value{});
    }
}

void add_api_columns(const HcaCells& cells, const HcaFile* file, HcaBundle& bundle) {
    Frame obs;
    obs.index_name = cells.has_barcodes ? "barcode_id" : "cell_id";
    obs.index = std::move(bundle.data.obs.index);
    const std::size_t count = obs.index.size();
    std::vector<std::string>& notes = bundle.data.notes;
    const auto texts = [&](const char* name) {
        TextArray column;
        for (const sql::Value& value : bundle.cell_columns[name])
            column.push_back(std::get<std::string>(value));
        obs.columns.push_back({name, std::move(column), {}});
    };
    texts("cellkey");
    texts("stable_cellkey");
    if (cells.has_barcodes) texts("barcode");
    obs.columns.push_back({"genes_detected", Array::of(cells.genes_detected), {}});
    if (cells.has_barcodes) {
        obs.columns.push_back(optional_column("total_umis", cells.total_umis));
        obs.columns.push_back(optional_column("emptydrops_is_cell", cells.is_cell));
    }
    obs.columns.push_back(constant_column("file_uuid", file ? file->uuid : "", count));
    obs.columns.push_back(constant_column("file_version", file ? file->version : "", count));
    for (const warehouse::ApiField& field : warehouse::api_fields())
        if (field.table != "cell")
            obs.columns.push_back(constant_column(
                std::string(field.name),
                text_in(bundle.compatibility, std::string(field.table), std::string(field.column)),
                count));
    for (Column& column : bundle.data.obs.columns) add_column(obs, std::move(column), notes);
    bundle.data.obs = std::move(obs);
}

void name_bundle(const std::optional<HcaManifest>& manifest, const std::string& folder,
                 HcaBundle& bundle) {
    const std::size_t dot = folder.find('.');
    bundle.uuid = folder.substr(0, dot);
    bundle.version = dot == std::string::npos ? "" : folder.substr(dot + 1);
    if (manifest) {
        bundle.uuid = manifest->uuid;
        bundle.version = manifest->version;
    }
    bundle.fqid = bundle.uuid + "." + bundle.version;
    const auto name = [&](warehouse::Row& row) {
        row["bundle_fqid"] = bundle.fqid;
        row["bundle_uuid"] = bundle.uuid;
        row["bundle_version"] = bundle.version;
    };
    for (warehouse::Row& row : bundle.biology["analysis"]) name(row);
    if (bundle.compatibility.contains("analysis")) name(bundle.compatibility["analysis"]);
}

Result<void> add_cells(InputFiles& files, const std::optional<HcaManifest>& manifest,
                       const HcaBundleOptions& options, HcaBundle& bundle) {
    const std::string suspension =
        text_in(bundle.compatibility, "cell_suspension", "cellsuspensionkey");
    auto found = TRY(read_hca_cells(files, bundle.protocol, suspension, options));
    std::vector<std::string>& notes = bundle.data.notes;
    if (!found) {
        notes.push_back(bundle.protocol == HcaProtocol::other
                            ? "no known analysis pipeline: metadata only"
                            : "its expression files are absent: metadata only, no cells");
        return {};
    }
    HcaCells& cells = *found;
    cells.data.notes.insert(cells.data.notes.begin(), notes.begin(), notes.end());
    bundle.data = std::move(cells.data);
    const HcaFile* file = manifest ? manifest->find(cells.main_file) : nullptr;
    if (manifest)
        for (const std::string& name : cells.files)
            if (const HcaFile* one = manifest->find(name)) bundle.data_files.push_back(*one);
    describe_cells(cells, files.name(), file, bundle);
    add_api_columns(cells, file, bundle);
    return {};
}

}  // namespace

std::string_view name_of(HcaProtocol protocol) {
    switch (protocol) {
        case HcaProtocol::optimus: return "optimus";
        case HcaProtocol::smartseq2: return "smartseq2";
        case HcaProtocol::cellranger: return "cellranger";
        case HcaProtocol::other: return "other";
    }
    return "other";
}

bool looks_like_hca_bundle(InputFiles& files) {
    if (!files.is_folder()) return false;
    const auto names = files.list();
    if (!names) return false;
    return std::any_of(names->begin(), names->end(), [](const std::string& name) {
        return name == "links.json" || name == "biomaterial.json" ||
               (name.ends_with("_0.json") && name.find('/') == std::string::npos);
    });
}

Result<HcaBundle> read_hca_bundle(InputFiles& files, const HcaBundleOptions& options) {
    HcaBundle bundle;
    std::optional<HcaManifest> manifest;
    HcaMetadata metadata = TRY(read_hca_metadata(files, options.labels));
    bundle.protocol = protocol_of(metadata.analysis_protocol);
    if (options.manifest) {
        manifest = TRY_WITH(parse_hca_manifest(options.manifest->text), options.manifest->place);
        bundle.files = TRY(verify_hca_files(files, *manifest));
        TRY(judge_files(*bundle.files, *manifest, options, bundle));
    } else {
        bundle.data.notes.push_back("no manifest: no file was verified");
    }
    bundle.biology = std::move(metadata.rows);
    bundle.compatibility = std::move(metadata.compatibility);
    bundle.links = std::move(metadata.links);
    bundle.documents = std::move(metadata.documents);
    name_bundle(manifest, files.name(), bundle);
    TRY(add_cells(files, manifest, options, bundle));
    return bundle;
}

Result<std::map<std::string, std::string>> read_symbol_table(InputFiles& files,
                                                             std::string_view name) {
    const Table table =
        TRY(read_table(files, name, {.has_header = false, .dialect = {.quotes = false}}));
    if (table.columns.size() < 2)
        return fail(ErrorCode::invalid_input,
                    std::string(name) + " should have ids and symbols as its first two columns");
    std::map<std::string, std::string> symbols;
    for (std::size_t i = 0; i < table.row_count(); ++i) {
        std::string id(table.columns[0][i]);
        id.resize(std::min(id.find('.'), id.size()));
        const std::string symbol(table.columns[1][i]);
        symbols.emplace(symbol, id);
    }
    return symbols;
}

}  // namespace stroma::loading
