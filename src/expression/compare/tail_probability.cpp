#include "expression/compare/tail_probability.h"

#include <cmath>
#include <numbers>

namespace stroma::expression {
namespace {

constexpr double epsilon = 1e-17;
constexpr double series_x_max = 0.7;
constexpr double expansion_a_min = 25;
constexpr double smallest_exponent = -750;  // below it e^x is 0

/// Γ(a + 1/2) / Γ(a).
double gamma_ratio(double a) {
    double factor = 1;
    for (; a < expansion_a_min; ++a) factor *= a / (a + 0.5);
    const double v = 1 / (a * a);
    const double series =
        (-1.0 / 8 + v * (1.0 / 192 + v * (-1.0 / 640 + v * (17.0 / 14336 - v * 31 / 18432)))) / a;
    return factor * std::sqrt(a) * std::exp(series);
}

/// x^a / (a B(a, 1/2)).
double leading(double a, double ln_x) {
    return std::exp(a * ln_x) * gamma_ratio(a) / (a * std::sqrt(std::numbers::pi));
}

double by_series(double a, double x, double ln_x) {
    if (a * ln_x < smallest_exponent) return 0;
    double sum = 1, term = a;
    for (int n = 1; n < 500; ++n) {
        term *= x * (n - 0.5) / n;
        const double more = term / (a + n);
        sum += more;
        if (more <= epsilon * sum) break;
    }
    return leading(a, ln_x) * sum;
}

/// The expansion in incomplete gamma functions, which for b = 1/2 begins with erfc.
double by_expansion(double a, double ln_x) {
    constexpr double b = 0.5;
    const double t = a - 0.25;
    const double z = -t * ln_x;
    if (-z < smallest_exponent) return 0;
    const double root = std::sqrt(z);
    const double scale = gamma_ratio(a) / std::sqrt(t);
    const double tail = std::erfc(root);
    // r J_n of the paper, where r is what makes J_0 a plain erfc.
    double j = tail, power = std::exp(-z) * root / std::sqrt(std::numbers::pi);
    const double v = 0.25 / (t * t), step = 0.25 * ln_x * ln_x;
    double sum = tail, cn = 1;
    double c[30], d[30];
    for (int n = 1; n < 30; ++n) {
        const double bp = b + 2 * (n - 1);
        j = (bp * (bp + 1) * j + (z + bp + 1) * power) * v;
        power *= step;
        cn /= 2.0 * n * (2 * n + 1);
        c[n] = cn;
        double mixed = 0;
        for (int i = 1; i < n; ++i) mixed += (b * i - n) * c[i] * d[n - i];
        d[n] = (b - 1) * cn + mixed / n;
        const double more = d[n] * j;
        sum += more;
        if (std::abs(more) <= epsilon * sum) break;
    }
    return scale * sum;
}

}  // namespace

double student_t_two_sided(double t, double degrees) {
    if (std::isnan(t) || std::isnan(degrees) || degrees <= 0) return NAN;
    if (std::isinf(t)) return 0;
    if (t == 0) return 1;
    if (std::isinf(degrees)) return normal_two_sided(t);
    const double square = t * t / degrees;
    const double x = 1 / (1 + square), ln_x = -std::log1p(square);
    double a = degrees / 2;
    if (x <= series_x_max) return std::isinf(square) ? 0 : by_series(a, x, ln_x);
    // I_x(a, b) = x^a (1 - x)^b / (a B(a, b)) + I_x(a + 1, b)
    double head = 0;
    if (a < expansion_a_min) {
        double term = leading(a, ln_x) * std::sqrt(square * x);
        for (; a < expansion_a_min; ++a) {
            head += term;
            term *= x * (a + 0.5) / (a + 1);
        }
    }
    return head + by_expansion(a, ln_x);
}

double normal_two_sided(double z) { return std::erfc(std::abs(z) * std::numbers::sqrt2 / 2); }

}  // namespace stroma::expression
