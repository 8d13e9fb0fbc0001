#include <algorithm>
#include <array>
#include <cmath>
#include <numeric>
#include <tuple>
#include <utility>

#include "tissue/statistics/spatial_graph.h"

namespace stroma::tissue {
namespace {

__extension__ using WideInteger = __int128;

struct WholePoint {
    std::int64_t x, y;
    std::uint32_t cell;
};

/// Guibas and Stolfi's edges: four to each, edge e's others being e ^ 1, … within its four.
class Triangulation {
public:
    explicit Triangulation(const std::vector<WholePoint>& points) : points_(points) {}
    /// Pairs of points (by their place in the sorted list).
    std::vector<std::pair<std::uint32_t, std::uint32_t>> edges();

private:
    using Edge = std::uint32_t;
    static Edge rot(Edge e) { return (e & ~3u) | ((e + 1) & 3); }
    static Edge sym(Edge e) { return e ^ 2; }
    static Edge inv_rot(Edge e) { return (e & ~3u) | ((e + 3) & 3); }
    Edge onext(Edge e) const { return next_[e]; }
    Edge oprev(Edge e) const { return rot(next_[rot(e)]); }
    Edge lnext(Edge e) const { return rot(next_[inv_rot(e)]); }
    Edge rprev(Edge e) const { return next_[sym(e)]; }
    std::uint32_t org(Edge e) const { return origin_[e]; }
    std::uint32_t dest(Edge e) const { return origin_[sym(e)]; }

    Edge make_edge(std::uint32_t from, std::uint32_t to);
    void splice(Edge a, Edge b);
    Edge connect(Edge a, Edge b);
    void remove(Edge e);
    std::pair<Edge, Edge> divide(std::uint32_t first, std::uint32_t end);
    std::pair<Edge, Edge> three(std::uint32_t first);
    void merge(Edge& left_out, Edge left_in, Edge right_in, Edge& right_out);

    WideInteger turn(std::uint32_t a, std::uint32_t b, std::uint32_t c) const {
        const WholePoint &p = points_[a], &q = points_[b], &r = points_[c];
        return static_cast<WideInteger>(q.x - p.x) * (r.y - p.y) -
               static_cast<WideInteger>(q.y - p.y) * (r.x - p.x);
    }
    bool is_right_of(std::uint32_t point, Edge e) const { return turn(point, dest(e), org(e)) > 0; }
    bool is_left_of(std::uint32_t point, Edge e) const { return turn(point, org(e), dest(e)) > 0; }
    bool is_in_circle(std::uint32_t a, std::uint32_t b, std::uint32_t c, std::uint32_t d) const;

    const std::vector<WholePoint>& points_;
    std::vector<Edge> next_;
    std::vector<std::uint32_t> origin_;
    std::vector<bool> is_gone_;
};

Triangulation::Edge Triangulation::make_edge(std::uint32_t from, std::uint32_t to) {
    const auto e = static_cast<Edge>(next_.size());
    next_.insert(next_.end(), {e, e + 3, e + 2, e + 1});
    origin_.insert(origin_.end(), {from, 0, to, 0});
    is_gone_.push_back(false);
    return e;
}

void Triangulation::splice(Edge a, Edge b) {
    const Edge alpha = rot(next_[a]), beta = rot(next_[b]);
    std::swap(next_[a], next_[b]);
    std::swap(next_[alpha], next_[beta]);
}

Triangulation::Edge Triangulation::connect(Edge a, Edge b) {
    const Edge e = make_edge(dest(a), org(b));
    splice(e, lnext(a));
    splice(sym(e), b);
    return e;
}

void Triangulation::remove(Edge e) {
    splice(e, oprev(e));
    splice(sym(e), oprev(sym(e)));
    is_gone_[e / 4] = true;
}

/// Whether d lies inside the circle through a, b, c (in turn to the left). Exact: coordinates have
/// 27 bits, the determinant at most 113.
bool Triangulation::is_in_circle(std::uint32_t a, std::uint32_t b, std::uint32_t c,
                                 std::uint32_t d) const {
    const WholePoint& p = points_[d];
    const auto row = [&](std::uint32_t at) {
        const std::int64_t x = points_[at].x - p.x, y = points_[at].y - p.y;
        return std::array<std::int64_t, 3>{x, y, x * x + y * y};
    };
    const auto m = row(a), n = row(b), o = row(c);
    const auto minor = [](std::int64_t x1, std::int64_t y1, std::int64_t x2, std::int64_t y2) {
        return static_cast<WideInteger>(x1) * y2 - static_cast<WideInteger>(x2) * y1;
    };
    return m[2] * minor(n[0], n[1], o[0], o[1]) - n[2] * minor(m[0], m[1], o[0], o[1]) +
               o[2] * minor(m[0], m[1], n[0], n[1]) >
           0;
}

std::pair<Triangulation::Edge, Triangulation::Edge> Triangulation::three(std::uint32_t first) {
    const Edge a = make_edge(first, first + 1), b = make_edge(first + 1, first + 2);
    splice(sym(a), b);
    const WideInteger turned = turn(first, first + 1, first + 2);
    if (turned > 0) {
        connect(b, a);
        return {a, sym(b)};
    }
    if (turned < 0) {
        const Edge c = connect(b, a);
        return {sym(c), c};
    }
    return {a, sym(b)};
}

void Triangulation::merge(Edge& left_out, Edge left_in, Edge right_in, Edge& right_out) {
    while (true) {
        if (is_left_of(org(right_in), left_in))
            left_in = lnext(left_in);
        else if (is_right_of(org(left_in), right_in))
            right_in = rprev(right_in);
        else
            break;
    }
    Edge base = connect(sym(right_in), left_in);
    if (org(left_in) == org(left_out)) left_out = sym(base);
    if (org(right_in) == org(right_out)) right_out = base;
    while (true) {
        const auto is_valid = [&](Edge e) { return is_right_of(dest(e), base); };
        Edge left = onext(sym(base));
        if (is_valid(left))
            while (is_in_circle(dest(base), org(base), dest(left), dest(onext(left)))) {
                const Edge after = onext(left);
                remove(left);
                left = after;
            }
        Edge right = oprev(base);
        if (is_valid(right))
            while (is_in_circle(dest(base), org(base), dest(right), dest(oprev(right)))) {
                const Edge after = oprev(right);
                remove(right);
                right = after;
            }
        if (!is_valid(left) && !is_valid(right)) return;
        const bool takes_right =
            !is_valid(left) ||
            (is_valid(right) && is_in_circle(dest(left), org(left), org(right), dest(right)));
        base = takes_right ? connect(right, sym(base)) : connect(sym(base), sym(left));
    }
}

/// Of the points [first, end): the edge from the leftmost one along the hull to the left, and that
/// from the rightmost one to the right.
std::pair<Triangulation::Edge, Triangulation::Edge> Triangulation::divide(std::uint32_t first,
                                                                          std::uint32_t end) {
    if (end - first == 2) {
        const Edge e = make_edge(first, first + 1);
        return {e, sym(e)};
    }
    if (end - first == 3) return three(first);
    const std::uint32_t middle = first + (end - first) / 2;
    auto [left_out, left_in] = divide(first, middle);
    auto [right_in, right_out] = divide(middle, end);
    merge(left_out, left_in, right_in, right_out);
    return {left_out, right_out};
}

std::vector<std::pair<std::uint32_t, std::uint32_t>> Triangulation::edges() {
    std::vector<std::pair<std::uint32_t, std::uint32_t>> out;
    if (points_.size() < 2) return out;
    divide(0, static_cast<std::uint32_t>(points_.size()));
    for (std::size_t e = 0; e < is_gone_.size(); ++e)
        if (!is_gone_[e]) out.emplace_back(origin_[4 * e], origin_[4 * e + 2]);
    return out;
}

/// Rounded, sorted by x and y, without doubles.
std::vector<WholePoint> whole_points(const Places& places) {
    std::vector<WholePoint> points;
    if (places.count() == 0) return points;
    const auto [low_x, high_x] = std::minmax_element(places.x.begin(), places.x.end());
    const auto [low_y, high_y] = std::minmax_element(places.y.begin(), places.y.end());
    const double side = std::max({*high_x - *low_x, *high_y - *low_y, 1e-300});
    const double scale = static_cast<double>(1 << 26) / side;
    for (std::size_t i = 0; i < places.count(); ++i)
        points.push_back({std::llround((places.x[i] - *low_x) * scale),
                          std::llround((places.y[i] - *low_y) * scale),
                          static_cast<std::uint32_t>(i)});
    std::sort(points.begin(), points.end(), [](const WholePoint& a, const WholePoint& b) {
        return std::tie(a.x, a.y, a.cell) < std::tie(b.x, b.y, b.cell);
    });
    points.erase(std::unique(points.begin(), points.end(),
                             [](const WholePoint& a, const WholePoint& b) {
                                 return a.x == b.x && a.y == b.y;
                             }),
                 points.end());
    return points;
}

}  // namespace

SpatialGraph delaunay_graph(const Places& places, double longest) {
    const std::vector<WholePoint> points = whole_points(places);
    std::vector<std::pair<std::uint32_t, std::uint32_t>> pairs;
    for (const auto& [one, other] : Triangulation(points).edges()) {
        const std::uint32_t a = points[one].cell, b = points[other].cell;
        const double away = std::hypot(places.x[a] - places.x[b], places.y[a] - places.y[b]);
        if (longest > 0 && away > longest) continue;
        pairs.emplace_back(a, b);
        pairs.emplace_back(b, a);
    }
    std::sort(pairs.begin(), pairs.end());
    SpatialGraph graph;
    graph.starts.assign(places.count() + 1, 0);
    for (const auto& [from, to] : pairs) {
        ++graph.starts[from + 1];
        graph.nodes.push_back(to);
    }
    std::partial_sum(graph.starts.begin(), graph.starts.end(), graph.starts.begin());
    return graph;
}

}  // namespace stroma::tissue
