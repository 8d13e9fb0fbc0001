#include "redshift/load/load_scan.h"

#include <fmt/format.h>

#include "base/utf8.h"

namespace stroma::redshift {
namespace {

sql::Type fed_type(ValueKind kind) {
    switch (kind) {
        case ValueKind::integer:
        case ValueKind::date:
        case ValueKind::timestamp: return sql::Type::integer;
        case ValueKind::real: return sql::Type::real;
        case ValueKind::boolean: return sql::Type::boolean;
        default: return sql::Type::text;
    }
}

void put(sql::RowSink& sink, std::size_t column, std::size_t row, ValueKind kind,
         const LoadValue& value) {
    if (value.is_null) return sink.set_null(column, row);
    switch (fed_type(kind)) {
        case sql::Type::integer: sink.integers(column)[row] = value.integer; return;
        case sql::Type::real: sink.reals(column)[row] = value.real; return;
        case sql::Type::boolean: sink.booleans(column)[row] = value.integer != 0; return;
        default: sink.set_text(column, row, value.text);
    }
}

/// The beginning of what was read, for a person: bytes that are no UTF-8 as \xE9, so that they can
/// be told apart, and never half a character at the end.
std::string shown_text(std::string_view text) {
    constexpr std::size_t bytes_max = 1024;  // of stl_load_errors' columns
    std::string shown;
    for (std::size_t at = 0; at < text.size();) {
        std::size_t size = 1;
        while (size < 4 && at + size < text.size() && !is_utf8(text.substr(at, size))) ++size;
        const std::string_view letter = text.substr(at, size);
        const bool is_right = is_utf8(letter) && letter[0] != '\0';
        const std::string add =
            is_right ? std::string(letter)
                     : fmt::format("\\x{:02X}", static_cast<unsigned char>(text[at]));
        if (shown.size() + add.size() > bytes_max) break;
        shown += add;
        at += is_right ? size : 1;
    }
    return shown;
}

}  // namespace

LoadScan::LoadScan(std::vector<LoadFile> files, std::vector<LoadColumn> columns,
                   CopyOptions options, std::vector<std::string> json_paths)
    : files_(std::move(files)),
      load_columns_(std::move(columns)),
      options_(std::move(options)),
      json_paths_(std::move(json_paths)) {
    for (std::size_t at = 0; at < load_columns_.size(); ++at) {
        shown_.push_back({"c" + std::to_string(at), fed_type(load_columns_[at].kind)});
        names_.push_back(load_columns_[at].name);
    }
}

std::string LoadScan::select_list() const {
    std::string list;
    for (std::size_t at = 0; at < load_columns_.size(); ++at) {
        const LoadColumn& column = load_columns_[at];
        const std::string name = "c" + std::to_string(at);
        if (!list.empty()) list += ", ";
        if (column.kind == ValueKind::date) {
            list += fmt::format("DATE '1970-01-01' + CAST({} AS INTEGER)", name);
        } else if (column.kind == ValueKind::timestamp) {
            list += fmt::format("{}({})", column.has_zone ? "make_timestamptz" : "make_timestamp",
                                name);
        } else {
            list += name;
        }
        list += " AS " + quoted_name(column.name);
    }
    return list;
}

class LoadScan::Feed final : public sql::RowFeed {
public:
    Feed(LoadScan& scan, std::vector<bool> wanted) : scan_(scan), wanted_(std::move(wanted)) {
        values_.resize(scan_.load_columns_.size());
    }

    Result<std::size_t> fill(sql::RowSink& sink) override {
        std::size_t row = 0;
        const std::size_t most = sink.row_max();
        while (row < most) {
            if (!TRY(next_record())) break;
            if (!TRY(read_row())) continue;
            for (std::size_t column = 0; column < values_.size(); ++column)
                if (wanted_[column])
                    put(sink, column, row, scan_.load_columns_[column].kind, values_[column]);
            ++row;
            ++scan_.files_[file_].rows;
        }
        scan_.rows_ += row;
        return row;
    }

private:
    Result<bool> next_record() {
        for (;;) {
            if (reader_ == nullptr) {
                if (file_ == scan_.files_.size()) return false;
                auto bytes = TRY(scan_.files_[file_].open());
                reader_ = TRY(read_records(std::move(bytes), scan_.options_, scan_.names_,
                                           scan_.json_paths_));
            }
            const auto more = reader_->next();
            if (!more) return fail(more.error().with(scan_.files_[file_].url));
            if (*more) {
                scan_.files_[file_].lines = reader_->line();
                return true;
            }
            reader_.reset();
            ++file_;
            if (file_ == scan_.files_.size()) return false;
        }
    }
    Result<bool> read_row() {
        if (reader_->misfit() != nullptr) return refused(*reader_->misfit(), nullptr, nullptr);
        const auto& fields = reader_->fields();
        const auto& columns = scan_.load_columns_;
        if (fields.size() > columns.size())
            return refused({1202, "Extra column(s) found"}, nullptr, &fields[columns.size()]);
        if (fields.size() < columns.size() && !scan_.options_.fill_record) {
            if (reader_->raw().empty()) return refused({1211, "Line is empty"}, nullptr, nullptr);
            return refused({1214, "Delimiter not found"}, &columns[fields.size()], nullptr);
        }
        for (std::size_t at = 0; at < columns.size(); ++at) {
            Misfit misfit;
            Field missing;
            missing.is_null = true;
            const Field& field = at < fields.size() ? fields[at] : missing;
            if (!read_value(columns[at], field, scan_.options_, values_[at], misfit))
                return refused(misfit, &columns[at], &field);
        }
        return true;
    }
    Result<bool> refused(const Misfit& misfit, const LoadColumn* column, const Field* field) {
        LoadError error;
        error.file = scan_.files_[file_].url;
        error.line = reader_->line();
        error.raw_line = shown_text(reader_->raw());
        error.code = misfit.code;
        error.reason = shown_text(misfit.reason.substr(0, 100));
        if (column != nullptr) {
            error.column = column->name;
            error.type = column->type;
            if (column->length > 0) error.length = std::to_string(column->length);
            if (column->precision > 0)
                error.length = fmt::format("{},{}", column->precision, column->scale);
        }
        if (field != nullptr) {
            error.raw_value = shown_text(field->text);
            error.position = field->position;
        }
        scan_.errors_.push_back(std::move(error));
        ++scan_.files_[file_].errors;
        if (scan_.errors_.size() < std::max<std::uint64_t>(scan_.options_.max_error, 1))
            return false;
        // 0 and 1 both are the first.
        scan_.has_failed_ = true;
        return fail(ErrorCode::invalid_input, "lines were refused");
    }

    LoadScan& scan_;
    std::vector<bool> wanted_;
    std::vector<LoadValue> values_;
    std::unique_ptr<RecordReader> reader_;
    std::size_t file_ = 0;
};

class LoadScan::Run final : public sql::ScanRun {
public:
    explicit Run(LoadScan& scan) : scan_(scan) {}
    Result<std::unique_ptr<sql::RowFeed>> start(std::span<const std::uint32_t> wanted) override {
        std::vector<bool> flags(scan_.load_columns_.size(), false);
        for (const std::uint32_t column : wanted) flags[column] = true;
        return std::make_unique<Feed>(scan_, std::move(flags));
    }

private:
    LoadScan& scan_;
};

std::unique_ptr<sql::ScanRun> LoadScan::begin() { return std::make_unique<Run>(*this); }

}  // namespace stroma::redshift
