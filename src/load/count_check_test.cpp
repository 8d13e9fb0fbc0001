#include "load/count_check.h"

#include <gtest/gtest.h>

#include <cmath>

namespace stroma::loading {
namespace {

expression::Frame obs_with(std::string name, std::vector<double> values) {
    expression::Frame obs;
    for (std::size_t i = 0; i < values.size(); ++i) obs.index.push_back("c" + std::to_string(i));
    expression::Column column;
    column.name = std::move(name);
    column.values = expression::Array::of(values);
    obs.columns.push_back(std::move(column));
    return obs;
}

const std::vector<double> totals = {10, 20, 30, 40};

TEST(CountCheck, AColumnThatAgreesWithMostCellsTellsTheOthers) {
    const auto told = count_difference(obs_with("n_counts", {10, 20, 31, 40}), totals);
    ASSERT_TRUE(told);
    for (const char* part : {"obs/n_counts", "1 of 4 cells", "cell 2 ('c2'", "31", "30"})
        EXPECT_NE(told->find(part), std::string::npos) << *told;
}

TEST(CountCheck, WhatAgreesOrIsAboutSomethingElseOrIsMissingSaysNothing) {
    EXPECT_FALSE(count_difference(obs_with("n_counts", totals), totals));
    EXPECT_FALSE(count_difference(obs_with("n_counts", {10, 20, 30.001, 40}), totals));  // float32
    EXPECT_FALSE(count_difference(obs_with("n_counts", {1, 2, 3, 40}), totals));
    EXPECT_FALSE(count_difference(obs_with("total_counts", {10, 20, std::nan(""), 40}), totals));
    EXPECT_FALSE(count_difference(obs_with("age", {10, 20, 31, 40}), totals));
    EXPECT_FALSE(count_difference(obs_with("n_counts", {10, 20, 31, 40}), {}));
}

}  // namespace
}  // namespace stroma::loading
