#include <fmt/format.h>

#include <thread>

#include "redshift/load/loading.h"
#include "redshift/load/row_text.h"

namespace stroma::redshift {
namespace {

/// What PostgreSQL tells of the first line that isn't taken.
Failure stream_failure(const LoadError& error, const std::string& table) {
    Failure failure(error.code == 1202 || error.code == 1214 ? "22P04" : "22P02", error.reason);
    if (error.code == 1202) failure.message = "extra data after last expected column";
    if (error.code == 1214)
        failure.message = fmt::format("missing data for column \"{}\"", error.column);
    if (error.code == 1204)
        failure.sqlstate = error.type == "character varying" ? "22001" : "22003";
    if (error.code == 1205 || error.code == 1206) failure.sqlstate = "22007";
    if (error.code == 1213) failure.sqlstate = "23502";
    if (error.code == 1218 || error.code == 1220) failure.sqlstate = "22021";
    failure.detail = fmt::format("COPY {}, line {}", table, error.line);
    if (!error.column.empty()) failure.detail += ", column " + error.column;
    return failure;
}

class StreamIn final : public CopyIn {
public:
    StreamIn(EngineSession& session, LoadTarget target, const CopyOptions& options)
        : session_(session),
          target_(std::move(target)),
          is_binary_(options.format == CopyFormat::binary),
          pipe_(std::make_shared<Pipe>()) {
        for (const LoadColumn& column : target_.columns)
            for (const TableColumn& each : target_.all)
                if (each.name == column.name)
                    shape_.push_back(column_of(each.name, each.engine_type));
        LoadFile file;
        file.url = "STDIN";
        file.is_sent = true;
        file.open = [pipe = pipe_]() -> Result<std::unique_ptr<ByteSource>> {
            /// The pipe, which its writer keeps too.
            class Reading final : public ByteSource {
            public:
                explicit Reading(std::shared_ptr<Pipe> from) : from_(std::move(from)) {}
                Result<std::string_view> next() override { return from_->next(); }

            private:
                std::shared_ptr<Pipe> from_;
            };
            return std::make_unique<Reading>(pipe);
        };
        std::vector<LoadFile> files;
        files.push_back(std::move(file));
        CopyOptions lines = options;
        if (is_binary_) lines.format = CopyFormat::text;
        scan_ = std::make_shared<LoadScan>(std::move(files), target_.columns, lines,
                                           std::vector<std::string>());
        thread_ = std::thread([this] { load(); });
    }
    ~StreamIn() override {
        if (thread_.joinable()) abandon("the client went away");
    }
    std::size_t columns() const override { return target_.columns.size(); }
    bool is_binary() const override { return is_binary_; }
    const std::vector<Column>& shape() const override { return shape_; }
    Answer<void> write(std::string_view bytes) override {
        if (bytes.empty() || pipe_->write(bytes)) return {};
        return fail(failure());
    }
    Answer<std::int64_t> finish() override {
        pipe_->close();
        thread_.join();
        if (!loaded_) return fail(failure());
        return *loaded_;
    }
    void abandon(std::string_view why) override {
        pipe_->close(std::string(why));
        if (thread_.joinable()) thread_.join();
    }

private:
    void load() {
        loaded_ = session_.write({target_.table.key()}, false,
                                 [this] { return insert_rows(session_, target_, scan_, false); });
        pipe_->abandon();
    }
    Failure failure() {
        if (thread_.joinable()) thread_.join();
        if (!scan_->errors().empty())
            return stream_failure(scan_->errors().front(), target_.table.name);
        return loaded_ ? Failure("XX000", "COPY ended before its data") : loaded_.error();
    }

    EngineSession& session_;
    LoadTarget target_;
    bool is_binary_;
    std::vector<Column> shape_;
    std::shared_ptr<Pipe> pipe_;
    std::shared_ptr<LoadScan> scan_;
    Answer<std::int64_t> loaded_ = 0;
    std::thread thread_;
};

class StreamOut final : public CopyOut {
public:
    StreamOut(std::unique_ptr<Cursor> cursor, const CopyOptions& options)
        : cursor_(std::move(cursor)),
          text_(options, cursor_->columns()),
          wants_header_(options.header),
          is_binary_(options.format == CopyFormat::binary) {}
    void write_values_by(ValueText text) override { text_.write_values_by(std::move(text)); }
    std::size_t columns() const override { return cursor_->columns().size(); }
    bool is_binary() const override { return is_binary_; }
    Cursor& cursor() override { return *cursor_; }
    Answer<std::string> read() override {
        constexpr std::size_t piece_bytes = 64u << 10;
        std::string piece;
        if (std::exchange(wants_header_, false)) text_.header(piece);
        while (piece.size() < piece_bytes && TRY(cursor_->next())) text_.row(piece, *cursor_);
        return piece;
    }
    std::int64_t rows() const override { return cursor_->rows(); }

private:
    std::unique_ptr<Cursor> cursor_;
    RowText text_;
    bool wants_header_, is_binary_;
};

}  // namespace

Answer<std::unique_ptr<CopyIn>> EngineSession::copy_in(const Prepared& prepared) {
    if (failed_)
        return refuse("25P02",
                      "current transaction is aborted, commands ignored until end of "
                      "transaction block");
    called_off_ = false;
    is_allowed_ = false;
    const auto start = [&]() -> Answer<std::unique_ptr<CopyIn>> {
        const auto& tokens = prepared.plan->tokens;
        const auto copy = TRY(read_stream_copy(prepared.statement.text, tokens));
        // As in PostgreSQL all columns are sent, those that would number themselves, too.
        auto target = TRY(load_target(*this, tokens, copy.table_at, copy.columns, true));
        settle_live();
        return std::make_unique<StreamIn>(*this, std::move(target), copy.options);
    };
    auto started = start();
    if (!started) return fail(failed(std::move(started.error())));
    return started;
}

Answer<std::unique_ptr<CopyOut>> EngineSession::copy_out(const Prepared& prepared) {
    called_off_ = false;
    const auto start = [&]() -> Answer<std::unique_ptr<CopyOut>> {
        const auto& tokens = prepared.plan->tokens;
        const auto copy = TRY(read_stream_copy(prepared.statement.text, tokens));
        std::string query = copy.query;
        if (query.empty()) {
            std::size_t at = copy.table_at;
            const TableName table = TRY(read_table(tokens, at));
            std::string list;
            for (const std::string& name : copy.columns)
                list += (list.empty() ? "" : ", ") + quoted_name(name);
            query = fmt::format("SELECT {} FROM {}", list.empty() ? "*" : list, table.sql());
        }
        const Statement one = TRY(one_query(query));
        const auto understood = TRY(prepare(one, {}));
        auto cursor = TRY(open(*understood, {}));
        return std::make_unique<StreamOut>(std::move(cursor), copy.options);
    };
    auto started = start();
    if (!started) return fail(failed(std::move(started.error())));
    return started;
}

}  // namespace stroma::redshift
