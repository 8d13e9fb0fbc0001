#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "base/result.h"

// The messages of PostgreSQL's protocol, version 3, as its documentation's chapter
// "Frontend/Backend Protocol" has them. Numbers are big-endian. What is read points into the bytes
// that it was read from.

namespace stroma::front::postgres {

/// What opens a connection: it has no type byte, only a length and a code.
struct Opening {
    enum class Kind { start, tls, gssapi, cancel };
    Kind kind = Kind::start;
    std::uint32_t version = 0;  ///< of start: 0x00030000 and later
    std::vector<std::pair<std::string, std::string>> parameters;
    std::uint32_t process = 0;  ///< of cancel
    std::string secret;         ///< of cancel
};

struct Query {
    std::string_view text;
};
struct Parse {
    std::string_view name, text;
    std::vector<std::uint32_t> types;  ///< oids; 0 says nothing
};
struct Bind {
    std::string_view portal, statement;
    std::vector<std::int16_t> parameter_formats;  ///< 0 text, 1 binary; one for all, or one each
    std::vector<std::optional<std::string_view>> parameters;
    std::vector<std::int16_t> result_formats;
};
struct Describe {
    char kind = 'S';  ///< statement, or 'P' portal
    std::string_view name;
};
struct Execute {
    std::string_view portal;
    std::int32_t rows_max = 0;  ///< 0: all
};
struct Close {
    char kind = 'S';
    std::string_view name;
};
struct Flush {};
struct Sync {};
struct Terminate {};
struct CopyData {
    std::string_view bytes;
};
struct CopyDone {};
struct CopyFail {
    std::string_view reason;
};
/// An answer to a question for a password: its meaning depends on what was asked.
struct Password {
    std::string_view bytes;
};
/// A call of a function by its oid, which nothing of today sends.
struct FunctionCall {};

using Message = std::variant<Query, Parse, Bind, Describe, Execute, Close, Flush, Sync, Terminate,
                             CopyData, CopyDone, CopyFail, Password, FunctionCall>;

inline constexpr std::size_t opening_bytes_max = 10'000;

/// Reads what follows the length. errors  invalid_input  it isn't such a message
Result<Opening> read_opening(std::string_view body);

/// Reads a message's body. errors  invalid_input  it isn't one, or has too many or too few bytes
Result<Message> read_message(char type, std::string_view body);

/// What SASLInitialResponse carries in a Password. errors  invalid_input
struct SaslFirst {
    std::string_view mechanism, data;
};
Result<SaslFirst> read_sasl_first(std::string_view bytes);

/// Bytes of answers, one behind the other.
class Answers {
public:
    /// A message: begin, its fields, end.
    Answers& begin(char type);
    Answers& byte(char value);
    Answers& int16(std::int16_t value);
    Answers& int32(std::uint32_t value);
    Answers& text(std::string_view value);   ///< with a zero behind
    Answers& bytes(std::string_view value);  ///< without
    /// The four bytes for a length that follows; the place is for close_field.
    std::size_t open_field();
    void close_field(std::size_t place);
    Answers& end();

    std::string& raw() { return bytes_; }
    std::size_t size() const { return bytes_.size(); }
    bool empty() const { return bytes_.empty(); }
    void clear() { bytes_.clear(); }

    void ready(char transaction_status);
    void command_complete(std::string_view tag);
    void parameter_status(std::string_view name, std::string_view value);
    /// Those that are only a type: '1' ParseComplete, '2' BindComplete, '3' CloseComplete,
    /// 'n' NoData, 's' PortalSuspended, 'I' EmptyQueryResponse, 'c' CopyDone.
    void bare(char type);

private:
    std::string bytes_;
    std::size_t begun_ = 0;
};

/// What is wrong, or to be told, in PostgreSQL's fields.
struct Report {
    std::string severity = "ERROR";  ///< FATAL ends the connection; NOTICE, WARNING, INFO don't
    std::string state = "XX000";     ///< SQLSTATE
    std::string message, detail, hint;
    std::size_t position = 0;  ///< character in the statement, from 1; 0: not known
    std::string routine{};     ///< of PostgreSQL's source: drivers know some failures by it
};
/// An ErrorResponse, or a NoticeResponse.
void add_report(Answers& answers, const Report& report, bool is_error);

}  // namespace stroma::front::postgres
