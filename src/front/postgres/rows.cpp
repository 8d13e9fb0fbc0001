#include "front/postgres/binary_copy.h"
#include "front/postgres/dialogue.h"
#include "front/postgres/value_bytes.h"

namespace stroma::front::postgres {

using redshift::StatementKind;

namespace {

constexpr std::size_t answer_bytes = 64u << 10;  // so many wait before they are sent

std::int16_t format_of(std::span<const std::int16_t> formats, std::size_t place) {
    return formats.empty() ? std::int16_t{0} : formats.size() == 1 ? formats[0] : formats[place];
}

}  // namespace

void Dialogue::describe(std::span<const redshift::Column> columns,
                        std::span<const std::int16_t> formats) {
    if (columns.empty()) return answers_.bare('n');
    answers_.begin('T').int16(static_cast<std::int16_t>(columns.size()));
    for (std::size_t i = 0; i < columns.size(); ++i) {
        const auto& column = columns[i];
        answers_.text(for_client(column.name))
            .int32(0)
            .int16(0);  // not told: which table's column it is
        answers_.int32(column.type_oid).int16(column.size);
        answers_.int32(static_cast<std::uint32_t>(column.typmod)).int16(format_of(formats, i));
    }
    answers_.end();
}

redshift::Answer<void> Dialogue::add_row(const redshift::Cursor& cursor,
                                         std::span<const redshift::Column> columns,
                                         std::span<const std::int16_t> formats) {
    const std::size_t before = answers_.size();
    answers_.begin('D').int16(static_cast<std::int16_t>(columns.size()));
    for (std::size_t i = 0; i < columns.size(); ++i) {
        const sql::Value value = cursor.value(i);
        if (std::holds_alternative<std::monostate>(value)) {
            answers_.int32(0xffff'ffff);
            continue;
        }
        const std::size_t place = answers_.open_field();
        const std::size_t begun = answers_.size();
        const bool is_binary = format_of(formats, i) == 1;
        if (!is_binary && style_.is_usual()) {
            append_text(answers_.raw(), value, columns[i].type_oid);
        } else if (!is_binary) {
            append_styled(answers_.raw(), value, columns[i].type_oid, style_);
        } else if (const auto done = append_binary(answers_.raw(), value, columns[i].type_oid);
                   !done) {
            answers_.raw().resize(before);
            return redshift::refuse("22P03", done.error().message);
        }
        if (encoding_ && (!is_binary || is_text(columns[i].type_oid))) {
            const auto bytes = encoding_->from_utf8(std::string_view(answers_.raw()).substr(begun));
            answers_.raw().resize(bytes ? begun : before);
            if (!bytes) return redshift::refuse("22P05", bytes.error().message);
            answers_.raw() += *bytes;
        }
        answers_.close_field(place);
    }
    answers_.end();
    return {};
}

redshift::Answer<bool> Dialogue::add_rows(redshift::Cursor& cursor,
                                          std::span<const std::int16_t> formats,
                                          std::int32_t rows_max) {
    const auto& columns = cursor.columns();
    for (std::int32_t row = 0; (rows_max == 0 || row < rows_max) && !is_over_; ++row) {
        if (!TRY(cursor.next())) return true;
        TRY(add_row(cursor, columns, formats));
        if (answers_.size() >= answer_bytes) flush();
        if (rows_max == 0) row = 0;
    }
    return is_over_;
}

void Dialogue::add_copy_response(char type, bool is_binary, std::size_t columns) {
    answers_.begin(type).byte(is_binary ? '\1' : '\0').int16(static_cast<std::int16_t>(columns));
    for (std::size_t i = 0; i < columns; ++i) answers_.int16(is_binary ? 1 : 0);
    answers_.end();
}

redshift::Answer<void> Dialogue::copy(const redshift::Prepared& prepared) {
    return prepared.statement.kind == StatementKind::copy_from_stdin ? copy_in(prepared)
                                                                     : copy_out(prepared);
}

namespace {

redshift::Failure of_binary(const Error& error) {
    return {error.code == ErrorCode::unsupported ? "0A000"
            : error.code == ErrorCode::exhausted ? "54000"
            : error.code == ErrorCode::corrupt   ? "22021"
                                                 : "22P03",
            error.message};
}

/// What the client sends of a COPY, as the session reads it.
class CopiedIn {
public:
    CopiedIn(redshift::CopyIn& copy, const Encoding* encoding)
        : copy_(copy), encoding_(encoding), rows_(types_of(copy)) {}
    redshift::Answer<void> write(std::string_view bytes) {
        if (!copy_.is_binary() && encoding_ == nullptr) return copy_.write(bytes);
        if (!copy_.is_binary()) {
            const std::string all = std::exchange(rest_, {}).append(bytes);
            const auto text = encoding_->to_utf8(all, &rest_);
            if (!text) return given_up(text.error());
            return copy_.write(*text);
        }
        std::string lines;
        const auto taken = rows_.take(bytes, lines);
        if (!taken) return given_up(taken.error());
        return copy_.write(lines);
    }
    redshift::Answer<std::int64_t> finish() {
        if (copy_.is_binary())
            if (const auto whole = rows_.finish(); !whole)
                return tl::unexpected(given_up(whole.error()).error());
        return copy_.finish();
    }

private:
    static std::vector<std::uint32_t> types_of(const redshift::CopyIn& copy) {
        std::vector<std::uint32_t> types;
        for (const auto& column : copy.shape()) types.push_back(column.type_oid);
        return types;
    }
    redshift::Answer<void> given_up(const Error& error) {
        copy_.abandon(error.message);
        return tl::unexpected(of_binary(error));
    }
    redshift::CopyIn& copy_;
    const Encoding* encoding_;
    std::string rest_;  ///< of a character whose bytes haven't all come
    BinaryRows rows_;
};

}  // namespace

redshift::Answer<void> Dialogue::copy_in(const redshift::Prepared& prepared) {
    const auto copy = TRY(session_.copy_in(prepared));
    CopiedIn copied(*copy, encoding_.get());
    add_copy_response('G', copy->is_binary(), copy->columns());
    flush();
    for (;;) {
        const auto message = next_message();
        if (!message) {
            copy->abandon("the client is gone");
            say_goodbye(message.error());
            is_over_ = true;
            return {};
        }
        if (const auto* data = std::get_if<CopyData>(&*message)) {
            TRY(copied.write(data->bytes));
        } else if (std::holds_alternative<CopyDone>(*message)) {
            const std::int64_t rows = TRY(copied.finish());
            finish_statement(redshift::command_tag(StatementKind::copy_from_stdin, rows));
            return {};
        } else if (const auto* failed = std::get_if<CopyFail>(&*message)) {
            const std::string why = "COPY from stdin failed: " + std::string(failed->reason);
            copy->abandon(why);
            return redshift::refuse("57014", why);
        } else if (!std::holds_alternative<Flush>(*message) &&
                   !std::holds_alternative<Sync>(*message)) {
            copy->abandon("another message came");
            fatal("08P01", "unexpected message while COPY reads from the client");
            return {};
        }
    }
}

// PostgreSQL sends a message for each row, and psycopg 3 takes each message for a row. A line's end
// within a quoted field of CSV only makes two messages of one: who reads CSV reads a stream.
void Dialogue::add_copied_lines(std::string_view piece) {
    while (!piece.empty()) {
        const std::size_t end = piece.find('\n');
        const std::string_view line = piece.substr(0, end == piece.npos ? end : end + 1);
        answers_.begin('d').bytes(line).end();
        piece.remove_prefix(line.size());
    }
}

redshift::Answer<void> Dialogue::copy_out_binary(redshift::Cursor& rows) {
    std::string piece = binary_copy_head();
    const auto& columns = rows.columns();
    while (!is_over_ && TRY(rows.next())) {
        begin_copied_row(piece, columns.size());
        for (std::size_t at = 0; at < columns.size(); ++at) {
            sql::Value value = rows.value(at);
            auto* const text = std::get_if<std::string>(&value);
            if (encoding_ && text != nullptr && is_text(columns[at].type_oid)) {
                auto bytes = encoding_->from_utf8(*text);
                if (!bytes) return redshift::refuse("22P05", bytes.error().message);
                *text = *std::move(bytes);
            }
            const auto added = append_copied_value(piece, value, columns[at].type_oid);
            if (!added) return tl::unexpected(of_binary(added.error()));
        }
        answers_.begin('d').bytes(piece).end();  // a row each, the first behind the head
        piece.clear();
        if (answers_.size() >= answer_bytes) flush();
    }
    answers_.begin('d').bytes(piece + binary_copy_tail()).end();
    return {};
}

redshift::Answer<void> Dialogue::copy_out(const redshift::Prepared& prepared) {
    const auto copy = TRY(session_.copy_out(prepared));
    copy->write_values_by(
        [this](std::string& out, const sql::Value& value, const redshift::Column& column) {
            append_styled(out, value, column.type_oid, style_);
        });
    add_copy_response('H', copy->is_binary(), copy->columns());
    if (copy->is_binary()) TRY(copy_out_binary(copy->cursor()));
    while (!copy->is_binary()) {
        const std::string piece = TRY(copy->read());
        if (piece.empty() || is_over_) break;
        if (encoding_) {
            const auto bytes = encoding_->from_utf8(piece);
            if (!bytes) return redshift::refuse("22P05", bytes.error().message);
            add_copied_lines(*bytes);
        } else {
            add_copied_lines(piece);
        }
        if (answers_.size() >= answer_bytes) flush();
    }
    answers_.bare('c');
    finish_statement(redshift::command_tag(StatementKind::copy_to_stdout, copy->rows()));
    return {};
}

}  // namespace stroma::front::postgres
