#include "tissue/correct/illumination.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <numeric>

#include "tissue/pixel_reader.h"
#include "tissue/segment/components.h"

namespace stroma::tissue {
namespace {

constexpr std::size_t place_side = 64, degree = 4;
constexpr double better_by = 0.9, field_least = 0.3, field_most = 3;
using PlaceValues = std::vector<double>;  ///< of each place; NaN: unknown

double middle_of(std::vector<double>& values) {
    if (values.empty()) return std::nan("");
    const auto half = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
    std::nth_element(values.begin(), half, values.end());
    return *half;
}

/// A field's background at each place over its own middle.
Result<PlaceValues> shrunk(const image::StoredImage& field, std::size_t channel) {
    const auto width = static_cast<std::int64_t>(field.info().width);
    const auto height = static_cast<std::int64_t>(field.info().height);
    std::vector<float> pixels;
    TRY(PixelReader(field, channel).read({0, 0, width, height}, pixels));
    const auto [low, high] = std::minmax_element(pixels.begin(), pixels.end());
    const float least = *low, span = std::max(*high - *low, 1e-6f);
    std::vector<std::uint64_t> histogram(4096);
    const auto bin = [&](float value) {
        return std::min(static_cast<std::size_t>((value - least) / span * 4095), std::size_t{4095});
    };
    for (const float value : pixels) ++histogram[bin(value)];
    const std::uint16_t bright = otsu_threshold(histogram);
    PlaceValues places(place_side * place_side, std::nan(""));
    std::vector<double> known;
    for (std::size_t py = 0; py < place_side; ++py)
        for (std::size_t px = 0; px < place_side; ++px) {
            const std::int64_t y0 = static_cast<std::int64_t>(py) * height / place_side;
            const std::int64_t y1 = static_cast<std::int64_t>(py + 1) * height / place_side;
            const std::int64_t x0 = static_cast<std::int64_t>(px) * width / place_side;
            const std::int64_t x1 = static_cast<std::int64_t>(px + 1) * width / place_side;
            double sum = 0, count = 0;
            for (std::int64_t y = y0; y < y1; ++y)
                for (std::int64_t x = x0; x < x1; ++x) {
                    const float value = pixels[static_cast<std::size_t>(y * width + x)];
                    if (bin(value) > bright) continue;
                    sum += static_cast<double>(value);
                    ++count;
                }
            // Where most is an object, nothing is known of the background.
            if (count * 2 < static_cast<double>((y1 - y0) * (x1 - x0))) continue;
            places[py * place_side + px] = sum / count;
            known.push_back(sum / count);
        }
    const double middle = middle_of(known);
    for (double& value : places) value /= middle;
    return places;
}

PlaceValues middles(const std::vector<PlaceValues>& fields) {
    PlaceValues out(place_side * place_side, std::nan(""));
    std::vector<double> values;
    for (std::size_t place = 0; place < out.size(); ++place) {
        values.clear();
        for (const PlaceValues& field : fields)
            if (std::isfinite(field[place])) values.push_back(field[place]);
        out[place] = middle_of(values);
    }
    return out;
}

std::vector<double> powers(double x, double y) {
    std::vector<double> out;
    for (std::size_t both = 0; both <= degree; ++both)
        for (std::size_t of_y = 0; of_y <= both; ++of_y)
            out.push_back(std::pow(x, both - of_y) * std::pow(y, of_y));
    return out;
}

double place_coordinate(std::size_t place) {
    return (2 * static_cast<double>(place) + 1) / place_side - 1;
}

/// Least squares by the normal equations, solved by Gauss and Jordan with pivots.
std::vector<double> fitted(const PlaceValues& places) {
    const std::size_t terms = powers(0, 0).size();
    std::vector<std::vector<double>> rows(terms, std::vector<double>(terms + 1));
    for (std::size_t place = 0; place < places.size(); ++place) {
        if (!std::isfinite(places[place])) continue;
        const auto here =
            powers(place_coordinate(place % place_side), place_coordinate(place / place_side));
        for (std::size_t i = 0; i < terms; ++i) {
            for (std::size_t j = 0; j < terms; ++j) rows[i][j] += here[i] * here[j];
            rows[i][terms] += here[i] * places[place];
        }
    }
    for (std::size_t i = 0; i < terms; ++i) rows[i][i] += 1e-9;
    for (std::size_t column = 0; column < terms; ++column) {
        std::size_t pivot = column;
        for (std::size_t i = column; i < terms; ++i)
            if (std::abs(rows[i][column]) > std::abs(rows[pivot][column])) pivot = i;
        std::swap(rows[column], rows[pivot]);
        for (std::size_t i = 0; i < terms; ++i) {
            if (i == column) continue;
            const double factor = rows[i][column] / rows[column][column];
            for (std::size_t j = column; j <= terms; ++j) rows[i][j] -= factor * rows[column][j];
        }
    }
    std::vector<double> out;
    for (std::size_t i = 0; i < terms; ++i) out.push_back(rows[i][terms] / rows[i][i]);
    return out;
}

double value_at(const std::vector<double>& terms, double x, double y) {
    const auto here = powers(x, y);
    return std::inner_product(terms.begin(), terms.end(), here.begin(), 0.0);
}

/// The fitted field with a mean of 1.
std::vector<double> field_of(const std::vector<PlaceValues>& fields) {
    std::vector<double> terms = fitted(middles(fields));
    double sum = 0;
    for (std::size_t place = 0; place < place_side * place_side; ++place)
        sum += value_at(terms, place_coordinate(place % place_side),
                        place_coordinate(place / place_side));
    for (double& term : terms) term /= sum / (place_side * place_side);
    return terms;
}

/// Standard deviation over mean of the fields' middles, each divided by the field if one is given.
double unevenness(const std::vector<PlaceValues>& fields, const std::vector<double>* terms) {
    PlaceValues all = middles(fields);
    double sum = 0, squares = 0, count = 0;
    for (std::size_t place = 0; place < all.size(); ++place) {
        if (!std::isfinite(all[place])) continue;
        if (terms != nullptr)
            all[place] /= value_at(*terms, place_coordinate(place % place_side),
                                   place_coordinate(place / place_side));
        sum += all[place];
        squares += all[place] * all[place];
        ++count;
    }
    const double mean = sum / count;
    return std::sqrt(std::max(squares / count - mean * mean, 0.0)) / mean;
}

}  // namespace

double FlatField::at(double x, double y) const { return is_used ? value_at(terms, x, y) : 1; }

Result<FlatField> find_flat_field(std::span<const std::shared_ptr<const image::StoredImage>> fields,
                                  std::size_t channel) {
    if (fields.size() < fields_min)
        return fail(ErrorCode::invalid_input,
                    fmt::format("the light is found out of {} fields at least; there are {}",
                                fields_min, fields.size()));
    std::vector<PlaceValues> all, even, odd;
    for (const auto& field : fields) {
        if (field->info().width != fields[0]->info().width ||
            field->info().height != fields[0]->info().height ||
            field->info().channels.size() != fields[0]->info().channels.size())
            return fail(ErrorCode::invalid_input,
                        "fields of one microscope have one size and the "
                        "same channels; these differ");
        all.push_back(TRY(shrunk(*field, channel)));
        (all.size() % 2 == 1 ? even : odd).push_back(all.back());
    }
    FlatField out;
    const std::vector<double> of_half = field_of(even);
    out.uneven_before = unevenness(odd, nullptr);
    out.uneven_after = unevenness(odd, &of_half);
    out.terms = field_of(all);
    out.least = out.most = value_at(out.terms, 0, 0);
    for (std::size_t place = 0; place < place_side * place_side; ++place) {
        const double value = value_at(out.terms, place_coordinate(place % place_side),
                                      place_coordinate(place / place_side));
        out.least = std::min(out.least, value);
        out.most = std::max(out.most, value);
    }
    out.is_used = out.uneven_after < better_by * out.uneven_before && out.least >= field_least &&
                  out.most <= field_most;
    return out;
}

}  // namespace stroma::tissue
