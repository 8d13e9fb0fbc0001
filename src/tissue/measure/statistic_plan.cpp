#include "tissue/measure/statistic_plan.h"

#include <fmt/format.h>

#include <map>

namespace stroma::tissue {

void StatisticPlan::add(std::string name, Statistic statistic) {
    names.push_back(std::move(name));
    statistics.push_back(statistic);
    wanted.squares |= statistic == Statistic::std;
    wanted.extremes |= statistic == Statistic::min || statistic == Statistic::max;
}

Result<StatisticPlan> StatisticPlan::of(const MeasureOptions& options) {
    static const std::map<std::string_view, Statistic> known = {
        {"mean", Statistic::mean}, {"median", Statistic::quantile}, {"min", Statistic::min},
        {"max", Statistic::max},   {"std", Statistic::std},         {"sum", Statistic::sum}};
    StatisticPlan plan;
    plan.add("mean", Statistic::mean);
    for (const std::string& name : options.statistics) {
        if (name == "mean") continue;
        const auto found = known.find(name);
        if (found == known.end())
            return fail(ErrorCode::invalid_input,
                        fmt::format("'{}' is no statistic; there are mean, median, min, max, std "
                                    "and sum",
                                    name));
        plan.add(name, found->second);
        if (found->second == Statistic::quantile) plan.quantiles.push_back(0.5);
    }
    for (const double share : options.quantiles) {
        if (!(share >= 0 && share <= 1))
            return fail(ErrorCode::invalid_input,
                        fmt::format("{} is no quantile; say a number from 0 to 1", share));
        plan.add(fmt::format("q{:g}", 100 * share), Statistic::quantile);
        plan.quantiles.push_back(share);
    }
    return plan;
}

template <class T>
void StatisticPlan::summarise(const Moments<T>& moments, std::span<const double> quantiles_found,
                              ChannelTable* tables, std::size_t place) const {
    std::size_t quantile = 0;
    for (std::size_t i = 0; i < statistics.size(); ++i) {
        double number = std::numeric_limits<double>::quiet_NaN();
        const Statistic statistic = statistics[i];
        if (statistic == Statistic::sum) {
            number = static_cast<double>(moments.sum);
        } else if (moments.count > 0) {
            switch (statistic) {
                case Statistic::sum: break;
                case Statistic::mean: number = moments.mean(); break;
                case Statistic::std: number = moments.deviation(); break;
                case Statistic::min: number = static_cast<double>(moments.least); break;
                case Statistic::max: number = static_cast<double>(moments.most); break;
                case Statistic::quantile: number = quantiles_found[quantile++]; break;
            }
        }
        tables[i].values[place] = static_cast<float>(number);
    }
}

#define STROMA_SUMMARISE(T)                                                            \
    template void StatisticPlan::summarise(const Moments<T>&, std::span<const double>, \
                                           ChannelTable*, std::size_t) const;

STROMA_SUMMARISE(std::uint8_t)
STROMA_SUMMARISE(std::int8_t)
STROMA_SUMMARISE(std::uint16_t)
STROMA_SUMMARISE(std::int16_t)
STROMA_SUMMARISE(std::uint32_t)
STROMA_SUMMARISE(std::int32_t)
STROMA_SUMMARISE(float)

}  // namespace stroma::tissue
