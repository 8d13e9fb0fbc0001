#include "front/postgres/message.h"

#include <algorithm>

namespace stroma::front::postgres {
namespace {

constexpr std::uint32_t code_cancel = 80877102, code_tls = 80877103, code_gssapi = 80877104;
constexpr std::uint32_t version_3 = 0x0003'0000;

/// Takes fields from the front of a body. After a field that isn't there, everything is empty and
/// `is_whole` is false.
class Fields {
public:
    explicit Fields(std::string_view bytes) : rest_(bytes) {}

    std::uint32_t number(std::size_t size) {
        std::uint32_t value = 0;
        for (const char c : take(size)) value = value << 8 | static_cast<unsigned char>(c);
        return value;
    }
    std::int16_t int16() { return static_cast<std::int16_t>(number(2)); }
    std::int32_t int32() { return static_cast<std::int32_t>(number(4)); }
    char byte() { return static_cast<char>(number(1)); }
    std::string_view text() {
        const std::size_t end = rest_.find('\0');
        if (end == std::string_view::npos) {
            is_whole_ = false;
            rest_ = {};
            return {};
        }
        const std::string_view text = rest_.substr(0, end);
        rest_.remove_prefix(end + 1);
        return text;
    }
    std::string_view take(std::size_t size) {
        if (size > rest_.size()) {
            is_whole_ = false;
            rest_ = {};
            return {};
        }
        const std::string_view bytes = rest_.substr(0, size);
        rest_.remove_prefix(size);
        return bytes;
    }
    std::string_view rest() { return take(rest_.size()); }
    std::size_t left() const { return rest_.size(); }
    /// How many of at least `size` bytes each are said to follow; none when they can't.
    std::size_t count(std::size_t size) {
        const std::int32_t said = int16();
        if (said < 0 || static_cast<std::size_t>(said) * size > rest_.size()) {
            is_whole_ = false;
            return 0;
        }
        return static_cast<std::size_t>(said);
    }
    /// All fields were there, and nothing else is.
    bool is_whole() const { return is_whole_ && rest_.empty(); }

private:
    std::string_view rest_;
    bool is_whole_ = true;
};

tl::unexpected<Error> damaged(std::string_view what) {
    return fail(ErrorCode::invalid_input, "the " + std::string(what) + " message is damaged");
}

Parse parse_in(Fields& fields) {
    Parse parse{fields.text(), fields.text(), {}};
    const std::size_t count = fields.count(4);
    for (std::size_t i = 0; i < count; ++i) parse.types.push_back(fields.number(4));
    return parse;
}

Result<Bind> bind_in(Fields& fields) {
    Bind bind{fields.text(), fields.text(), {}, {}, {}};
    std::size_t count = fields.count(2);
    for (std::size_t i = 0; i < count; ++i) bind.parameter_formats.push_back(fields.int16());
    count = fields.count(4);
    for (std::size_t i = 0; i < count; ++i) {
        const std::int32_t size = fields.int32();
        if (size < -1) return damaged("Bind");
        if (size == -1)
            bind.parameters.push_back(std::nullopt);
        else
            bind.parameters.push_back(fields.take(static_cast<std::size_t>(size)));
    }
    count = fields.count(2);
    for (std::size_t i = 0; i < count; ++i) bind.result_formats.push_back(fields.int16());
    const std::size_t formats = bind.parameter_formats.size();
    if (formats > 1 && formats != bind.parameters.size()) return damaged("Bind");
    const auto is_format = [](std::int16_t format) { return format == 0 || format == 1; };
    if (!std::all_of(bind.parameter_formats.begin(), bind.parameter_formats.end(), is_format) ||
        !std::all_of(bind.result_formats.begin(), bind.result_formats.end(), is_format))
        return damaged("Bind");
    return bind;
}

Result<Message> whole(const Fields& fields, Message message, std::string_view what) {
    if (!fields.is_whole()) return damaged(what);
    return message;
}

template <class Named>
Result<Message> named_in(Fields& fields, std::string_view what) {
    Named named;
    named.kind = fields.byte();
    named.name = fields.text();
    if (named.kind != 'S' && named.kind != 'P') return damaged(what);
    return whole(fields, named, what);
}

}  // namespace

Result<Opening> read_opening(std::string_view body) {
    Fields fields(body);
    Opening opening;
    opening.version = fields.number(4);
    switch (opening.version) {
        case code_tls: opening.kind = Opening::Kind::tls; break;
        case code_gssapi: opening.kind = Opening::Kind::gssapi; break;
        case code_cancel:
            opening.kind = Opening::Kind::cancel;
            opening.process = fields.number(4);
            opening.secret = fields.rest();
            if (opening.secret.size() < 4 || opening.secret.size() > 256) return damaged("cancel");
            break;
        default:
            if ((opening.version & 0xffff'0000) != version_3)
                return fail(ErrorCode::unsupported,
                            "protocol " + std::to_string(opening.version >> 16) + "." +
                                std::to_string(opening.version & 0xffff) +
                                " isn't spoken here; use version 3");
            for (;;) {
                const std::string_view name = fields.text();
                if (name.empty()) break;
                opening.parameters.emplace_back(name, fields.text());
            }
    }
    if (!fields.is_whole()) return damaged("startup");
    return opening;
}

Result<Message> read_message(char type, std::string_view body) {
    Fields fields(body);
    switch (type) {
        case 'Q':
            return whole(
                fields, [&] { return Query{fields.text()}; }(), "Query");
        case 'P':
            return whole(
                fields, [&] { return parse_in(fields); }(), "Parse");
        case 'B': {
            auto bind = bind_in(fields);
            if (!bind) return fail(bind.error());
            return whole(fields, *std::move(bind), "Bind");
        }
        case 'D': return named_in<Describe>(fields, "Describe");
        case 'C': return named_in<Close>(fields, "Close");
        case 'E':
            return whole(
                fields,
                [&] {
                    const std::string_view portal = fields.text();
                    return Execute{portal, std::max(0, fields.int32())};
                }(),
                "Execute");
        case 'H': return whole(fields, Flush{}, "Flush");
        case 'S': return whole(fields, Sync{}, "Sync");
        case 'X': return Terminate{};
        case 'd': return CopyData{body};
        case 'c': return whole(fields, CopyDone{}, "CopyDone");
        case 'f':
            return whole(
                fields, [&] { return CopyFail{fields.text()}; }(), "CopyFail");
        case 'p': return Password{body};
        case 'F': return FunctionCall{};
        default:
            return fail(ErrorCode::invalid_input,
                        "there is no message of type " + std::to_string(int{type}));
    }
}

Result<SaslFirst> read_sasl_first(std::string_view bytes) {
    Fields fields(bytes);
    SaslFirst first;
    first.mechanism = fields.text();
    const std::int32_t size = fields.int32();
    first.data = fields.rest();
    if (size < 0 || !fields.is_whole() || first.data.size() != static_cast<std::size_t>(size))
        return damaged("SASLInitialResponse");
    return first;
}

Answers& Answers::begin(char type) {
    bytes_ += type;
    begun_ = open_field();
    return *this;
}
Answers& Answers::byte(char value) {
    bytes_ += value;
    return *this;
}
Answers& Answers::int16(std::int16_t value) {
    bytes_ += static_cast<char>(value >> 8);
    bytes_ += static_cast<char>(value);
    return *this;
}
Answers& Answers::int32(std::uint32_t value) {
    for (int shift = 24; shift >= 0; shift -= 8) bytes_ += static_cast<char>(value >> shift);
    return *this;
}
Answers& Answers::text(std::string_view value) {
    bytes_ += value.substr(0, value.find('\0'));
    bytes_ += '\0';
    return *this;
}
Answers& Answers::bytes(std::string_view value) {
    bytes_ += value;
    return *this;
}
std::size_t Answers::open_field() {
    bytes_.append(4, '\0');
    return bytes_.size() - 4;
}
void Answers::close_field(std::size_t place) {
    const auto size = static_cast<std::uint32_t>(bytes_.size() - place - 4);
    for (std::size_t i = 0; i < 4; ++i) bytes_[place + i] = static_cast<char>(size >> (24 - 8 * i));
}
Answers& Answers::end() {
    // A message's length counts itself, a field's doesn't.
    const auto size = static_cast<std::uint32_t>(bytes_.size() - begun_);
    for (std::size_t i = 0; i < 4; ++i)
        bytes_[begun_ + i] = static_cast<char>(size >> (24 - 8 * i));
    return *this;
}

void Answers::ready(char transaction_status) { begin('Z').byte(transaction_status).end(); }
void Answers::command_complete(std::string_view tag) { begin('C').text(tag).end(); }
void Answers::parameter_status(std::string_view name, std::string_view value) {
    begin('S').text(name).text(value).end();
}
void Answers::bare(char type) { begin(type).end(); }

void add_report(Answers& answers, const Report& report, bool is_error) {
    answers.begin(is_error ? 'E' : 'N');
    answers.byte('S').text(report.severity).byte('V').text(report.severity);
    answers.byte('C').text(report.state).byte('M').text(report.message);
    if (!report.detail.empty()) answers.byte('D').text(report.detail);
    if (!report.hint.empty()) answers.byte('H').text(report.hint);
    if (report.position > 0) answers.byte('P').text(std::to_string(report.position));
    if (!report.routine.empty()) answers.byte('R').text(report.routine);
    answers.byte('\0').end();
}

}  // namespace stroma::front::postgres
