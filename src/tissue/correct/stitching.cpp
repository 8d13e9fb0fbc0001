#include "tissue/correct/stitching.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <mutex>
#include <numeric>

#include "base/threads.h"

namespace stroma::tissue {
namespace {

/// What a pair may contradict the others by, in pixels.
constexpr double contradiction_pixels = 2;

/// A length along one axis where two fields look for each other: in pixels of either.
struct SearchSpan {
    std::int64_t one = 0, other = 0, length = 0;
};

/// The overlap along an axis where `other` lies `offset` farther on. Across the seam the length is
/// the next power of two, so that nothing of the overlap is lost; along it the last one, from the
/// middle, so that the field is never left.
SearchSpan search_span(std::int64_t side, double offset) {
    const std::int64_t away = std::llround(offset);
    const std::int64_t overlap = side - std::abs(away);
    std::int64_t length = 16;
    while (length < overlap && 2 * length <= side) length *= 2;
    SearchSpan span;
    span.length = length;
    if (length >= overlap) {
        // The overlap's middle in the middle of both, as far as the fields reach.
        const std::int64_t spare = (length - overlap) / 2;
        const std::int64_t begin_one = std::max<std::int64_t>(away, 0) - spare;
        const std::int64_t begin_other = std::max<std::int64_t>(-away, 0) - spare;
        span.one = std::clamp<std::int64_t>(begin_one, 0, side - length);
        span.other = std::clamp<std::int64_t>(begin_other, 0, side - length);
        return span;
    }
    const std::int64_t skip = (overlap - length) / 2;
    span.one = std::max<std::int64_t>(away, 0) + skip;
    span.other = std::max<std::int64_t>(-away, 0) + skip;
    return span;
}

/// The value between pixels, bilinear; the place and the next ones are inside.
double value_at(const Raster<float>& image, double x, double y) {
    const auto left = static_cast<std::int64_t>(x), top = static_cast<std::int64_t>(y);
    const double part_x = x - static_cast<double>(left), part_y = y - static_cast<double>(top);
    const float *const upper = image.row(top) + left, *const lower = image.row(top + 1) + left;
    const double above = upper[0] + part_x * (static_cast<double>(upper[1]) - upper[0]);
    const double below = lower[0] + part_x * (static_cast<double>(lower[1]) - lower[0]);
    return above + part_y * (below - above);
}

/// One step of Lucas and Kanade: how far the shift is to move so that `moving` under it comes to
/// lie on `fixed`, by the slopes of `fixed`. Brightness may differ by a factor and an offset.
bool step_by_slopes(const Raster<float>& fixed, const Raster<float>& moving, Shift& shift) {
    constexpr double margin = 5;  // where smoothing saw no edge, and slopes are there
    const auto low = [](double by) { return std::llround(std::ceil(margin + std::max(0.0, -by))); };
    const auto high = [](std::int64_t side, double by) {
        return std::llround(std::floor(static_cast<double>(side) - margin - std::max(0.0, by)));
    };
    const auto first_x = low(shift.x), first_y = low(shift.y);
    const auto end_x = high(fixed.width, shift.x), end_y = high(fixed.height, shift.y);
    if (end_x - first_x < 8 || end_y - first_y < 8) return false;
    double n = 0, f = 0, m = 0, mm = 0, fm = 0;
    std::vector<double> seen;
    for (auto y = first_y; y < end_y; ++y)
        for (auto x = first_x; x < end_x; ++x) {
            const double value = value_at(moving, static_cast<double>(x) + shift.x,
                                          static_cast<double>(y) + shift.y);
            const auto here = static_cast<double>(fixed.row(y)[x]);
            seen.push_back(value);
            ++n;
            f += here;
            m += value;
            mm += value * value;
            fm += here * value;
        }
    const double spread = mm - m * m / n;
    const double gain = spread > 0 ? (fm - f * m / n) / spread : 0;
    if (!(gain > 0)) return false;
    const double offset = (f - gain * m) / n;
    double xx = 0, xy = 0, yy = 0, xe = 0, ye = 0;
    auto value = seen.begin();
    for (auto y = first_y; y < end_y; ++y)
        for (auto x = first_x; x < end_x; ++x) {
            const float* const at = fixed.row(y) + x;
            const double slope_x = (static_cast<double>(at[1]) - at[-1]) / 2;
            const double slope_y = (static_cast<double>(at[fixed.width]) - at[-fixed.width]) / 2;
            const double error = static_cast<double>(*at) - offset - gain * *value++;
            xx += slope_x * slope_x;
            xy += slope_x * slope_y;
            yy += slope_y * slope_y;
            xe += slope_x * error;
            ye += slope_y * error;
        }
    const double under = xx * yy - xy * xy;
    if (!(under > 1e-9 * xx * yy)) return false;
    shift.x += std::clamp((xe * yy - ye * xy) / under, -1.0, 1.0);
    shift.y += std::clamp((ye * xx - xe * xy) / under, -1.0, 1.0);
    return true;
}

/// A shift that is known to a pixel or two, to a small part of one: phases alone are blurred by
/// what only one of two narrow strips shows. Kept as it was where slopes lead elsewhere.
Shift sharpened(Raster<float> fixed, Raster<float> moving, const Shift& found) {
    constexpr int rounds = 8;
    constexpr double trusted = 2;
    smooth(fixed, 1);
    smooth(moving, 1);
    Shift shift = found;
    for (int round = 0; round < rounds; ++round)
        if (!step_by_slopes(fixed, moving, shift)) return found;
    return std::hypot(shift.x - found.x, shift.y - found.y) > trusted ? found : shift;
}

Result<void> find_between(Fields fields, std::size_t channel, std::span<const FieldPlace> stage,
                          const StitchOptions& options, FieldPair& pair) {
    const image::StoredImage &one = *fields[pair.one], &other = *fields[pair.other];
    const double away_x = stage[pair.other].x - stage[pair.one].x;
    const double away_y = stage[pair.other].y - stage[pair.one].y;
    const auto x = search_span(static_cast<std::int64_t>(one.info().width), away_x);
    const auto y = search_span(static_cast<std::int64_t>(one.info().height), away_y);
    Raster<float> fixed(x.length, y.length), moving(x.length, y.length);
    TRY(PixelReader(one, channel).read({x.one, y.one, x.length, y.length}, fixed.values));
    TRY(PixelReader(other, channel).read({x.other, y.other, x.length, y.length}, moving.values));
    // A pixel at p of the one's window lies at p + shift of the other's; and the place of the other
    // is that of the one and (the one's pixel - the other's pixel).
    const auto begin_x = static_cast<double>(x.one - x.other);
    const auto begin_y = static_cast<double>(y.one - y.other);
    const Shift found =
        phase_shift_near(fixed, moving, {begin_x - away_x, begin_y - away_y, 0}, options.max_shift);
    const Shift shift = sharpened(std::move(fixed), std::move(moving), found);
    pair.between = {begin_x - shift.x, begin_y - shift.y, shift.agreement};
    return {};
}

/// Weighed least squares of places over pairs, one component after the other; each component's
/// first field stays at 0.
class PlaceSolver {
public:
    PlaceSolver(std::size_t fields, std::vector<FieldPair>& pairs)
        : places_(fields), component_(fields), pairs_(pairs) {}

    /// Takes the worst contradictions out until there are none.
    void solve() {
        for (;;) {
            find_components();
            solve_axis(&Shift::x, &FieldPlace::x);
            solve_axis(&Shift::y, &FieldPlace::y);
            if (!drop_worst()) return;
        }
    }
    std::vector<FieldPlace>& places() { return places_; }
    const std::vector<std::size_t>& components() const { return component_; }

private:
    void find_components() {
        std::iota(component_.begin(), component_.end(), 0);
        for (bool is_changed = true; is_changed;) {
            is_changed = false;
            for (const FieldPair& pair : pairs_) {
                if (!pair.is_used || component_[pair.one] == component_[pair.other]) continue;
                const std::size_t least = std::min(component_[pair.one], component_[pair.other]);
                component_[pair.one] = component_[pair.other] = least;
                is_changed = true;
            }
        }
    }
    /// Conjugate gradients on the pairs' Laplacian, the first of each component held.
    void solve_axis(double Shift::*measured, double FieldPlace::*place);
    std::vector<double> times_laplacian(const std::vector<double>& values) const;
    bool drop_worst();

    std::vector<FieldPlace> places_;
    std::vector<std::size_t> component_;
    std::vector<FieldPair>& pairs_;
};

double weight_of(const FieldPair& pair) { return pair.between.agreement * pair.between.agreement; }

std::vector<double> PlaceSolver::times_laplacian(const std::vector<double>& values) const {
    std::vector<double> out(values.size());
    for (const FieldPair& pair : pairs_) {
        if (!pair.is_used) continue;
        const double flow = weight_of(pair) * (values[pair.other] - values[pair.one]);
        out[pair.other] += flow;
        out[pair.one] -= flow;
    }
    for (std::size_t i = 0; i < out.size(); ++i)
        if (component_[i] == i) out[i] = 0;
    return out;
}

void PlaceSolver::solve_axis(double Shift::*measured, double FieldPlace::*place) {
    const std::size_t count = places_.size();
    std::vector<double> residual(count), found(count);
    for (const FieldPair& pair : pairs_) {
        if (!pair.is_used) continue;
        residual[pair.other] += weight_of(pair) * pair.between.*measured;
        residual[pair.one] -= weight_of(pair) * pair.between.*measured;
    }
    for (std::size_t i = 0; i < count; ++i)
        if (component_[i] == i) residual[i] = 0;
    const auto product = [](const std::vector<double>& a, const std::vector<double>& b) {
        return std::inner_product(a.begin(), a.end(), b.begin(), 0.0);
    };
    std::vector<double> direction = residual;
    double size = product(residual, residual);
    const double enough = size * 1e-24;
    for (std::size_t round = 0; round < 10 * count && size > enough; ++round) {
        const std::vector<double> image = times_laplacian(direction);
        const double step = size / product(direction, image);
        for (std::size_t i = 0; i < count; ++i) {
            found[i] += step * direction[i];
            residual[i] -= step * image[i];
        }
        const double next = product(residual, residual);
        for (std::size_t i = 0; i < count; ++i)
            direction[i] = residual[i] + next / size * direction[i];
        size = next;
    }
    for (std::size_t i = 0; i < count; ++i) places_[i].*place = found[i];
}

bool PlaceSolver::drop_worst() {
    FieldPair* worst = nullptr;
    for (FieldPair& pair : pairs_) {
        const FieldPlace &one = places_[pair.one], &other = places_[pair.other];
        pair.left_over =
            std::hypot(other.x - one.x - pair.between.x, other.y - one.y - pair.between.y);
        if (pair.is_used && (worst == nullptr || pair.left_over > worst->left_over)) worst = &pair;
    }
    if (worst == nullptr || worst->left_over <= contradiction_pixels) return false;
    worst->is_used = false;
    return true;
}

/// place = a + b x + c y of the stage's places, by least squares; only moved where three fields
/// don't span a plane.
struct StageMap {
    double a = 0, b = 0, c = 0;
    double at(const FieldPlace& stage) const { return a + b * stage.x + c * stage.y; }

    static StageMap fitted(std::span<const FieldPlace> stage, std::span<const FieldPlace> found,
                           const std::vector<std::size_t>& of, double FieldPlace::*axis) {
        double mean_x = 0, mean_y = 0, mean = 0;
        const auto n = static_cast<double>(of.size());
        for (const std::size_t i : of) {
            mean_x += stage[i].x / n;
            mean_y += stage[i].y / n;
            mean += found[i].*axis / n;
        }
        double xx = 0, xy = 0, yy = 0, xv = 0, yv = 0;
        for (const std::size_t i : of) {
            const double x = stage[i].x - mean_x, y = stage[i].y - mean_y;
            const double value = found[i].*axis - mean;
            xx += x * x;
            xy += x * y;
            yy += y * y;
            xv += x * value;
            yv += y * value;
        }
        StageMap map;
        const double under = xx * yy - xy * xy;
        if (under > 1e-6 * xx * yy && under > 0) {
            map.b = (xv * yy - yv * xy) / under;
            map.c = (yv * xx - xv * xy) / under;
        } else {
            map.b = axis == &FieldPlace::x ? 1 : 0;
            map.c = 1 - map.b;
        }
        map.a = mean - map.b * mean_x - map.c * mean_y;
        return map;
    }
};

/// Lays the smaller components where a map of the stage, fitted to the largest, has their middle.
void lay_loose(std::span<const FieldPlace> stage, const std::vector<std::size_t>& component,
               StitchedFields& out) {
    std::vector<std::vector<std::size_t>> members(stage.size());
    for (std::size_t i = 0; i < stage.size(); ++i) members[component[i]].push_back(i);
    const auto largest = std::max_element(
        members.begin(), members.end(),
        [](const auto& one, const auto& other) { return one.size() < other.size(); });
    const StageMap across = StageMap::fitted(stage, out.places, *largest, &FieldPlace::x);
    const StageMap down = StageMap::fitted(stage, out.places, *largest, &FieldPlace::y);
    for (auto& group : members) {
        if (&group == &*largest || group.empty()) continue;
        FieldPlace move;
        for (const std::size_t i : group) {
            const auto n = static_cast<double>(group.size());
            move.x += (across.at(stage[i]) - out.places[i].x) / n;
            move.y += (down.at(stage[i]) - out.places[i].y) / n;
        }
        for (const std::size_t i : group) {
            out.places[i].x += move.x;
            out.places[i].y += move.y;
        }
        out.loose_count += group.size();
    }
}

std::vector<FieldPair> overlapping(Fields fields, std::span<const FieldPlace> stage) {
    const auto width = static_cast<double>(fields[0]->info().width);
    const auto height = static_cast<double>(fields[0]->info().height);
    std::vector<FieldPair> pairs;
    for (std::size_t one = 0; one < fields.size(); ++one)
        for (std::size_t other = one + 1; other < fields.size(); ++other) {
            const double x = width - std::abs(stage[other].x - stage[one].x);
            const double y = height - std::abs(stage[other].y - stage[one].y);
            // Corners that touch tell little.
            if (x < 8 || y < 8 || (x < width / 4 && y < height / 4)) continue;
            pairs.push_back({one, other, {}, false, 0});
        }
    return pairs;
}

Result<void> check_fields(Fields fields, std::span<const FieldPlace> stage) {
    const image::ImageInfo& first = fields[0]->info();
    if (stage.size() != fields.size())
        return fail(ErrorCode::invalid_input,
                    fmt::format("{} places are given for {} fields", stage.size(), fields.size()));
    if (first.width < 16 || first.height < 16)
        return fail(ErrorCode::invalid_input, "a field has 16 by 16 pixels at least");
    for (const auto& field : fields)
        if (field->info().width != first.width || field->info().height != first.height ||
            field->info().type != first.type ||
            field->info().channels.size() != first.channels.size())
            return fail(ErrorCode::invalid_input,
                        "fields of one scan have one size, type and number of channels; these "
                        "differ");
    return {};
}

}  // namespace

Result<StitchedFields> stitch_fields(Fields fields, std::size_t channel,
                                     std::span<const FieldPlace> stage,
                                     const StitchOptions& options, const expression::Watch& watch) {
    TRY(check_fields(fields, stage));
    StitchedFields out;
    out.pairs = overlapping(fields, stage);
    if (out.pairs.empty() && fields.size() > 1)
        return fail(ErrorCode::invalid_input,
                    "no two fields overlap where their places say; are the places in pixels?");
    std::mutex mutex;
    double done = 0;
    const auto look = [&](std::size_t at) -> Result<void> {
        if (watch.cancelled && watch.cancelled())
            return fail(ErrorCode::cancelled, "the stitching was cancelled");
        FieldPair& pair = out.pairs[at];
        TRY(find_between(fields, channel, stage, options, pair));
        pair.is_used = pair.between.agreement >= options.agreement;
        const std::lock_guard lock(mutex);
        if (watch.progress) watch.progress(++done, static_cast<double>(out.pairs.size()), "pairs");
        return {};
    };
    TRY(parallel_for(out.pairs.size(), look));
    PlaceSolver solver(fields.size(), out.pairs);
    solver.solve();
    out.places = std::move(solver.places());
    lay_loose(stage, solver.components(), out);
    FieldPlace least = out.places[0], most = out.places[0];
    for (const FieldPlace& place : out.places) {
        least = {std::min(least.x, place.x), std::min(least.y, place.y)};
        most = {std::max(most.x, place.x), std::max(most.y, place.y)};
    }
    for (FieldPlace& place : out.places) place = {place.x - least.x, place.y - least.y};
    out.width = fields[0]->info().width + static_cast<std::uint64_t>(std::ceil(most.x - least.x));
    out.height = fields[0]->info().height + static_cast<std::uint64_t>(std::ceil(most.y - least.y));
    return out;
}

Result<void> stitched_window(Fields fields, const StitchedFields& stitched, std::size_t channel,
                             const Window& window, Raster<float>& out) {
    std::vector<double> sums(out.values.size()), weights(out.values.size());
    const auto side_x = static_cast<double>(fields[0]->info().width);
    const auto side_y = static_cast<double>(fields[0]->info().height);
    for (std::size_t field = 0; field < fields.size(); ++field) {
        const FieldPlace& place = stitched.places[field];
        // Rows and columns of the window that the field covers.
        const auto first_x = std::max<std::int64_t>(window.x, std::llround(std::ceil(place.x)));
        const auto first_y = std::max<std::int64_t>(window.y, std::llround(std::ceil(place.y)));
        const auto end_x = std::min<std::int64_t>(
            window.x + window.width, std::llround(std::floor(place.x + side_x - 1)) + 1);
        const auto end_y = std::min<std::int64_t>(
            window.y + window.height, std::llround(std::floor(place.y + side_y - 1)) + 1);
        if (first_x >= end_x || first_y >= end_y) continue;
        Raster<float> part(end_x - first_x, end_y - first_y);
        TRY(shifted_window(*fields[field], channel, {-place.x, -place.y, 1}, first_x, first_y,
                           part));
        for (std::int64_t y = first_y; y < end_y; ++y) {
            const double at_y = static_cast<double>(y) - place.y;
            const double near_y = std::min(at_y, side_y - 1 - at_y) + 1;
            for (std::int64_t x = first_x; x < end_x; ++x) {
                const double at_x = static_cast<double>(x) - place.x;
                const double weight = near_y * (std::min(at_x, side_x - 1 - at_x) + 1);
                const auto at =
                    static_cast<std::size_t>((y - window.y) * window.width + (x - window.x));
                sums[at] += weight * static_cast<double>(part.row(y - first_y)[x - first_x]);
                weights[at] += weight;
            }
        }
    }
    for (std::size_t i = 0; i < sums.size(); ++i)
        out.values[i] = weights[i] > 0 ? static_cast<float>(sums[i] / weights[i]) : 0;
    return {};
}

}  // namespace stroma::tissue
