#include "load/bundle_import.h"

#include "base/json.h"
#include "expression/sealed_dataset.h"
#include "load/hca/hca_bundle.h"

namespace stroma::loading {
namespace {

std::string report_json(const std::optional<FileReport>& files) {
    if (!files) return "{}";
    Json differ = Json::array();
    for (const auto& file : files->differ)
        differ.push_back({{"name", file.name},
                          {"expected_sha256", file.expected_sha256},
                          {"actual_sha256", file.actual_sha256}});
    return Json{{"match", files->match}, {"differ", differ}, {"absent", files->absent}}.dump();
}

sql::Value text(const std::string& value) {
    return value.empty() ? sql::Value{} : sql::Value{value};
}

std::vector<warehouse::Row> document_rows(const std::vector<HcaDocument>& documents) {
    std::vector<warehouse::Row> rows;
    for (const HcaDocument& document : documents)
        rows.push_back({{"document_id", text(document.id)},
                        {"document_type", text(document.type)},
                        {"file_name", text(document.file)},
                        {"content", text(document.text)}});
    return rows;
}

std::vector<warehouse::Row> file_rows(const std::vector<HcaFile>& files) {
    std::vector<warehouse::Row> rows;
    for (const HcaFile& file : files)
        rows.push_back({{"file_uuid", text(file.uuid)},
                        {"file_version", text(file.version)},
                        {"file_name", text(file.name)},
                        {"content_type", text(file.content_type)},
                        {"size", static_cast<std::int64_t>(file.size)},
                        {"sha256", text(file.sha256)}});
    return rows;
}

/// One row for each thing a process took or made, and each protocol it followed.
std::vector<warehouse::Row> link_rows(const std::vector<HcaLink>& links) {
    std::vector<warehouse::Row> rows;
    for (const HcaLink& link : links) {
        rows.push_back({{"process_id", text(link.process)},
                        {"link_type", std::string("process")},
                        {"source_id", text(link.input)},
                        {"source_type", text(link.input_type)},
                        {"target_id", text(link.output)},
                        {"target_type", text(link.output_type)}});
        for (const std::string& protocol : link.protocols)
            rows.push_back({{"process_id", text(link.process)},
                            {"link_type", std::string("protocol")},
                            {"source_id", text(protocol)},
                            {"source_type", std::string("protocol")}});
    }
    return rows;
}

/// {"file": "matrix.mtx"}, or for a Zarr array the start of its chunks' names and their shape.
Result<std::string> matrix_json(expression::InputFiles& files) {
    for (const std::string& name : TRY(files.list())) {
        if (name == "matrix.mtx" || name.ends_with("_rsem.genes.results"))
            return Json{{"file", name}}.dump();
        constexpr std::string_view ending = "expression!.zarray";
        const bool is_array = name.ends_with(ending) || name.ends_with("expression/.zarray");
        if (!is_array) continue;
        const File file = TRY(files.open(name));
        std::string text(std::min<std::uint64_t>(TRY(file.size()), 1u << 20), ' ');
        TRY(file.read_at(0, std::as_writable_bytes(std::span(text))));
        const Json array = TRY(parse_json(text));
        const Json chunk = array.is_object() ? array.value("chunks", Json()) : Json();
        const std::string start = name.substr(0, name.size() - std::string_view(".zarray").size());
        if (chunk.size() == 2) return Json{{"file", start}, {"chunk", chunk}}.dump();
        return Json{{"file", start}}.dump();
    }
    return std::string("{}");
}

std::string title_of(const HcaBundle& bundle) {
    const auto projects = bundle.biology.find("project");
    if (projects == bundle.biology.end() || projects->second.empty()) return "";
    const auto title = projects->second[0].find("title");
    const auto* known =
        title == projects->second[0].end() ? nullptr : std::get_if<std::string>(&title->second);
    return known == nullptr ? "" : *known;
}

}  // namespace

void BundleRows::add_to(warehouse::RevisionRows& rows) const {
    rows.bundle_uuid = uuid;
    rows.bundle_version = version;
    rows.cell_columns = cell_columns;
    rows.biology = biology;
}

Result<bool> is_bundle(const fs::path& path) {
    if (!fs::is_directory(path)) return false;
    const auto files = TRY(expression::open_input(path));
    return looks_like_hca_bundle(*files);
}

Result<std::map<std::string, std::string>> symbols_of_file(const fs::path& table) {
    const auto files = TRY(expression::open_input(table));
    return read_symbol_table(*files, files->name());
}

Result<std::map<std::string, std::string>> symbols_of_annotation(warehouse::Warehouse& warehouse) {
    const auto rows = TRY_WITH(
        warehouse.query("SELECT featurename, min(featurekey) FROM feature WHERE isgene AND "
                        "featurename IS NOT NULL GROUP BY featurename",
                        {}, {}),
        "reading the names of the annotation");
    std::map<std::string, std::string> symbols;
    while (TRY(rows->next())) symbols.emplace(rows->text(0), rows->text(1));
    return symbols;
}

Result<BundleRows> seal_bundle(const BundleSource& source, const fs::path& output,
                               const fs::path& scratch_folder, const expression::Watch& watch) {
    const auto files = TRY(expression::open_input(source.folder));
    HcaBundleOptions options;
    options.manifest = TRY(find_hca_manifest(source.folder));
    options.strict = source.strict;
    options.ensembl_of_symbol = source.ensembl_of_symbol;
    options.labels = OntologyLabels::shipped();
    options.watch = watch;
    HcaBundle bundle = TRY(read_hca_bundle(*files, options));

    File sealed = TRY(File::create(output));
    File scratch = TRY(File::temporary(scratch_folder));
    expression::SealOptions how;
    how.scratch = &scratch;
    TRY(expression::seal_dataset(bundle.data, sealed, how, watch));

    BundleRows rows;
    rows.uuid = bundle.uuid;
    rows.version = bundle.version;
    rows.title = title_of(bundle);
    rows.report = report_json(bundle.files);
    rows.notes = bundle.data.notes;
    rows.matrix = TRY(matrix_json(*files));
    rows.biology = std::move(bundle.biology);
    rows.biology["document"] = document_rows(bundle.documents);
    rows.biology["file"] = file_rows(bundle.data_files);
    rows.biology["link"] = link_rows(bundle.links);
    for (const char* table : {"donor", "specimen", "cell_suspension", "library_preparation"})
        if (const auto row = bundle.compatibility.find(table);
            row != bundle.compatibility.end() && !row->second.empty())
            rows.biology[std::string("service_") + table] = {std::move(row->second)};
    rows.cell_columns = std::move(bundle.cell_columns);
    return rows;
}

}  // namespace stroma::loading
