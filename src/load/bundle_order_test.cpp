#include "load/bundle_order.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <string>
#include <vector>

namespace stroma::loading {
namespace {

/// The least store that does what decide() says.
class Model {
public:
    void apply(const BundleNotice& notice) {
        std::vector<catalog::Bundle> known;
        for (const auto& [version, state] : states_)
            known.push_back({notice.uuid, version, "", "", state, "", 0});
        switch (decide(known, notice)) {
            case BundleAction::load:
                for (auto& [version, state] : states_)
                    if (state == "loaded") state = "replaced";
                states_[notice.version] = "loaded";
                break;
            case BundleAction::remove:
                for (auto& [version, state] : states_)
                    if (state == "loaded") state = "replaced";
                [[fallthrough]];
            case BundleAction::remember: states_[notice.version] = "deleted"; break;
            case BundleAction::nothing: break;
        }
    }
    std::string current() const {
        for (const auto& [version, state] : states_)
            if (state == "loaded") return version;
        return "none";
    }

private:
    std::map<std::string, std::string> states_;
};

/// The newest created version, unless that or a newer one was removed.
std::string expected(const std::vector<BundleNotice>& notices) {
    std::string created = "none", removed;
    for (const auto& notice : notices) {
        if (notice.is_removal)
            removed = std::max(removed, notice.version);
        else if (created == "none" || notice.version > created)
            created = notice.version;
    }
    return created != "none" && created > removed ? created : "none";
}

TEST(BundleOrder, EveryOrderOfEverySetOfNoticesLeavesTheSameState) {
    const std::vector<BundleNotice> all = {{"b", "1", false}, {"b", "2", false}, {"b", "3", false},
                                           {"b", "1", true},  {"b", "2", true},  {"b", "3", true},
                                           {"b", "2", false}};  // one comes twice
    int orders = 0;
    for (unsigned chosen = 1; chosen < 1u << all.size(); ++chosen) {
        std::vector<int> order;
        for (int i = 0; i < static_cast<int>(all.size()); ++i)
            if (chosen >> i & 1) order.push_back(i);
        do {
            Model model;
            std::vector<BundleNotice> notices;
            for (const int i : order) notices.push_back(all[static_cast<std::size_t>(i)]);
            for (const auto& notice : notices) model.apply(notice);
            ASSERT_EQ(model.current(), expected(notices));
            ++orders;
        } while (std::next_permutation(order.begin(), order.end()));
    }
    EXPECT_EQ(orders, 13'699);
}

TEST(BundleOrder, ADeleteWinsOverTheSameVersionsCreateInBothOrders) {
    Model before, after;
    before.apply({"b", "1", true});
    before.apply({"b", "1", false});
    after.apply({"b", "1", false});
    after.apply({"b", "1", true});
    EXPECT_EQ(before.current(), "none");
    EXPECT_EQ(after.current(), "none");
}

TEST(BundleOrder, ACreateOlderThanADeletedVersionChangesNothing) {
    Model model;
    model.apply({"b", "2", true});
    model.apply({"b", "1", false});
    EXPECT_EQ(model.current(), "none");
    model.apply({"b", "3", false});
    EXPECT_EQ(model.current(), "3");
}

}  // namespace
}  // namespace stroma::loading
