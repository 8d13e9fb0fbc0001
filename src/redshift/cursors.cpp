#include "redshift/cursors.h"

#include "redshift/types.h"
#include "redshift/value_text.h"

namespace stroma::redshift {
namespace {

class DoneCursor final : public Cursor {
public:
    explicit DoneCursor(std::int64_t rows) : rows_(rows) {}
    const std::vector<Column>& columns() const override { return none_; }
    Answer<bool> next() override { return false; }
    sql::Value value(std::size_t) const override { return {}; }
    std::int64_t rows() const override { return rows_; }

private:
    std::vector<Column> none_;
    std::int64_t rows_;
};

class TextCursor final : public Cursor {
public:
    TextCursor(std::vector<std::string> names, std::vector<std::vector<std::string>> rows)
        : rows_(std::move(rows)) {
        for (std::string& name : names) columns_.push_back(column_of(std::move(name), "VARCHAR"));
    }
    const std::vector<Column>& columns() const override { return columns_; }
    Answer<bool> next() override {
        if (at_ == rows_.size()) return false;
        ++at_;
        return true;
    }
    sql::Value value(std::size_t column) const override { return rows_[at_ - 1][column]; }
    std::int64_t rows() const override { return static_cast<std::int64_t>(at_); }

private:
    std::vector<Column> columns_;
    std::vector<std::vector<std::string>> rows_;
    std::size_t at_ = 0;
};

}  // namespace

std::unique_ptr<Cursor> done(StatementKind kind, std::int64_t rows, std::string tag) {
    auto made = std::make_unique<DoneCursor>(rows);
    made->kind = kind;
    made->made_tag = std::move(tag);
    return made;
}

std::unique_ptr<Cursor> text_rows(std::vector<std::string> names,
                                  std::vector<std::vector<std::string>> rows) {
    return std::make_unique<TextCursor>(std::move(names), std::move(rows));
}

std::unique_ptr<Cursor> kept_rows(std::vector<Column> columns,
                                  std::vector<std::vector<sql::Value>> rows) {
    class KeptCursor final : public Cursor {
    public:
        KeptCursor(std::vector<Column> columns, std::vector<std::vector<sql::Value>> rows)
            : columns_(std::move(columns)), rows_(std::move(rows)) {}
        const std::vector<Column>& columns() const override { return columns_; }
        Answer<bool> next() override {
            if (at_ == rows_.size()) return false;
            ++at_;
            return true;
        }
        sql::Value value(std::size_t column) const override { return rows_[at_ - 1][column]; }
        std::int64_t rows() const override { return static_cast<std::int64_t>(rows_.size()); }

    private:
        std::vector<Column> columns_;
        std::vector<std::vector<sql::Value>> rows_;
        std::size_t at_ = 0;
    };
    return std::make_unique<KeptCursor>(std::move(columns), std::move(rows));
}

RowsCursor::RowsCursor(EngineSession& session, std::unique_ptr<sql::Rows> rows,
                       std::vector<Column> columns, Finished finished)
    : session_(&session),
      rows_(std::move(rows)),
      columns_(std::move(columns)),
      finished_(std::move(finished)) {
    session.live_ = this;
}

RowsCursor::~RowsCursor() { finish(nullptr); }

void RowsCursor::finish(const Failure* failure) {
    rows_.reset();
    if (session_ != nullptr && session_->live_ == this) session_->live_ = nullptr;
    if (finished_) std::exchange(finished_, nullptr)(count_, failure);
    session_ = nullptr;
}

sql::Value EngineSession::value_for_client(const sql::Rows& rows, std::size_t at,
                                           const Column& column) {
    sql::Value value = rows.value(at);
    if (column.type_oid == oid::timestamptz && !clock_.is_utc())
        if (auto* const text = std::get_if<std::string>(&value))
            return clock_.local(std::move(*text));
    if (column.engine_type.ends_with("[]"))
        if (const auto* text = std::get_if<std::string>(&value))
            return postgres_array(*text, element_of(column.type_oid));
    return value;
}

sql::Value RowsCursor::read(std::size_t column) const {
    return session_->value_for_client(*rows_, column, columns_[column]);
}

void RowsCursor::take_rest() {
    is_kept_ = true;
    for (std::size_t row = 0; rows_ != nullptr; ++row) {
        auto more = rows_->next();
        if (more && row >= kept_rows_max)
            more = fail(ErrorCode::exhausted, "too many rows are left in an open cursor");
        if (!more) broken_ = Failure(more.error());
        if (!more || !*more) break;
        std::vector<sql::Value> values;
        for (std::size_t at = 0; at < columns_.size(); ++at) values.push_back(read(at));
        kept_.push_back(std::move(values));
    }
    rows_.reset();
    session_->live_ = nullptr;
}

Answer<bool> RowsCursor::next() {
    if (is_kept_) {
        if (kept_.empty()) {
            if (broken_) return fail(*broken_);
            finish(nullptr);
            return false;
        }
        current_ = std::move(kept_.front());
        kept_.pop_front();
        ++count_;
        return true;
    }
    if (rows_ == nullptr) return false;
    auto more = rows_->next();
    if (!more) {
        Failure failure = session_->failed(Failure(more.error()));
        finish(&failure);
        return fail(std::move(failure));
    }
    if (*more) {
        ++count_;
    } else {
        finish(nullptr);
    }
    return *more;
}

sql::Value RowsCursor::value(std::size_t column) const {
    return is_kept_ ? current_[column] : read(column);
}

}  // namespace stroma::redshift
