#include "app/answers/query_gate.h"

#include <gtest/gtest.h>

#include <optional>
#include <thread>

namespace stroma::app {
namespace {

constexpr QueryGate::Bounds no_waiting{
    .running_max = 3, .running_max_each = 2, .waiting_max = 2, .wait = Milliseconds{0}};

TEST(QueryGate, OnePrincipalCannotTakeEveryTurn) {
    QueryGate gate(no_waiting);
    const auto first = gate.enter("stranger", {});
    const auto second = gate.enter("stranger", {});
    ASSERT_TRUE(first && second);
    EXPECT_EQ(gate.enter("stranger", {}).error().code, ErrorCode::exhausted);
    EXPECT_TRUE(gate.enter("owner", {}));
}

TEST(QueryGate, AllTogetherHaveABound) {
    QueryGate gate(no_waiting);
    const auto a = gate.enter("a", {}), b = gate.enter("b", {}), c = gate.enter("c", {});
    ASSERT_TRUE(a && b && c);
    EXPECT_EQ(gate.enter("d", {}).error().code, ErrorCode::exhausted);
}

TEST(QueryGate, WhoWaitsGetsTheTurnThatIsGivenBack) {
    QueryGate gate(
        {.running_max = 1, .running_max_each = 1, .waiting_max = 2, .wait = Milliseconds{60'000}});
    std::optional first(gate.enter("a", {}));
    ASSERT_TRUE(*first);
    bool had_turn = false;
    std::jthread waiting([&] { had_turn = gate.enter("b", {}).has_value(); });
    first.reset();
    waiting.join();
    EXPECT_TRUE(had_turn);
}

TEST(QueryGate, WhoLeavesNoLongerWaits) {
    QueryGate gate(
        {.running_max = 1, .running_max_each = 1, .waiting_max = 2, .wait = Milliseconds{60'000}});
    const auto first = gate.enter("a", {});
    ASSERT_TRUE(first);
    std::stop_source left;
    left.request_stop();
    EXPECT_EQ(gate.enter("b", left.get_token()).error().code, ErrorCode::cancelled);
}

}  // namespace
}  // namespace stroma::app
