#include "explorer/explorer.h"

namespace stroma::explorer {

Result<const GeneNames*> RevisionData::genes_of(std::string_view matrix) const {
    if (sealed->summary().find(matrix) == nullptr)
        return fail(ErrorCode::not_found,
                    "this revision has no layer '" + std::string(matrix) + "'");
    return matrix == "raw.X" && raw_genes ? &*raw_genes : &genes;
}

Result<std::shared_ptr<const RevisionData>> Explorer::open(std::string_view revision) {
    {
        const std::lock_guard lock(mutex_);
        if (const auto found = by_revision_.find(revision); found != by_revision_.end()) {
            newest_first_.remove(found->first);
            newest_first_.push_front(found->first);
            return found->second;
        }
    }
    auto data = std::make_shared<RevisionData>();
    data->revision = revision;
    data->sealed = TRY(open_(revision));
    data->genes = GeneNames(TRY(data->sealed->var()));
    if (const auto raw = TRY(data->sealed->raw_var())) data->raw_genes = GeneNames(*raw);
    const std::lock_guard lock(mutex_);
    if (by_revision_.emplace(data->revision, data).second) newest_first_.push_front(data->revision);
    while (newest_first_.size() > open_max) {
        by_revision_.erase(newest_first_.back());
        newest_first_.pop_back();
    }
    return data;
}

Result<Body> Explorer::answer(const Representation& wanted, const MakeAnswer& make) {
    return bodies_.find_or_make(wanted, [&]() -> Result<Made> {
        const auto data = TRY(open(wanted.revision));
        return make(*data);
    });
}

}  // namespace stroma::explorer
