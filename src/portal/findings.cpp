#include "portal/findings.h"

#include "base/json.h"

namespace stroma::portal {

constexpr std::size_t findings_max = 200;

std::string RuleRun::text(std::string_view member) const {
    const auto found = rule_.find(member);
    return found != rule_.end() && found->is_string() ? found->get<std::string>() : "";
}

std::vector<std::string> RuleRun::texts(std::string_view member) const {
    std::vector<std::string> texts;
    if (const auto found = rule_.find(member); found != rule_.end())
        for (const Json& one : *found) texts.push_back(one.get<std::string>());
    return texts;
}

void RuleRun::find(Finding finding) {
    if (findings.size() < findings_max)
        findings.push_back(std::move(finding));
    else
        ++more;
}

void RuleRun::find_rows(std::string where, std::string column, std::string value,
                        std::string message, FaultyRows rows) {
    const auto& ids = where == "var" ? examined_.gene_ids : examined_.cell_ids;
    std::string id = rows.first < ids.size() ? std::string(ids[rows.first]) : "";
    find({std::move(where), std::move(column), std::move(value), std::move(message), rows,
          std::move(id)});
}

}  // namespace stroma::portal
