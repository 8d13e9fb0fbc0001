#include "matrix/progress/progress_estimate.h"

#include <gtest/gtest.h>

#include <cmath>

#include "base/context.h"

namespace stroma::matrix {
namespace {

/// A conversion of about a minute: choosing, writing at a pace that wavers, hashing at the end.
struct Conversion {
    static constexpr double choosing = 2, writing = 55, hashing = 3;
    pipeline::Job job;
    ManualClock clock;

    Conversion() { job.started_ms = clock.unix_ms(); }
    void reach(double second) {
        const double part = std::clamp((second - choosing) / writing, 0.0, 1.0);
        const double wavering = part + 0.03 * std::sin(part * 4 * M_PI);
        job.progress = {"", second < choosing ? 0 : wavering * 1e6, second < choosing ? 0 : 1e6,
                        "cells"};
    }
};

TEST(ProgressEstimate, TheFractionOfALongConversionRisesAndItsEtaIsTrueAtHalfWay) {
    Conversion conversion;
    const double end = Conversion::choosing + Conversion::writing + Conversion::hashing;
    double before = 0;
    bool was_half_way = false;
    for (int second = 1; second < end; ++second) {
        conversion.clock.advance(Milliseconds{1000});
        conversion.reach(second);
        const auto now = estimate(conversion.job, conversion.clock.unix_ms());
        EXPECT_GE(now.fraction, before) << "at " << second << " s";
        EXPECT_LT(now.fraction, 1);
        before = now.fraction;
        if (now.fraction < 0.5 || was_half_way) continue;
        was_half_way = true;
        EXPECT_NEAR(second + now.eta_seconds, end, 0.25 * end) << "at " << second << " s";
    }
    EXPECT_TRUE(was_half_way);
}

TEST(ProgressEstimate, WithoutATotalNothingIsClaimed) {
    pipeline::Job job;
    job.started_ms = 1000;
    job.progress = {"selecting cells", 0, 0, ""};
    EXPECT_EQ(estimate(job, 9000).eta_seconds, -1);
    EXPECT_EQ(estimate(job, 9000).fraction, 0);
    job.progress = {"writing", 0, 10, "cells"};
    EXPECT_EQ(estimate(job, 9000).eta_seconds, -1);
}

}  // namespace
}  // namespace stroma::matrix
