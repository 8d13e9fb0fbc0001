#include "matrix/origin.h"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <map>
#include <set>

#include "base/json.h"
#include "expression/line_value.h"
#include "matrix/gene_space.h"
#include "sql/value_text.h"
#include "warehouse/frame_names.h"

namespace stroma::matrix {
namespace {

constexpr int steps_max = 200;  // real bundles have about ten

/// A member that is a text; "" for anything else: documents come from outside.
std::string text_in(const Json& object, const char* name) {
    if (!object.is_object()) return "";
    const auto found = object.find(name);
    return found != object.end() && found->is_string() ? found->get<std::string>() : "";
}

/// Rows as objects, in order.
Result<std::vector<Json>> ask(warehouse::Warehouse& warehouse, std::string_view statement,
                              const warehouse::Scope& scope, const sql::NamedValues& values) {
    const auto rows = TRY(warehouse.query(statement, scope, {}, values));
    std::vector<Json> all;
    while (TRY(rows->next())) {
        Json& row = all.emplace_back(Json::object());
        for (std::size_t i = 0; i < rows->columns().size(); ++i)
            row[rows->columns()[i].name] = sql::json_of(rows->value(i));
    }
    return all;
}

Result<Json> find_cell(warehouse::Warehouse& warehouse, const OriginQuestion& question,
                       const warehouse::Scope& scope) {
    const auto found = TRY(ask(
        warehouse,
        "SELECT c.cellkey, c.cell_id, c.cell_index, c.called, c.dataset, c.dataset_id, c.revision, "
        "d.revision_number, d.bundle_uuid, d.bundle_version, d.bundle_fqid FROM cells c JOIN "
        "dataset d USING (dataset_id) WHERE (c.cellkey = $cell OR c.cell_id = $cell) AND "
        "($dataset = '' OR c.dataset = $dataset OR c.dataset_id = $dataset) ORDER BY c.dataset "
        "LIMIT 20",
        scope, {{"cell", question.cell}, {"dataset", question.dataset}}));
    if (found.empty())
        return fail(ErrorCode::not_found, fmt::format("there is no cell '{}'", question.cell));
    if (found.size() == 1) return found[0];
    std::string datasets;
    for (const Json& one : found)
        datasets += (datasets.empty() ? "" : ", ") + text_in(one, "dataset");
    return fail(ErrorCode::invalid_input,
                fmt::format("several cells are called '{}'; name the dataset ({}) or give the "
                            "cellkey",
                            question.cell, datasets));
}

/// The gene's rows in a var frame: several when a name is shared.
Result<std::vector<std::uint32_t>> genes_called(const expression::Frame& var,
                                                const std::string& gene) {
    for (const auto* kind : {"gene", "transcript"}) {
        const auto space = join_genes({var}, {{gene}, kind});
        if (!space) continue;
        std::vector<std::uint32_t> rows;
        const auto& output = space->output_gene[0];
        for (std::uint32_t row = 0; row < var.row_count(); ++row)
            if (output.empty() || output[row] >= 0) rows.push_back(row);
        return rows;
    }
    return fail(ErrorCode::not_found, fmt::format("there is no gene '{}' in the dataset", gene));
}

/// The cell's value of each of those genes in every matrix that has them.
Result<Json> values_of(const expression::SealedDataset& sealed, std::uint32_t cell,
                       const std::vector<std::uint32_t>& genes, const std::string& gene) {
    Json values = Json::array();
    for (const expression::MatrixSummary& summary : sealed.summary().matrices) {
        const auto matrix = TRY(sealed.matrix(summary.name));
        std::vector<std::uint32_t> rows = genes;
        std::optional<expression::Frame> raw_var;
        if (summary.name == "raw.X") {
            raw_var = TRY(sealed.raw_var());
            const auto found =
                raw_var ? genes_called(*raw_var, gene) : Result<std::vector<std::uint32_t>>();
            rows = found ? *found : std::vector<std::uint32_t>();
        }
        expression::LineBlock block;
        TRY(matrix->read_cells(std::span(&cell, 1), block));
        for (const std::uint32_t row : rows) {
            const auto end = block.places.begin() + static_cast<std::ptrdiff_t>(block.starts[1]);
            const auto place = std::find(block.places.begin(), end, row);
            const auto at = static_cast<std::size_t>(place - block.places.begin());
            const double value = place == end ? 0 : expression::number_at(block, summary.type, at);
            values.push_back({{"matrix", summary.name},
                              {"gene_index", row},
                              {"unit", expression::name_of(summary.unit)},
                              {"value", value},
                              {"stored", place != end}});
        }
    }
    return values;
}

/// What the revision was made from, without this machine's folders.
Json source_json(const catalog::Revision& revision) {
    Json source = Json::object();
    if (const auto parsed = parse_json(revision.source); parsed && parsed->is_object())
        source = *parsed;
    if (source.contains("path"))
        source["path"] = std::filesystem::path(text_in(source, "path")).filename().string();
    source["content_key"] = revision.content_key;
    return source;
}

bool has_chunk(const Json& matrix) {
    const auto chunk = matrix.find("chunk");
    const auto is_size = [](const Json& size) {
        return size.is_number_integer() && size.get<std::int64_t>() > 0;
    };
    return chunk != matrix.end() && chunk->size() == 2 && is_size((*chunk)[0]) &&
           is_size((*chunk)[1]);
}

/// The file that held the number: of a chunked array the chunk's own. `scope` is the dataset.
Result<Json> data_file(warehouse::Warehouse& warehouse, const Json& cell, const Json& source,
                       std::uint32_t gene, const warehouse::Scope& scope) {
    const auto matrix = source.find("matrix");
    if (matrix == source.end()) return Json(nullptr);
    std::string name = text_in(*matrix, "file");
    Json chunk = nullptr;
    if (has_chunk(*matrix)) {
        const auto cells = (*matrix)["chunk"][0].get<std::int64_t>();
        const auto genes = (*matrix)["chunk"][1].get<std::int64_t>();
        const std::int64_t row = cell["cell_index"].get<std::int64_t>() / cells;
        const std::int64_t column = gene / genes;
        name += fmt::format("{}.{}", row, column);
        chunk = {{"array_chunk", {row, column}},
                 {"cells", {row * cells, (row + 1) * cells}},
                 {"genes", {column * genes, (column + 1) * genes}}};
    }
    // A manifest may call the array by an older name; the end tells.
    const auto slash = name.find_last_of("!/", name.find_last_of("!/") - 1);
    const std::string end = slash == name.npos ? name : name.substr(slash + 1);
    for (const Json& file :
         TRY(ask(warehouse, "SELECT * FROM file ORDER BY file_name", scope, {}))) {
        if (!text_in(file, "file_name").ends_with(end)) continue;
        Json found = file;
        found["chunk"] = std::move(chunk);
        return found;
    }
    return Json{{"file_name", name}, {"chunk", std::move(chunk)}};
}

struct Documents {
    std::map<std::string, Json> by_id;
    std::map<std::string, std::vector<Json>> made_by;           // target → links
    std::map<std::string, std::vector<std::string>> protocols;  // process → documents

    Json document(const std::string& id) const {
        const auto found = by_id.find(id);
        return found == by_id.end() ? Json{{"document_id", id}} : found->second;
    }
};

/// All that the one dataset of the scope says of itself.
Result<Documents> documents_of(warehouse::Warehouse& warehouse, const warehouse::Scope& scope) {
    Documents documents;
    for (Json& row :
         TRY(ask(warehouse, "SELECT document_id, document_type, file_name, content FROM document",
                 scope, {}))) {
        const auto content = parse_json(text_in(row, "content"));
        row["content"] = content ? *content : Json(nullptr);
        const std::string id = text_in(row, "document_id");
        documents.by_id[id] = std::move(row);
    }
    for (const Json& row : TRY(ask(warehouse, "SELECT * FROM link ORDER BY ALL", scope, {}))) {
        if (!row["process_id"].is_string() || !row["source_id"].is_string()) continue;
        const std::string process = row["process_id"].get<std::string>();
        if (text_in(row, "link_type") == "protocol")
            documents.protocols[process].push_back(row["source_id"].get<std::string>());
        else if (row["target_id"].is_string())
            documents.made_by[row["target_id"].get<std::string>()].push_back(row);
    }
    return documents;
}

/// Everything that the file was made from, step by step, the first first: each step is a thing and
/// the process, with its protocols, that made it.
Json way_to(const std::string& id, const Documents& documents, std::set<std::string>& seen,
            int depth = 0) {
    Json way = Json::array();
    if (depth > steps_max || !seen.insert(id).second) return way;
    Json step = documents.document(id);
    const auto makers = documents.made_by.find(id);
    if (makers != documents.made_by.end()) {
        Json inputs = Json::array();
        for (const Json& link : makers->second) {
            const std::string source = link["source_id"].get<std::string>();
            inputs.push_back(source);
            for (Json& before : way_to(source, documents, seen, depth + 1))
                way.push_back(std::move(before));
        }
        const std::string process = text_in(makers->second[0], "process_id");
        Json protocols = Json::array();
        const auto followed = documents.protocols.find(process);
        if (followed != documents.protocols.end())
            for (const std::string& protocol : followed->second)
                protocols.push_back(documents.document(protocol));
        step["made_from"] = std::move(inputs);
        step["process"] = documents.document(process);
        step["protocols"] = std::move(protocols);
    }
    way.push_back(std::move(step));
    return way;
}

/// The document that describes a data file.
std::string document_of_file(const Documents& documents, const std::string& file_name) {
    for (const auto& [id, document] : documents.by_id) {
        const auto content = document.find("content");
        if (content == document.end() || !content->is_object()) continue;
        const auto core = content->find("file_core");
        if (core == content->end()) continue;
        if (text_in(*core, "file_name") == file_name) return id;
    }
    return "";
}

}  // namespace

Result<std::string> Origins::find(const OriginQuestion& question, const warehouse::Scope& scope) {
    const Json cell = TRY(find_cell(warehouse_, question, scope));
    const std::string revision_id = cell["revision"].get<std::string>();
    const auto sealed = TRY(open_(revision_id));
    const expression::Frame var = TRY(sealed->var());
    const auto genes = TRY(genes_called(var, question.gene));
    const auto cell_index = static_cast<std::uint32_t>(cell["cell_index"].get<std::int64_t>());
    const auto revision = TRY(catalog_.find_revision(revision_id));
    if (!revision || genes.empty())
        return fail(ErrorCode::not_found,
                    fmt::format("there is no gene '{}' in the dataset", question.gene));
    const Json source = source_json(*revision);
    const warehouse::Scope only_it{false, {cell["dataset_id"].get<std::string>()}};

    Json origin{{"cell", cell},
                {"gene",
                 {{"gene_id", var.index[genes[0]]},
                  {"featurekey", warehouse::featurekeys_of(var)[genes[0]]},
                  {"gene_index", genes[0]}}},
                {"values", TRY(values_of(*sealed, cell_index, genes, question.gene))},
                {"revision",
                 {{"id", revision->id},
                  {"number", revision->number},
                  {"sealed_object", revision->object_key},
                  {"etag", revision->object_etag}}},
                {"source", source}};
    if (cell["bundle_uuid"].is_null()) return origin.dump();

    origin["bundle"] = {{"fqid", cell["bundle_fqid"]},
                        {"uuid", cell["bundle_uuid"]},
                        {"version", cell["bundle_version"]}};
    origin["file"] = TRY(data_file(warehouse_, cell, source, genes[0], only_it));
    const auto documents = TRY(documents_of(warehouse_, only_it));
    std::set<std::string> seen;
    const std::string file_name = text_in(origin["file"], "file_name");
    const std::string last = document_of_file(documents, file_name);
    origin["path"] = last.empty() ? Json::array() : way_to(last, documents, seen);
    return origin.dump();
}

}  // namespace stroma::matrix
