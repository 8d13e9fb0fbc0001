#include "load/hca/gtf.h"

#include <fmt/format.h>

#include <array>
#include <unordered_set>

#include "expression/text/numbers.h"
#include "expression/text/text_input.h"

namespace stroma::loading {
namespace {

/// The value of an attribute: `name "value";` or `name value;`. "" when absent.
std::string_view attribute(std::string_view attributes, std::string_view name) {
    while (!attributes.empty()) {
        while (!attributes.empty() && (attributes.front() == ' ' || attributes.front() == ';'))
            attributes.remove_prefix(1);
        const std::size_t blank = attributes.find(' ');
        if (blank == std::string_view::npos) return {};
        const std::string_view key = attributes.substr(0, blank);
        attributes.remove_prefix(blank + 1);
        const bool quoted = !attributes.empty() && attributes.front() == '"';
        if (quoted) attributes.remove_prefix(1);
        const std::size_t end = std::min(attributes.find(quoted ? '"' : ';'), attributes.size());
        if (key == name) return attributes.substr(0, end);
        attributes.remove_prefix(std::min(end + 1, attributes.size()));
    }
    return {};
}

std::string feature_key(std::string_view id) {
    std::string key(id.substr(0, id.find('.')));
    if (id.ends_with("_PAR_Y") && !key.ends_with("_PAR_Y")) key += "_PAR_Y";
    return key;
}

std::string_view first_of(std::string_view attributes,
                          std::initializer_list<std::string_view> names) {
    for (const std::string_view name : names)
        if (const std::string_view value = attribute(attributes, name); !value.empty())
            return value;
    return {};
}

/// Why the line gives no row, "" when it does or isn't a gene or transcript line.
std::string add_line(std::string_view line, const GtfOptions& options, GtfFeatures& features,
                     std::unordered_set<std::string>& seen, std::size_t& repeats) {
    std::array<std::string_view, 9> fields;
    for (std::size_t i = 0; i < 9; ++i) {
        const std::size_t end = i == 8 ? line.size() : line.find('\t');
        if (end == std::string_view::npos) return "has fewer than 9 fields";
        fields[i] = line.substr(0, end);
        line.remove_prefix(std::min(end + 1, line.size()));
    }
    const bool is_gene = fields[2] == "gene";
    if (!is_gene && fields[2] != "transcript") return {};
    std::uint64_t start = 0, end = 0;
    if (!expression::parse_whole(fields[3], start) || !expression::parse_whole(fields[4], end) ||
        start > end)
        return "has no start and end";
    const std::string_view id = attribute(fields[8], is_gene ? "gene_id" : "transcript_id");
    if (id.empty()) return is_gene ? "has no gene_id" : "has no transcript_id";
    std::string key = feature_key(id);
    if (!seen.insert(key).second) {
        ++repeats;
        return {};
    }
    const std::string_view name =
        is_gene ? attribute(fields[8], "gene_name") : attribute(fields[8], "transcript_name");
    const std::string_view type =
        is_gene ? first_of(fields[8], {"gene_type", "gene_biotype"})
                : first_of(fields[8], {"transcript_type", "transcript_biotype"});
    features.rows.push_back({{"featurekey", std::move(key)},
                             {"featurename", std::string(name.empty() ? id : name)},
                             {"featuretype", std::string(type)},
                             {"chromosome", std::string(fields[0])},
                             {"featurestart", static_cast<std::int64_t>(start)},
                             {"featureend", static_cast<std::int64_t>(end)},
                             {"isgene", is_gene},
                             {"genus_species", options.species}});
    return {};
}

}  // namespace

Result<GtfFeatures> read_gtf(expression::InputFiles& files, std::string_view name,
                             const GtfOptions& options) {
    const auto input = TRY(expression::TextInput::open(
        files, name,
        {.unpacked_bytes_max = options.unpacked_bytes_max, .line_bytes_max = 1u << 20}));
    GtfFeatures features;
    std::unordered_set<std::string> seen;
    std::size_t repeats = 0;
    std::uint64_t number = 0;
    while (true) {
        std::string_view block = TRY(input->next_block(1u << 20)), line;
        if (block.empty()) break;
        while (expression::take_line(block, line)) {
            ++number;
            if (line.empty() || line.front() == '#') continue;
            const std::string problem = expression::is_clean_text(line)
                                            ? add_line(line, options, features, seen, repeats)
                                            : "is not UTF-8 text";
            if (!problem.empty())
                return fail(ErrorCode::invalid_input,
                            fmt::format("{}, line {} {}", name, number, problem));
        }
    }
    if (features.rows.empty())
        return fail(ErrorCode::invalid_input,
                    fmt::format("{} holds no gene and no transcript line", name));
    if (repeats > 0)
        features.notes.push_back(fmt::format("{} lines repeat an id and were left out", repeats));
    return features;
}

}  // namespace stroma::loading
