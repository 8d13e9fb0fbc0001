#pragma once

#include <atomic>
#include <map>
#include <string>
#include <string_view>

namespace stroma {

using Labels = std::map<std::string, std::string>;

class Counter {
public:
    void add(double by = 1) { value_.fetch_add(by, std::memory_order_relaxed); }
    double value() const { return value_.load(std::memory_order_relaxed); }

private:
    std::atomic<double> value_{0};
};

class Gauge {
public:
    void set(double value) { value_.store(value, std::memory_order_relaxed); }
    void add(double by) { value_.fetch_add(by, std::memory_order_relaxed); }
    double value() const { return value_.load(std::memory_order_relaxed); }

private:
    std::atomic<double> value_{0};
};

/// Seconds sorted into fixed bounds: 1 ms to 1,000 s, three a decade.
class Histogram {
public:
    static constexpr double bounds[] = {0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1,
                                        2,     5,     10,    20,   50,   100,  200, 500, 1000};
    void observe(double seconds);
    std::uint64_t count() const { return count_.load(std::memory_order_relaxed); }

private:
    friend std::string metrics_text();
    std::atomic<std::uint64_t> buckets_[std::size(bounds)]{};
    std::atomic<std::uint64_t> count_{0};
    std::atomic<double> sum_{0};
};

/// The process's metric of that name and labels, made on first use; it lives for ever.
/// Names follow Prometheus: "stroma_matrix_requests_total". `help` is taken from the first call.
Counter& counter(std::string_view name, std::string_view help, const Labels& labels = {});
Gauge& gauge(std::string_view name, std::string_view help, const Labels& labels = {});
Histogram& histogram(std::string_view name, std::string_view help, const Labels& labels = {});

/// Every metric in the Prometheus text format, version 0.0.4.
std::string metrics_text();

}  // namespace stroma
