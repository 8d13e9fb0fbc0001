#include "front/postgres/dialogue.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/metrics.h"
#include "front/postgres/value_bytes.h"
#include "redshift/known_settings.h"

namespace stroma::front::postgres {
namespace {

using redshift::Failure;
using redshift::StatementKind;

constexpr std::size_t statements_max = 10'000;

/// Sets the flag by which others see that a statement runs.
class Busy {
public:
    explicit Busy(Visitor& visitor) : visitor_(visitor) { visitor_.busy = true; }
    ~Busy() { visitor_.busy = false; }

private:
    Visitor& visitor_;
};

std::size_t characters_in(std::string_view text) {
    return static_cast<std::size_t>(
        std::count_if(text.begin(), text.end(), [](char c) { return (c & 0xC0) != 0x80; }));
}

/// One statement; an empty one of nothing but comments.
redshift::Answer<redshift::Statement> single_statement(std::string_view text) {
    auto statements = redshift::split(text);
    if (!statements) return tl::unexpected(statements.error());
    if (statements->size() > 1)
        return redshift::refuse("42601",
                                "cannot insert multiple commands into a prepared statement");
    return std::move(statements->front());
}

Failure of_bad_value(const Error& error) {
    return {error.code == ErrorCode::unsupported ? "0A000"
            : error.code == ErrorCode::corrupt   ? "22021"
                                                 : "22P02",
            error.message};
}

std::int16_t format_at(std::span<const std::int16_t> formats, std::size_t place) {
    return formats.empty() ? 0 : formats.size() == 1 ? formats[0] : formats[place];
}

}  // namespace

void Dialogue::run() {
    static Counter& messages =
        counter("stroma_postgres_messages_total", "PostgreSQL messages read");
    tell_settings();
    while (!is_over_) {
        if (!visitor_.channel.has_read_ahead()) flush();
        if (is_over_) return;
        auto message = next_message();
        if (!message) {
            say_goodbye(message.error());
            return;
        }
        messages.add();
        if (is_skipping_ && !std::holds_alternative<Sync>(*message) &&
            !std::holds_alternative<Terminate>(*message))
            continue;
        std::visit([this](const auto& one) { answer(one); }, *message);
    }
}

Result<Message> Dialogue::next_message() {
    const std::string_view head = TRY(visitor_.channel.read(5));
    const char type = head[0];
    std::size_t size = 0;
    for (const char c : head.substr(1)) size = size << 8 | static_cast<unsigned char>(c);
    if (size < 4 || size - 4 > hall_.options.message_bytes_max)
        return fail(ErrorCode::invalid_input,
                    fmt::format("a message of {} bytes; postgres.message_max is {}", size,
                                hall_.options.message_bytes_max));
    return read_message(type, TRY(visitor_.channel.read(size - 4)));
}

void Dialogue::say_goodbye(const Error& why) {
    if (hall_.closing || visitor_.is_ended)
        fatal("57P01", "terminating connection due to administrator command");
    else if (why.code == ErrorCode::exhausted)
        fatal("57P05", "terminating connection: " + why.message);
    else if (why.code == ErrorCode::invalid_input)
        fatal("08P01", why.message);
}

void Dialogue::flush() {
    if (!is_over_ && !answers_.empty() && !visitor_.channel.write(answers_.raw())) is_over_ = true;
    answers_.clear();
}

void Dialogue::fatal(std::string state, std::string message) {
    Report report;
    report.severity = "FATAL";
    report.state = std::move(state);
    report.message = std::move(message);
    add_report(answers_, report, true);
    flush();
    is_over_ = true;
}

void Dialogue::tell(const Failure& failure) {
    if (failure.sqlstate == "57P01") return fatal(failure.sqlstate, failure.message);
    Report report;
    report.state = failure.sqlstate;
    report.message = for_client(failure.message);
    report.detail = for_client(failure.detail);
    report.hint = for_client(failure.hint);
    // asyncpg and pgjdbc prepare anew where they see it.
    if (failure.message == "cached plan must not change result type")
        report.routine = "RevalidateCachedQuery";
    if (failure.position > 0 && !script_.empty())
        report.position = 1 + characters_in(script_.substr(
                                  0, std::min(offset_ + failure.position - 1, script_.size())));
    add_report(answers_, report, true);
}

void Dialogue::refuse(const Failure& failure, std::string_view script, std::size_t offset) {
    script_ = script;
    offset_ = offset;
    tell(failure);
    script_ = {};
    offset_ = 0;
    is_skipping_ = true;
    has_refused_ = true;
}

/// What there is to tell beside the answer, and that the statement is done.
void Dialogue::finish_statement(std::string_view tag) {
    for (const auto& notice : session_.take_notices()) {
        Report report;
        report.severity = notice.severity;
        report.state = notice.sqlstate;
        report.message = for_client(notice.message);
        add_report(answers_, report, false);
    }
    tell_settings();
    answers_.command_complete(tag);
}

void Dialogue::tell_settings() {
    for (const auto& [name, value] : session_.take_changed_settings())
        answers_.parameter_status(name, value);
    const auto value_of = [this](std::string_view name) {
        return session_.setting(name).value_or("");
    };
    style_ = text_style(value_of("datestyle"), value_of("intervalstyle"), value_of("bytea_output"));
    const std::string encoding = value_of("client_encoding");
    const redshift::KnownEncoding* const known = redshift::known_encoding(encoding);
    if (known == nullptr || known->iconv.empty()) {
        encoding_.reset();
    } else if (!encoding_ || encoding_->name() != encoding) {
        auto made = Encoding::named(encoding, known->iconv);
        encoding_ = made ? *std::move(made) : nullptr;
        if (made) return;
        Report report;
        report.severity = "WARNING";
        report.state = "22023";
        report.message = made.error().message + "; texts go as UTF8";
        add_report(answers_, report, false);
    }
}

redshift::Answer<std::string> Dialogue::from_client(std::string_view bytes) const {
    if (!encoding_) return std::string(bytes);
    auto text = encoding_->to_utf8(bytes);
    if (!text) return redshift::refuse("22021", text.error().message);
    return *std::move(text);
}

std::string Dialogue::for_client(std::string_view text) const {
    return encoding_ ? encoding_->told(text) : std::string(text);
}

void Dialogue::ready() {
    tell_settings();
    const auto state = session_.state();
    has_begun_ = state != redshift::TransactionState::idle;
    if (!has_begun_) portals_.clear();
    answers_.ready(state == redshift::TransactionState::idle     ? 'I'
                   : state == redshift::TransactionState::failed ? 'E'
                                                                 : 'T');
    flush();
}

void Dialogue::answer(const Query& query) {
    const Busy busy(visitor_);
    // Of its own: COPY reads on over the message.
    const auto read = from_client(query.text);
    if (!read) {
        tell(read.error());
        return ready();
    }
    const std::string& script = *read;
    script_ = script;
    offset_ = 0;
    portals_.erase("");
    if (const auto statements = redshift::split(script); !statements) {
        tell(statements.error());
    } else {
        const bool are_several = statements->size() > 1;
        bool works = true;
        if (are_several) session_.open_group();
        for (std::size_t i = 0; i < statements->size() && works && !is_over_; ++i) {
            offset_ = (*statements)[i].offset;
            works = run_simple((*statements)[i]);
        }
        if (are_several && !is_over_)
            if (const auto closed = session_.close_group(); !closed && works) tell(closed.error());
    }
    script_ = {};
    offset_ = 0;
    ready();
}

bool Dialogue::run_simple(const redshift::Statement& statement) {
    if (statement.kind == StatementKind::empty) {
        answers_.bare('I');
        return true;
    }
    const auto done = [&]() -> redshift::Answer<void> {
        const auto prepared = TRY(session_.prepare(statement));
        if (statement.kind == StatementKind::copy_from_stdin ||
            statement.kind == StatementKind::copy_to_stdout)
            return copy(*prepared);
        const auto cursor = TRY(session_.open(*prepared));
        if (!cursor->columns().empty()) {
            describe(cursor->columns(), {});
            TRY(add_rows(*cursor, {}, 0));
        }
        if (!is_over_) finish_statement(cursor->tag());
        return {};
    }();
    if (!done) tell(done.error());
    return done.has_value();
}

void Dialogue::answer(const Parse& parse) {
    const Busy busy(visitor_);
    if (!parse.name.empty() && statements_.contains(parse.name))
        return refuse(
            {"42P05", fmt::format("prepared statement \"{}\" already exists", parse.name)});
    if (statements_.size() >= statements_max)
        return refuse({"54000", "too many prepared statements; close some"});
    const auto text = from_client(parse.text);
    if (!text) return refuse(text.error());
    const auto statement = single_statement(*text);
    if (!statement) return refuse(statement.error(), *text);
    auto prepared = session_.prepare(*statement, parse.types);
    if (!prepared) return refuse(prepared.error(), *text, statement->offset);
    statements_[std::string(parse.name)] = *std::move(prepared);
    answers_.bare('1');
}

redshift::Answer<std::vector<sql::Value>> Dialogue::values_of(
    const Bind& bind, const redshift::Prepared& prepared) const {
    if (bind.parameters.size() != prepared.parameters.size())
        return redshift::refuse(
            "08P01",
            fmt::format("bind message supplies {} parameters, but prepared statement \"{}\" "
                        "requires {}",
                        bind.parameters.size(), bind.statement, prepared.parameters.size()));
    std::vector<sql::Value> values;
    for (std::size_t i = 0; i < bind.parameters.size(); ++i) {
        if (!bind.parameters[i]) {
            values.emplace_back();
            continue;
        }
        const std::uint32_t type = prepared.parameters[i];
        const bool is_binary = format_at(bind.parameter_formats, i) == 1;
        std::string read;
        std::string_view given = *bind.parameters[i];
        if (encoding_ && (!is_binary || is_text(type))) given = read = TRY(from_client(given));
        auto value = is_binary ? value_from_binary(type, given) : value_from_text(type, given);
        if (!value) return tl::unexpected(of_bad_value(value.error()));
        values.push_back(*std::move(value));
    }
    return values;
}

void Dialogue::answer(const Bind& bind) {
    const auto found = statements_.find(bind.statement);
    if (found == statements_.end())
        return refuse(
            {"26000", fmt::format("prepared statement \"{}\" does not exist", bind.statement)});
    if (!bind.portal.empty() && portals_.contains(bind.portal))
        return refuse({"42P03", fmt::format("cursor \"{}\" already exists", bind.portal)});
    if (portals_.size() >= statements_max) return refuse({"54000", "too many portals; close some"});
    Portal portal{found->second, {}, bind.result_formats, nullptr, false};
    const auto& columns = portal.prepared->columns;
    if (portal.formats.size() > 1 && portal.formats.size() != columns.size())
        return refuse({"08P01", fmt::format("bind message has {} result formats but query has {} "
                                            "columns",
                                            portal.formats.size(), columns.size())});
    for (std::size_t i = 0; i < columns.size(); ++i)
        if (format_at(portal.formats, i) == 1 && !has_binary(columns[i].type_oid))
            return refuse(
                {"0A000", fmt::format("column \"{}\" has no binary format here", columns[i].name)});
    auto values = values_of(bind, *portal.prepared);
    if (!values) return refuse(values.error());
    portal.values = *std::move(values);
    portals_.insert_or_assign(std::string(bind.portal), std::move(portal));
    answers_.bare('2');
}

void Dialogue::answer(const Describe& asked) {
    if (asked.kind == 'P') {
        const auto found = portals_.find(asked.name);
        // In PostgreSQL a cursor is a portal, and psycopg 3 asks for its columns that way.
        if (const auto* columns =
                found == portals_.end() ? session_.cursor_columns(asked.name) : nullptr)
            return describe(*columns, {});
        if (found == portals_.end())
            return refuse({"34000", fmt::format("portal \"{}\" does not exist", asked.name)});
        describe(found->second.prepared->columns, found->second.formats);
        return;
    }
    const auto found = statements_.find(asked.name);
    if (found == statements_.end())
        return refuse(
            {"26000", fmt::format("prepared statement \"{}\" does not exist", asked.name)});
    const auto& parameters = found->second->parameters;
    answers_.begin('t').int16(static_cast<std::int16_t>(parameters.size()));
    for (const std::uint32_t type : parameters) answers_.int32(type);
    answers_.end();
    describe(found->second->columns, {});
}

void Dialogue::open_group() {
    if (has_group_) return;
    session_.open_group();
    has_group_ = true;
}

void Dialogue::answer(const Execute& execute) {
    const Busy busy(visitor_);
    const auto found = portals_.find(execute.portal);
    if (found == portals_.end())
        return refuse({"34000", fmt::format("portal \"{}\" does not exist", execute.portal)});
    Portal& portal = found->second;
    const StatementKind kind = portal.prepared->statement.kind;
    if (kind == StatementKind::empty) return answers_.bare('I');
    if (portal.is_done) {
        if (!portal.prepared->columns.empty())
            return answers_.command_complete(redshift::command_tag(kind, 0));
        return refuse({"55000", fmt::format("portal \"{}\" cannot be run again", execute.portal)});
    }
    open_group();
    if (kind == StatementKind::begin) has_begun_ = true;
    if (const auto done = run_portal(portal, execute.rows_max); !done) {
        portal.cursor.reset();
        script_ = portal.prepared->statement.text;
        tell(done.error());
        script_ = {};
        is_skipping_ = true;
    }
}

redshift::Answer<void> Dialogue::run_portal(Portal& portal, std::int32_t rows_max) {
    const StatementKind kind = portal.prepared->statement.kind;
    if (kind == StatementKind::copy_from_stdin || kind == StatementKind::copy_to_stdout) {
        portal.is_done = true;
        return copy(*portal.prepared);
    }
    if (!portal.cursor) portal.cursor = TRY(session_.open(*portal.prepared, portal.values));
    if (!portal.prepared->columns.empty() &&
        !TRY(add_rows(*portal.cursor, portal.formats, rows_max))) {
        answers_.bare('s');
        return {};
    }
    const std::string tag = portal.cursor->tag();
    portal.cursor.reset();
    portal.is_done = true;
    finish_statement(tag);
    return {};
}

void Dialogue::answer(const Close& close) {
    // Closing what isn't there is no error.
    if (close.kind == 'P') {
        if (const auto found = portals_.find(close.name); found != portals_.end())
            portals_.erase(found);
    } else if (const auto found = statements_.find(close.name); found != statements_.end()) {
        statements_.erase(found);
    }
    answers_.bare('3');
}

void Dialogue::answer(const Sync&) {
    const Busy busy(visitor_);
    if (!has_begun_) portals_.clear();  // they end with the transaction that ends here
    if (has_group_) {
        // The session doesn't know of what was refused before it saw it.
        if (has_refused_ && !has_begun_) session_.roll_back();
        if (const auto closed = session_.close_group(); !closed && !is_skipping_)
            tell(closed.error());
    }
    has_group_ = has_refused_ = is_skipping_ = false;
    ready();
}

void Dialogue::answer(const FunctionCall&) {
    tell({"0A000", "functions are called by SQL only"});
    ready();
}

}  // namespace stroma::front::postgres
