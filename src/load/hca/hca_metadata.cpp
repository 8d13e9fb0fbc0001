#include "load/hca/hca_metadata.h"

#include <fmt/format.h>

#include <algorithm>
#include <functional>
#include <optional>
#include <set>

#include "base/json.h"
#include "load/hca/hca_biology.h"

namespace stroma::loading {
namespace {

constexpr std::uint64_t document_bytes_max = 64u << 20;
constexpr std::size_t documents_max = 100'000;

/// "donor_organism" of "https://.../donor_organism", else of "donor_organism_0.json".
std::string type_of(const Json& json, std::string_view file) {
    std::string type = text_at(json, {"describedBy"});
    type.erase(0, type.rfind('/') + 1);
    if (!type.empty()) return type;
    type = std::string(file.substr(file.rfind('/') + 1));
    type.resize(std::min(type.find('.'), type.size()));
    while (!type.empty() && type.back() >= '0' && type.back() <= '9') type.pop_back();
    if (!type.empty() && type.back() == '_') type.pop_back();
    return type;
}

void add_document(std::vector<ParsedDocument>& documents, Json json, std::string_view file) {
    ParsedDocument document;
    document.id = text_at(json, {"provenance", "document_id"});
    document.type = type_of(json, file);
    document.file = std::string(file);
    document.json = std::move(json);
    documents.push_back(std::move(document));
}

/// An entity of a version-5 file: {"content": {...}, "hca_ingest": {"document_id": ...}}.
void add_wrapped(std::vector<ParsedDocument>& documents, const Json& wrapped,
                 std::string_view file) {
    if (!wrapped.is_object() || !wrapped.contains("content") || !wrapped["content"].is_object())
        return;
    Json content = wrapped["content"];
    const std::string id = text_at(wrapped, {"hca_ingest", "document_id"});
    if (!id.empty() && !content.contains("provenance"))
        content["provenance"] = Json{{"document_id", id}};
    add_document(documents, std::move(content), file);
}

/// Takes the documents out of one metadata file; links.json gives no document.
void take_documents(Json json, std::string_view file, std::vector<ParsedDocument>& documents,
                    std::vector<Json>& links) {
    if (json.is_object() && json.contains("links") && json["links"].is_array()) {
        links.push_back(std::move(json));
        return;
    }
    if (json.is_object())
        for (const char* list : {"biomaterials", "protocols", "processes", "files"})
            if (json.contains(list) && json[list].is_array()) {
                for (const Json& entry : json[list]) add_wrapped(documents, entry, file);
                return;
            }
    if (json.is_object() && json.contains("hca_ingest")) {
        add_wrapped(documents, json, file);
    } else if (json.is_object() && (json.contains("describedBy") || json.contains("provenance"))) {
        add_document(documents, std::move(json), file);
    }
}

void add_link(const Json& json, std::vector<HcaLink>& links) {
    HcaLink link;
    link.process = text_at(json, {"process"});
    link.input_type = text_at(json, {"input_type"});
    link.output_type = text_at(json, {"output_type"});
    if (json.contains("protocols") && json["protocols"].is_array())
        for (const Json& protocol : json["protocols"])
            link.protocols.push_back(text_at(protocol, {"protocol_id"}));
    const auto ids = [&](const char* name) {
        std::vector<std::string> out;
        if (json.contains(name) && json[name].is_array())
            for (const Json& id : json[name])
                if (id.is_string()) out.push_back(id.get<std::string>());
        return out;
    };
    for (const std::string& input : ids("inputs"))
        for (const std::string& output : ids("outputs")) {
            link.input = input;
            link.output = output;
            links.push_back(link);
        }
}

/// links.json repeats an arrow for every input file that came by it.
std::vector<HcaLink> links_of(const std::vector<Json>& files) {
    std::vector<HcaLink> links;
    for (const Json& file : files)
        for (const Json& entry : file["links"])
            if (entry.is_object()) add_link(entry, links);
    std::set<std::string> seen;
    std::erase_if(links, [&](const HcaLink& link) {
        return !seen.insert(link.process + " " + link.input + " " + link.output).second;
    });
    return links;
}

bool is_metadata_name(std::string_view name) {
    return name.ends_with(".json") && name.find(".zarr") == std::string_view::npos &&
           name.find('/') == std::string_view::npos && name != "bundle.json" &&
           name != "manifest.json";
}

}  // namespace

OntologyLabels OntologyLabels::parse(std::string_view tsv) {
    OntologyLabels labels;
    while (!tsv.empty()) {
        const std::size_t end = std::min(tsv.find('\n'), tsv.size());
        std::string_view line = tsv.substr(0, end);
        tsv.remove_prefix(std::min(end + 1, tsv.size()));
        if (!line.empty() && line.back() == '\r') line.remove_suffix(1);
        const std::size_t tab = line.find('\t');
        if (line.empty() || line.front() == '#' || tab == std::string_view::npos) continue;
        labels.labels_.emplace(line.substr(0, tab), line.substr(tab + 1));
    }
    return labels;
}

std::string_view OntologyLabels::find(std::string_view term) const {
    auto found = labels_.find(term);
    if (found == labels_.end()) {
        std::string other(term);
        std::replace(other.begin(), other.end(), '_', ':');
        found = labels_.find(other);
    }
    return found == labels_.end() ? std::string_view() : found->second;
}

Result<HcaMetadata> read_hca_metadata(expression::InputFiles& files, const OntologyLabels& labels) {
    std::vector<ParsedDocument> documents;
    std::vector<Json> links;
    for (const std::string& name : TRY(files.list())) {
        if (!is_metadata_name(name)) continue;
        const File file = TRY(files.open(name));
        const std::uint64_t size = TRY(file.size());
        if (size > document_bytes_max)
            return fail(ErrorCode::exhausted, fmt::format("{} has {} bytes; the limit is {}", name,
                                                          size, document_bytes_max));
        std::string text(size, '\0');
        TRY(file.read_at(0, std::as_writable_bytes(std::span(text))));
        Json json = TRY_WITH(parse_json(text, {.bytes_max = document_bytes_max}), name);
        if (name == "metadata.json" && json.is_object() && !json.contains("describedBy")) {
            for (auto& [member, content] : json.items())
                take_documents(std::move(content), member, documents, links);
        } else {
            take_documents(std::move(json), name, documents, links);
        }
        if (documents.size() > documents_max)
            return fail(ErrorCode::exhausted, "more than 100,000 metadata documents");
    }
    std::stable_sort(documents.begin(), documents.end(),
                     [](const auto& a, const auto& b) { return a.id < b.id; });
    HcaMetadata metadata;
    metadata.links = links_of(links);
    build_biology(documents, labels, metadata);
    for (ParsedDocument& document : documents)
        metadata.documents.push_back({std::move(document.id), std::move(document.type),
                                      std::move(document.file), document.json.dump()});
    return metadata;
}

}  // namespace stroma::loading
