#include "base/json.h"

#include <fmt/format.h>

#include <cmath>
#include <set>
#include <vector>

namespace stroma {
namespace {

/// Builds the value while watching limits; the library's own callback parser sees no duplicates.
class StrictHandler : public nlohmann::json_sax<Json> {
public:
    StrictHandler(Json& root, const JsonLimits& limits) : root_(root), limits_(limits) {}

    bool null() override { return add(nullptr); }
    bool boolean(bool value) override { return add(value); }
    bool number_integer(number_integer_t value) override { return add(value); }
    bool number_unsigned(number_unsigned_t value) override { return add(value); }
    bool number_float(number_float_t value, const string_t& text) override {
        if (!std::isfinite(value)) return refuse("number out of range: " + text.substr(0, 40));
        return add(value);
    }
    bool string(string_t& value) override {
        if (value.size() > limits_.string_bytes_max)
            return refuse(fmt::format("a string of {} bytes; the limit is {}", value.size(),
                                      limits_.string_bytes_max));
        return add(std::move(value));
    }
    bool binary(binary_t&) override { return refuse("binary value"); }
    bool start_object(std::size_t) override { return open(Json::object()); }
    bool start_array(std::size_t) override { return open(Json::array()); }
    bool end_object() override { return close(); }
    bool end_array() override { return close(); }
    bool key(string_t& name) override {
        if (!names_.back().insert(name).second) return refuse("duplicate member '" + name + "'");
        name_ = name;
        return true;
    }
    bool parse_error(std::size_t position, const std::string&,
                     const nlohmann::detail::exception&) override {
        return refuse(fmt::format("not JSON at byte {}", position));
    }

    std::string problem;

private:
    bool refuse(std::string why) {
        problem = std::move(why);
        return false;
    }
    template <class T>
    Json* place(T&& value) {
        if (open_.empty()) {
            root_ = std::forward<T>(value);
            return &root_;
        }
        Json& parent = *open_.back();
        if (parent.is_array()) {
            parent.push_back(std::forward<T>(value));
            return &parent.back();
        }
        return &(parent[name_] = std::forward<T>(value));
    }
    template <class T>
    bool add(T&& value) {
        place(std::forward<T>(value));
        return true;
    }
    bool open(Json value) {
        if (open_.size() >= limits_.depth_max)
            return refuse(fmt::format("nested deeper than {}", limits_.depth_max));
        open_.push_back(place(std::move(value)));
        names_.emplace_back();
        return true;
    }
    bool close() {
        open_.pop_back();
        names_.pop_back();
        return true;
    }

    Json& root_;
    const JsonLimits& limits_;
    std::vector<Json*> open_;
    std::vector<std::set<std::string>> names_;
    std::string name_;
};

}  // namespace

Result<Json> parse_json(std::string_view text, const JsonLimits& limits) {
    if (text.size() > limits.bytes_max)
        return fail(ErrorCode::exhausted, fmt::format("JSON of {} bytes; the limit is {}",
                                                      text.size(), limits.bytes_max));
    Json root;
    StrictHandler handler(root, limits);
    if (!Json::sax_parse(text.begin(), text.end(), &handler))
        return fail(ErrorCode::invalid_input, handler.problem);
    return root;
}

}  // namespace stroma
