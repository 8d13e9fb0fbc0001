#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/bytes.h"
#include "base/result.h"

namespace stroma::front::s3 {

/// Reads multipart/form-data as it comes in: its fields, then the bytes of its file, whose field is
/// named "file". What follows the file is read over. Memory is bounded by the fields.
class FormReader {
public:
    static constexpr std::size_t fields_bytes_max = 1u << 20;

    explicit FormReader(std::string_view boundary);

    /// Appends what bytes of the file are complete to `file`.
    /// errors  invalid_input  no such form; exhausted  its fields are too large
    Result<void> feed(std::string_view bytes, Bytes& file);
    /// All fields before the file have come, and the file begins.
    bool at_file() const { return state_ == State::file || state_ == State::behind; }
    /// The file has come whole.
    bool whole() const { return state_ == State::behind; }
    /// By names in lower case, in order.
    const std::vector<std::pair<std::string, std::string>>& fields() const { return fields_; }
    std::string field(std::string_view lower_case_name) const;
    /// Of the file as the client has it: without its folders.
    const std::string& file_name() const { return file_name_; }

private:
    enum class State { before, headers, value, file, behind };
    Result<bool> step(Bytes& file);
    Result<void> read_headers(std::string_view headers);
    bool take_until_boundary(std::string& into);

    const std::string boundary_;  ///< with the line break and dashes before it
    State state_ = State::before;
    std::string held_;
    std::string name_, value_, file_name_;
    bool is_file_ = false;
    std::size_t fields_bytes_ = 0;
    std::vector<std::pair<std::string, std::string>> fields_;
};

/// The boundary of a content type; "" when it is no form's.
std::string form_boundary(std::string_view content_type);

}  // namespace stroma::front::s3
