#pragma once

#include <string>
#include <vector>

#include "tissue/measure/measurement.h"
#include "tissue/measure/moments.h"

namespace stroma::tissue {

/// Which numbers of an object's pixels are asked for, and how they are called.
struct StatisticPlan {
    enum class Statistic { mean, min, max, std, sum, quantile };

    std::vector<std::string> names;
    std::vector<Statistic> statistics;
    std::vector<double> quantiles;  ///< of those that are quantiles; the median is one
    WantedMoments wanted;

    /// errors  invalid_input  an unknown statistic, a quantile out of range
    static Result<StatisticPlan> of(const MeasureOptions& options);

    /// Puts the numbers of one part of an object in one channel at `place` of each table;
    /// `quantiles_found` are those of the plan, or nothing for no pixels.
    template <class T>
    void summarise(const Moments<T>& moments, std::span<const double> quantiles_found,
                   ChannelTable* tables, std::size_t place) const;

private:
    void add(std::string name, Statistic statistic);
};

}  // namespace stroma::tissue
