#include "front/s3/form_reader.h"

#include <algorithm>

#include "front/http/url.h"

namespace stroma::front::s3 {
namespace {

constexpr std::size_t headers_bytes_max = 8u << 10;
constexpr std::size_t boundary_bytes_max = 200;

/// The value of `name="…"` in a header's parameters; "" for none.
std::string parameter(std::string_view header, std::string_view name) {
    std::size_t at = 0;
    while ((at = header.find(';', at)) != header.npos) {
        std::string_view rest = http::trimmed(header.substr(++at));
        const std::size_t equals = rest.find('=');
        if (equals == rest.npos ||
            !http::equal_ignoring_case(http::trimmed(rest.substr(0, equals)), name))
            continue;
        rest = http::trimmed(rest.substr(equals + 1));
        if (!rest.starts_with('"'))
            return std::string(http::trimmed(rest.substr(0, rest.find(';'))));
        std::string value;
        for (std::size_t i = 1; i < rest.size() && rest[i] != '"'; ++i) {
            if (rest[i] == '\\' && i + 1 < rest.size() &&
                (rest[i + 1] == '"' || rest[i + 1] == '\\'))
                ++i;
            value += rest[i];
        }
        return value;
    }
    return {};
}

}  // namespace

std::string form_boundary(std::string_view content_type) {
    const std::string_view type = http::trimmed(content_type.substr(0, content_type.find(';')));
    if (!http::equal_ignoring_case(type, "multipart/form-data")) return {};
    std::string boundary = parameter(content_type, "boundary");
    return boundary.size() > boundary_bytes_max ? std::string() : boundary;
}

FormReader::FormReader(std::string_view boundary)
    : boundary_("\r\n--" + std::string(boundary)), held_("\r\n") {}

std::string FormReader::field(std::string_view lower_case_name) const {
    for (const auto& [name, value] : fields_)
        if (name == lower_case_name) return value;
    return {};
}

Result<void> FormReader::feed(std::string_view bytes, Bytes& file) {
    if (state_ == State::behind) return {};
    held_ += bytes;
    while (TRY(step(file))) {
    }
    return {};
}

/// Moves what surely isn't the boundary out of `held_`; true when it was found, and is taken.
bool FormReader::take_until_boundary(std::string& into) {
    const std::size_t at = held_.find(boundary_);
    if (at != held_.npos) {
        into.append(held_, 0, at);
        held_.erase(0, at + boundary_.size());
        return true;
    }
    if (held_.size() < boundary_.size()) return false;
    const std::size_t sure = held_.size() - boundary_.size() + 1;
    into.append(held_, 0, sure);
    held_.erase(0, sure);
    return false;
}

Result<void> FormReader::read_headers(std::string_view headers) {
    name_.clear();
    is_file_ = false;
    while (!headers.empty()) {
        const std::size_t end = std::min(headers.find("\r\n"), headers.size());
        const std::string_view line = headers.substr(0, end);
        headers.remove_prefix(std::min(end + 2, headers.size()));
        const std::size_t colon = line.find(':');
        if (colon == line.npos ||
            !http::equal_ignoring_case(line.substr(0, colon), "content-disposition"))
            continue;
        const std::string_view value = line.substr(colon + 1);
        name_ = http::lower_case(parameter(value, "name"));
        is_file_ = name_ == "file";
        if (!is_file_) continue;
        file_name_ = parameter(value, "filename");
        file_name_.erase(0, file_name_.find_last_of("/\\") + 1);
    }
    if (name_.empty()) return fail(ErrorCode::invalid_input, "a part of the form has no name");
    return {};
}

/// One step as far as the held bytes reach; false when more are needed.
Result<bool> FormReader::step(Bytes& file) {
    switch (state_) {
        case State::before: {
            std::string ignored;
            if (!take_until_boundary(ignored)) return false;
            state_ = State::headers;
            return true;
        }
        case State::headers: {
            if (held_.starts_with("--"))
                return fail(ErrorCode::invalid_input, "the form ends without a file");
            const std::size_t end = held_.find("\r\n\r\n");
            if (end == held_.npos) {
                if (held_.size() > headers_bytes_max + 4)
                    return fail(ErrorCode::invalid_input,
                                "a part of the form has too long headers");
                return false;
            }
            if (end > headers_bytes_max || !held_.starts_with("\r\n"))
                return fail(ErrorCode::invalid_input, "the form's parts are malformed");
            TRY(read_headers(end > 2 ? std::string_view(held_).substr(2, end - 2) : ""));
            held_.erase(0, end + 4);
            value_.clear();
            state_ = is_file_ ? State::file : State::value;
            return true;
        }
        case State::value: {
            const std::size_t before = value_.size();
            const bool is_over = take_until_boundary(value_);
            fields_bytes_ += value_.size() - before;
            if (fields_bytes_ > fields_bytes_max)
                return fail(ErrorCode::exhausted, "the form's fields are too large");
            if (!is_over) return false;
            fields_bytes_ += name_.size();
            fields_.emplace_back(std::move(name_), std::move(value_));
            state_ = State::headers;
            return true;
        }
        case State::file: {
            std::string bytes;
            const bool is_over = take_until_boundary(bytes);
            const ByteSpan span = as_bytes(bytes);
            file.insert(file.end(), span.begin(), span.end());
            if (!is_over) return false;
            state_ = State::behind;
            held_.clear();
            return false;
        }
        case State::behind: break;
    }
    return false;
}

}  // namespace stroma::front::s3
