#include "base/metrics.h"

#include <fmt/format.h>

#include <memory>
#include <mutex>

namespace stroma {
namespace {

/// Metrics of one type by name, then by their rendered labels.
template <class Metric>
struct Family {
    std::string help;
    std::map<std::string, std::unique_ptr<Metric>> by_labels;
};

struct Registry {
    std::mutex mutex;
    std::map<std::string, Family<Counter>, std::less<>> counters;
    std::map<std::string, Family<Gauge>, std::less<>> gauges;
    std::map<std::string, Family<Histogram>, std::less<>> histograms;
};

Registry& registry() {
    static Registry instance;
    return instance;
}

std::string escaped(std::string_view value) {
    std::string out;
    for (const char c : value) {
        if (c == '\\' || c == '"') out += '\\';
        if (c == '\n')
            out += "\\n";
        else
            out += c;
    }
    return out;
}

std::string rendered(const Labels& labels) {
    std::string out;
    for (const auto& [name, value] : labels)
        out += fmt::format("{}{}=\"{}\"", out.empty() ? "" : ",", name, escaped(value));
    return out;
}

template <class Metric>
Metric& find_or_make(std::map<std::string, Family<Metric>, std::less<>>& families,
                     std::string_view name, std::string_view help, const Labels& labels) {
    const std::lock_guard lock(registry().mutex);
    auto& family = families.try_emplace(std::string(name)).first->second;
    if (family.help.empty()) family.help = help;
    auto& metric = family.by_labels[rendered(labels)];
    if (!metric) metric = std::make_unique<Metric>();
    return *metric;
}

std::string head(std::string_view name, std::string_view help, std::string_view type) {
    return fmt::format("# HELP {} {}\n# TYPE {} {}\n", name, help, name, type);
}

std::string braced(const std::string& labels) { return labels.empty() ? "" : "{" + labels + "}"; }

}  // namespace

void Histogram::observe(double seconds) {
    for (std::size_t i = 0; i < std::size(bounds); ++i)
        if (seconds <= bounds[i]) buckets_[i].fetch_add(1, std::memory_order_relaxed);
    count_.fetch_add(1, std::memory_order_relaxed);
    sum_.fetch_add(seconds, std::memory_order_relaxed);
}

Counter& counter(std::string_view name, std::string_view help, const Labels& labels) {
    return find_or_make(registry().counters, name, help, labels);
}
Gauge& gauge(std::string_view name, std::string_view help, const Labels& labels) {
    return find_or_make(registry().gauges, name, help, labels);
}
Histogram& histogram(std::string_view name, std::string_view help, const Labels& labels) {
    return find_or_make(registry().histograms, name, help, labels);
}

std::string metrics_text() {
    Registry& all = registry();
    const std::lock_guard lock(all.mutex);
    std::string text;
    for (const auto& [name, family] : all.counters) {
        text += head(name, family.help, "counter");
        for (const auto& [labels, metric] : family.by_labels)
            text += fmt::format("{}{} {}\n", name, braced(labels), metric->value());
    }
    for (const auto& [name, family] : all.gauges) {
        text += head(name, family.help, "gauge");
        for (const auto& [labels, metric] : family.by_labels)
            text += fmt::format("{}{} {}\n", name, braced(labels), metric->value());
    }
    for (const auto& [name, family] : all.histograms) {
        text += head(name, family.help, "histogram");
        for (const auto& [labels, metric] : family.by_labels) {
            const std::string comma = labels.empty() ? "" : ",";
            for (std::size_t i = 0; i < std::size(Histogram::bounds); ++i)
                text += fmt::format("{}_bucket{{{}{}le=\"{}\"}} {}\n", name, labels, comma,
                                    Histogram::bounds[i], metric->buckets_[i].load());
            text += fmt::format("{}_bucket{{{}{}le=\"+Inf\"}} {}\n", name, labels, comma,
                                metric->count());
            text += fmt::format("{}_sum{} {}\n", name, braced(labels), metric->sum_.load());
            text += fmt::format("{}_count{} {}\n", name, braced(labels), metric->count());
        }
    }
    return text;
}

}  // namespace stroma
