#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"

namespace stroma::front::postgres {

/// Between UTF-8 and what a client reads and writes, by the C library's iconv. One thread.
class Encoding {
public:
    /// `name` as PostgreSQL spells it, `iconv` as the library does.
    /// errors  unsupported  the library hasn't got it
    static Result<std::unique_ptr<Encoding>> named(std::string name, std::string_view iconv);
    ~Encoding();
    Encoding(const Encoding&) = delete;
    Encoding& operator=(const Encoding&) = delete;

    const std::string& name() const { return name_; }
    /// From the client. A character whose bytes haven't all come stays in `rest`, if there is one.
    /// errors  corrupt  bytes that aren't of the encoding
    Result<std::string> to_utf8(std::string_view bytes, std::string* rest = nullptr) const;
    /// For the client. errors  corrupt  a character that the encoding hasn't got
    Result<std::string> from_utf8(std::string_view text) const;
    /// The same, with ? in the place of what the encoding hasn't got: for messages.
    std::string told(std::string_view text) const;

private:
    Encoding(std::string name, void* reading, void* writing);
    std::string name_;
    void *reading_, *writing_;
};

}  // namespace stroma::front::postgres
