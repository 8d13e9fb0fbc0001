#include "load/bundle_order.h"

#include <algorithm>

namespace stroma::loading {
namespace {

BundleAction decide_creation(std::span<const catalog::Bundle> known, const BundleNotice& notice) {
    const bool is_settled = std::any_of(known.begin(), known.end(), [&](const auto& bundle) {
        if (bundle.version == notice.version) return bundle.state != "lost";
        return bundle.version > notice.version;
    });
    return is_settled ? BundleAction::nothing : BundleAction::load;
}

BundleAction decide_removal(std::span<const catalog::Bundle> known, const BundleNotice& notice) {
    bool is_known_gone = false;
    for (const catalog::Bundle& bundle : known) {
        // An older version was replaced by the one that goes, whether we saw that one or not.
        const bool goes = notice.version.empty() || bundle.version <= notice.version;
        if (goes && bundle.state == "loaded") return BundleAction::remove;
        if (bundle.version == notice.version && bundle.state == "deleted") is_known_gone = true;
    }
    return is_known_gone ? BundleAction::nothing : BundleAction::remember;
}

}  // namespace

BundleAction decide(std::span<const catalog::Bundle> known, const BundleNotice& notice) {
    return notice.is_removal ? decide_removal(known, notice) : decide_creation(known, notice);
}

}  // namespace stroma::loading
