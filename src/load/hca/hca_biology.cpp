#include "load/hca/hca_biology.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>

namespace stroma::loading {
namespace {

using warehouse::Row;

const Json* at(const Json& json, std::initializer_list<const char*> path) {
    const Json* node = &json;
    for (const char* name : path) {
        if (!node->is_object()) return nullptr;
        const auto found = node->find(name);
        if (found == node->end()) return nullptr;
        node = &*found;
    }
    return node;
}

/// An ontology term, or several: ids and labels, each list joined by ';'.
struct Terms {
    std::string ontology, label;
};

class Biology {
public:
    Biology(const std::vector<ParsedDocument>& documents, const OntologyLabels& labels,
            HcaMetadata& metadata)
        : documents_(documents), labels_(labels), metadata_(metadata) {}

    void build() {
        find_derived_organ();
        for (const ParsedDocument& document : documents_) add(document);
        for (const char* table : {"donor", "specimen", "cell_suspension", "library_preparation"})
            metadata_.compatibility[table] = merged(metadata_.rows[table], table);
        relate();
        if (!metadata_.rows["project"].empty())
            metadata_.compatibility["project"] = metadata_.rows["project"].front();
    }

private:
    void add(const ParsedDocument& d) {
        if (d.type == "donor_organism")
            add_donor(d);
        else if (d.type == "specimen_from_organism")
            add_specimen(d);
        else if (d.type == "cell_suspension")
            add_suspension(d);
        else if (d.type == "library_preparation_protocol")
            add_library(d);
        else if (d.type == "project")
            add_project(d);
        else if (d.type == "analysis_protocol")
            add_analysis(d);
    }

    /// The term or terms at a path: {text, ontology, ontology_label}, or a list of these.
    Terms terms(const Json& json, std::initializer_list<const char*> path) const {
        const Json* node = at(json, path);
        if (node == nullptr) return {};
        if (!node->is_array()) return term(*node);
        Terms all;
        bool first = true;
        for (const Json& entry : *node) {
            const Terms one = term(entry);
            if (!first) {
                all.ontology += ';';
                all.label += ';';
            }
            first = false;
            all.ontology += one.ontology;
            all.label += one.label;
        }
        return all;
    }
    Terms term(const Json& json) const {
        if (json.is_string()) return {"", json.get<std::string>()};
        Terms one{text_at(json, {"ontology"}), text_at(json, {"ontology_label"})};
        if (one.label.empty()) one.label = labels_.find(one.ontology);
        if (one.label.empty()) one.label = text_at(json, {"text"});
        return one;
    }
    static void put(Row& row, const std::string& column, const Terms& terms) {
        row[column + "_ontology"] = terms.ontology;
        row[column + "_label"] = terms.label;
    }

    void add_donor(const ParsedDocument& d) {
        Row row{{"donorkey", d.id}};
        put(row, "ethnicity", terms(d.json, {"human_specific", "ethnicity"}));
        Terms diseases = terms(d.json, {"diseases"});
        if (diseases.ontology.empty() && diseases.label.empty())
            diseases = terms(d.json, {"disease"});
        put(row, "diseases", diseases);
        put(row, "development_stage", terms(d.json, {"development_stage"}));
        std::string sex = text_at(d.json, {"sex"});
        if (sex.empty()) sex = text_at(d.json, {"biological_sex"});
        row["sex"] = sex;
        const Json* living = at(d.json, {"is_living"});
        row["is_living"] = living != nullptr && living->is_boolean()
                               ? std::string(living->get<bool>() ? "yes" : "no")
                               : text_at(d.json, {"is_living"});
        metadata_.rows["donor"].push_back(std::move(row));
    }
    void add_specimen(const ParsedDocument& d) {
        Row row{{"specimenkey", d.id}};
        put(row, "organ", terms(d.json, {"organ"}));
        put(row, "organ_parts", organ_parts(d.json));
        put(row, "diseases", terms(d.json, {"diseases"}));
        metadata_.rows["specimen"].push_back(std::move(row));
    }
    Terms organ_parts(const Json& json) const {
        return at(json, {"organ_parts"}) != nullptr ? terms(json, {"organ_parts"})
                                                    : terms(json, {"organ_part"});
    }
    void add_suspension(const ParsedDocument& d) {
        Row row{{"cellsuspensionkey", d.id}};
        put(row, "genus_species", terms(d.json, {"genus_species"}));
        put(row, "derived_organ", derived_organ_);
        put(row, "derived_organ_parts", derived_parts_);
        metadata_.rows["cell_suspension"].push_back(std::move(row));
    }
    void add_library(const ParsedDocument& d) {
        Row row{{"librarykey", d.id}};
        put(row, "input_nucleic_acid", terms(d.json, {"input_nucleic_acid_molecule"}));
        const bool is_new = at(d.json, {"library_construction_method"}) != nullptr;
        put(row, "construction_approach",
            is_new ? terms(d.json, {"library_construction_method"})
                   : terms(d.json, {"library_construction_approach"}));
        row["end_bias"] = text_at(d.json, {"end_bias"});
        row["strand"] = text_at(d.json, {"strand"});
        metadata_.rows["library_preparation"].push_back(std::move(row));
    }
    void add_project(const ParsedDocument& d) {
        std::string short_name = text_at(d.json, {"project_core", "project_short_name"});
        if (short_name.empty()) short_name = text_at(d.json, {"project_core", "project_shortname"});
        metadata_.rows["project"].push_back(
            {{"projectkey", d.id},
             {"short_name", short_name},
             {"title", text_at(d.json, {"project_core", "project_title"})}});
        if (const Json* list = at(d.json, {"publications"}); list != nullptr && list->is_array())
            for (const Json& entry : *list)
                metadata_.rows["publication"].push_back(
                    {{"projectkey", d.id},
                     {"pub_title", either(entry, "title", "publication_title")},
                     {"pub_doi", either(entry, "doi", "doi")}});
        if (const Json* list = at(d.json, {"contributors"}); list != nullptr && list->is_array())
            for (const Json& entry : *list)
                metadata_.rows["contributor"].push_back(
                    {{"projectkey", d.id},
                     {"cont_name", either(entry, "name", "contact_name")},
                     {"cont_institution", either(entry, "institution", "institution")}});
    }
    static std::string either(const Json& json, const char* name, const char* older) {
        const std::string text = text_at(json, {name});
        return text.empty() ? text_at(json, {older}) : text;
    }
    void add_analysis(const ParsedDocument& d) {
        std::string protocol = text_at(d.json, {"protocol_core", "protocol_id"});
        const bool blessed = protocol.starts_with("smartseq2") || protocol.starts_with("optimus");
        Row row{{"analysiskey", d.id},
                {"protocol", protocol},
                {"awg_disposition", std::string(blessed ? "blessed" : "community")}};
        if (metadata_.rows["analysis"].empty()) {
            metadata_.analysis_protocol = protocol;
            metadata_.compatibility["analysis"] = row;
        }
        metadata_.rows["analysis"].push_back(std::move(row));
    }

    /// The organ that the cells stand for: of the organoids, else of the cell lines, else of the
    /// specimens; "" when those disagree.
    void find_derived_organ() {
        std::set<std::pair<std::string, std::string>> organs, parts;
        const auto collect = [&](std::string_view type, std::string_view suffix, auto&& organ,
                                 auto&& part) {
            for (const ParsedDocument& d : documents_)
                if (d.type == type) {
                    const Terms o = organ(d.json), p = part(d.json);
                    organs.emplace(with(o.ontology, suffix), with(o.label, suffix));
                    parts.emplace(with(p.ontology, suffix), with(p.label, suffix));
                }
            return !organs.empty();
        };
        const auto at_path = [&](const char* name) {
            return [this, name](const Json& json) { return terms(json, {name}); };
        };
        const auto specimen_parts = [&](const Json& json) { return organ_parts(json); };
        (void)(collect("organoid", " (organoid)", at_path("model_organ"),
                       at_path("model_organ_part")) ||
               collect("cell_line", " (cell line)", at_path("model_organ"), at_path("tissue")) ||
               collect("specimen_from_organism", "", at_path("organ"), specimen_parts));
        if (organs.size() == 1) derived_organ_ = {organs.begin()->first, organs.begin()->second};
        if (parts.size() == 1) derived_parts_ = {parts.begin()->first, parts.begin()->second};
    }
    static std::string with(const std::string& text, std::string_view suffix) {
        return text.empty() ? text : text + std::string(suffix);
    }

    /// The row with the smallest key, and "" wherever the rows disagree. Rows come sorted by key.
    static Row merged(const std::vector<Row>& rows, const std::string& table) {
        if (rows.empty()) return {};
        Row row = rows.front();
        const std::string key = table == "library_preparation" ? "librarykey"
                                : table == "cell_suspension"   ? "cellsuspensionkey"
                                                               : table + "key";
        for (auto& [column, value] : row) {
            if (column == key) continue;
            for (const Row& other : rows)
                if (other.at(column) != value) value = std::string();
        }
        return row;
    }

    /// Puts specimenkey into suspensions and donorkey into specimens: by the arrows of links.json,
    /// the smallest id when several lead there; without arrows, the bundle's own.
    void relate() {
        std::map<std::string, std::set<std::string>> made_from;
        for (const HcaLink& link : metadata_.links) made_from[link.output].insert(link.input);
        relate_table("cell_suspension", "cellsuspensionkey", "specimen", "specimenkey", made_from);
        relate_table("specimen", "specimenkey", "donor", "donorkey", made_from);
    }
    void relate_table(const std::string& table, const std::string& key, const std::string& parents,
                      const std::string& parent_key,
                      const std::map<std::string, std::set<std::string>>& made_from) {
        std::set<std::string> known;
        for (const Row& row : metadata_.rows[parents])
            known.insert(std::get<std::string>(row.at(parent_key)));
        const std::string smallest = known.empty() ? "" : *known.begin();
        for (Row& row : metadata_.rows[table]) {
            std::string parent = nearest(std::get<std::string>(row.at(key)), known, made_from);
            row[parent_key] = parent.empty() ? smallest : parent;
        }
        if (!metadata_.compatibility[table].empty())
            metadata_.compatibility[table][parent_key] = smallest;
    }
    /// The smallest of `known` that the arrows lead back to.
    static std::string nearest(const std::string& from, const std::set<std::string>& known,
                               const std::map<std::string, std::set<std::string>>& made_from) {
        std::set<std::string> seen{from}, found;
        std::vector<std::string> open{from};
        while (!open.empty()) {
            const std::string id = std::move(open.back());
            open.pop_back();
            const auto inputs = made_from.find(id);
            if (inputs == made_from.end()) continue;
            for (const std::string& input : inputs->second) {
                if (!seen.insert(input).second) continue;
                if (known.contains(input))
                    found.insert(input);
                else
                    open.push_back(input);
            }
        }
        return found.empty() ? "" : *found.begin();
    }

    const std::vector<ParsedDocument>& documents_;
    const OntologyLabels& labels_;
    HcaMetadata& metadata_;
    Terms derived_organ_, derived_parts_;
};

}  // namespace

std::string text_at(const Json& json, std::initializer_list<const char*> path) {
    const Json* node = at(json, path);
    return node != nullptr && node->is_string() ? node->get<std::string>() : "";
}

void build_biology(const std::vector<ParsedDocument>& documents, const OntologyLabels& labels,
                   HcaMetadata& metadata) {
    Biology(documents, labels, metadata).build();
}

}  // namespace stroma::loading
