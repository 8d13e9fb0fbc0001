#include "redshift/load/load_scan.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <mutex>
#include <set>

#include "base/utf8.h"
#include "redshift/load/record_blocks.h"

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

/// What one thread reads at a time: some records of a file, or all of it.
struct LoadScan::Piece {
    std::uint64_t number = 0;  ///< in the order of the files and their records
    std::size_t file = 0;
    std::shared_ptr<const RecordBlock> block;  ///< null: the whole file
};

/// Rows of one piece, and what was refused of it.
class LoadScan::PieceReader {
public:
    enum class Step { row, refused, end };
    PieceReader(const LoadScan& scan, Piece piece) : scan_(scan), piece_(std::move(piece)) {
        values_.resize(scan_.load_columns_.size());
    }
    Result<Step> next();
    const Piece& piece() const { return piece_; }
    const std::vector<LoadValue>& values() const { return values_; }
    std::vector<LoadError>& errors() { return errors_; }
    std::uint64_t lines() const { return lines_; }
    std::uint64_t rows() const { return rows_; }

private:
    Result<void> open();
    Step read_row();
    Step refused(const Misfit& misfit, const LoadColumn* column, const Field* field);

    const LoadScan& scan_;
    Piece piece_;
    std::vector<LoadValue> values_;
    std::unique_ptr<RecordReader> reader_;
    std::vector<LoadError> errors_;
    std::uint64_t lines_ = 0, rows_ = 0;
};

Result<void> LoadScan::PieceReader::open() {
    /// A block that somebody keeps.
    class BlockBytes final : public ByteSource {
    public:
        explicit BlockBytes(std::shared_ptr<const RecordBlock> block) : block_(std::move(block)) {}
        Result<std::string_view> next() override {
            if (std::exchange(is_given_, true)) return std::string_view();
            return std::string_view(block_->bytes);
        }

    private:
        std::shared_ptr<const RecordBlock> block_;
        bool is_given_ = false;
    };
    std::unique_ptr<ByteSource> bytes;
    if (piece_.block != nullptr) {
        bytes = std::make_unique<BlockBytes>(piece_.block);
    } else {
        const LoadFile& file = scan_.files_[piece_.file];
        bytes = TRY(file.open());
        // What a client sends is UTF-8, and all of it is of the rows.
        if (!file.is_sent) bytes = TRY(plain_text(std::move(bytes), scan_.options_));
    }
    reader_ =
        TRY(read_plain_records(std::move(bytes), scan_.options_, scan_.names_, scan_.json_paths_));
    if (piece_.block != nullptr) reader_->begin_behind(piece_.block->lines_before);
    return {};
}

Result<LoadScan::PieceReader::Step> LoadScan::PieceReader::next() {
    if (reader_ == nullptr) TRY(open());
    const auto more = reader_->next();
    if (!more) return fail(more.error().with(scan_.files_[piece_.file].url));
    if (!*more) return Step::end;
    lines_ = reader_->lines();
    const Step step = read_row();
    if (step == Step::row) ++rows_;
    return step;
}

LoadScan::PieceReader::Step LoadScan::PieceReader::read_row() {
    if (reader_->misfit() != nullptr) return refused(*reader_->misfit(), nullptr, nullptr);
    const auto& fields = reader_->fields();
    const auto& columns = scan_.load_columns_;
    if (fields.size() > columns.size())
        return refused({1202, "Extra column(s) found"}, nullptr, &fields[columns.size()]);
    if (fields.size() < columns.size() && !scan_.options_.fill_record) {
        if (reader_->raw().empty()) return refused({1211, "Line is empty"}, nullptr, nullptr);
        return refused({1214, "Delimiter not found"}, &columns[fields.size()], nullptr);
    }
    Field missing, empty;
    missing.is_null = true;
    Misfit misfit;
    for (std::size_t at = 0; at < columns.size(); ++at) {
        // What FILLRECORD fills in is '' for VARCHAR, and null for all else.
        const bool is_varchar = columns[at].kind == ValueKind::text && !columns[at].is_char;
        const Field& field = at < fields.size() ? fields[at] : is_varchar ? empty : missing;
        if (!read_value(columns[at], field, scan_.options_, values_[at], misfit))
            return refused(misfit, &columns[at], &field);
    }
    return Step::row;
}

LoadScan::PieceReader::Step LoadScan::PieceReader::refused(const Misfit& misfit,
                                                           const LoadColumn* column,
                                                           const Field* field) {
    LoadError error;
    error.file = scan_.files_[piece_.file].url;
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
    errors_.push_back(std::move(error));
    return Step::refused;
}

/// The pieces of one reading, which its threads take in turn, and what became of them. Any thread.
class LoadScan::Pieces {
public:
    explicit Pieces(LoadScan& scan)
        : scan_(scan),
          error_max_(std::max<std::uint64_t>(scan.options_.max_error, 1)),  // 0 and 1: the first
          is_cut_(scan.threads_ > 1 && scan.is_worth_cutting()) {}

    Result<std::optional<Piece>> next();
    void finish(PieceReader& reader);
    /// Counts a line that was refused. Whether there are too many now: then all must end.
    bool refuse();
    /// What one thread alone, which reads everything in order, would have ended with. `own` is the
    /// piece at which it was found that the load fails, `why` what failed there.
    Error settle(PieceReader* own, std::optional<Error> why);
    const std::vector<LoadError>& errors();
    bool has_failed() const { return has_failed_; }

private:
    Result<std::optional<Piece>> cut();
    Error settle_locked(PieceReader* own, const std::optional<Error>& why);

    LoadScan& scan_;
    const std::uint64_t error_max_;
    const bool is_cut_;
    std::mutex mutex_;
    std::size_t file_ = 0;  ///< that is taken from now
    std::unique_ptr<RecordBlocks> blocks_;
    std::uint64_t next_number_ = 0, refused_ = 0;
    std::map<std::uint64_t, Piece> unfinished_;
    std::map<std::uint64_t, std::vector<LoadError>> found_;  ///< of pieces that are finished
    std::optional<Error> settled_;
    std::vector<LoadError> errors_;
    bool has_failed_ = false;
};

Result<std::optional<LoadScan::Piece>> LoadScan::Pieces::next() {
    const std::lock_guard lock(mutex_);
    if (settled_) return fail(*settled_);
    auto piece = cut();
    if (!piece) return fail(settle_locked(nullptr, piece.error()));
    if (*piece) unfinished_[(*piece)->number] = **piece;
    return piece;
}

Result<std::optional<LoadScan::Piece>> LoadScan::Pieces::cut() {
    for (; file_ < scan_.files_.size(); ++file_) {
        if (!is_cut_) return Piece{next_number_++, file_++, nullptr};
        if (blocks_ == nullptr) {
            auto bytes = TRY(scan_.files_[file_].open());
            bytes = TRY(plain_text(std::move(bytes), scan_.options_));
            blocks_ = std::make_unique<RecordBlocks>(std::move(bytes), scan_.options_,
                                                     scan_.block_bytes_);
        }
        auto block = TRY_WITH(blocks_->next(), scan_.files_[file_].url);
        if (block != nullptr) return Piece{next_number_++, file_, std::move(block)};
        blocks_.reset();
    }
    return std::optional<Piece>();
}

void LoadScan::Pieces::finish(PieceReader& reader) {
    const std::lock_guard lock(mutex_);
    if (settled_) return;
    LoadFile& file = scan_.files_[reader.piece().file];
    file.lines = std::max(file.lines, reader.lines());
    file.rows += reader.rows();
    file.errors += reader.errors().size();
    unfinished_.erase(reader.piece().number);
    if (!reader.errors().empty()) found_[reader.piece().number] = std::move(reader.errors());
}

bool LoadScan::Pieces::refuse() {
    const std::lock_guard lock(mutex_);
    return settled_ || ++refused_ >= error_max_;
}

Error LoadScan::Pieces::settle(PieceReader* own, std::optional<Error> why) {
    const std::lock_guard lock(mutex_);
    return settle_locked(own, why);
}

// What others still read is read once more, for they may be amid it: at most a piece for each of
// them. A piece that can't be read twice is the only one at work.
Error LoadScan::Pieces::settle_locked(PieceReader* own, const std::optional<Error>& why) {
    if (settled_) return *settled_;
    errors_.clear();
    const auto has_too_many = [&] { return errors_.size() >= error_max_; };
    std::optional<Error> damage;
    for (std::uint64_t number = 0; number < next_number_ && !damage && !has_too_many(); ++number) {
        std::vector<LoadError> of_piece;
        if (const auto unfinished = unfinished_.find(number); unfinished != unfinished_.end()) {
            const bool is_own = own != nullptr && own->piece().number == number;
            PieceReader again(scan_, unfinished->second);
            PieceReader& reader = is_own ? *own : again;
            if (is_own && why) damage = why;
            while (!damage && errors_.size() + reader.errors().size() < error_max_) {
                const auto step = reader.next();
                if (!step) damage = step.error();
                if (step && *step == PieceReader::Step::end) break;
            }
            of_piece = std::move(reader.errors());
        } else if (const auto found = found_.find(number); found != found_.end()) {
            of_piece = std::move(found->second);
        }
        errors_.insert(errors_.end(), std::make_move_iterator(of_piece.begin()),
                       std::make_move_iterator(of_piece.end()));
    }
    has_failed_ = has_too_many();
    if (has_failed_) errors_.resize(error_max_);
    settled_ = has_failed_ ? Error{ErrorCode::invalid_input, "lines were refused"}
               : damage    ? *damage
                           : why.value_or(Error{ErrorCode::invalid_input, "the load failed"});
    return *settled_;
}

const std::vector<LoadError>& LoadScan::Pieces::errors() {
    const std::lock_guard lock(mutex_);
    if (settled_) return errors_;
    errors_.clear();
    for (const auto& [number, found] : found_)
        errors_.insert(errors_.end(), found.begin(), found.end());
    return errors_;
}

class LoadScan::Feed final : public sql::RowFeed {
public:
    Feed(const LoadScan& scan, std::shared_ptr<Pieces> pieces,
         std::span<const std::uint32_t> wanted)
        : scan_(scan), pieces_(std::move(pieces)), wanted_(wanted.begin(), wanted.end()) {}

    Result<std::size_t> fill(sql::RowSink& sink) override {
        using Step = PieceReader::Step;
        point_at(sink);
        std::size_t row = 0;
        const std::size_t most = sink.row_max();
        while (row < most) {
            if (reader_ == nullptr) {
                auto piece = TRY(pieces_->next());
                if (!piece) break;
                reader_ = std::make_unique<PieceReader>(scan_, std::move(*piece));
            }
            const auto step = reader_->next();
            if (!step) return fail(pieces_->settle(reader_.get(), step.error()));
            if (*step == Step::end) {
                pieces_->finish(*reader_);
                reader_.reset();
            } else if (*step == Step::row) {
                put(sink, row++);
            } else if (pieces_->refuse()) {
                return fail(pieces_->settle(reader_.get(), std::nullopt));
            }
        }
        return row;
    }

private:
    /// Where values of a wanted column go.
    struct Place {
        std::int64_t* integers = nullptr;
        double* reals = nullptr;
        bool* booleans = nullptr;
    };
    void point_at(sql::RowSink& sink) {
        places_.assign(wanted_.size(), {});
        for (std::size_t at = 0; at < wanted_.size(); ++at) {
            switch (fed_type(scan_.load_columns_[wanted_[at]].kind)) {
                case sql::Type::integer: places_[at].integers = sink.integers(wanted_[at]); break;
                case sql::Type::real: places_[at].reals = sink.reals(wanted_[at]); break;
                case sql::Type::boolean: places_[at].booleans = sink.booleans(wanted_[at]); break;
                default: break;
            }
        }
    }
    void put(sql::RowSink& sink, std::size_t row) const {
        for (std::size_t at = 0; at < wanted_.size(); ++at) {
            const LoadValue& value = reader_->values()[wanted_[at]];
            const Place& place = places_[at];
            if (value.is_null)
                sink.set_null(wanted_[at], row);
            else if (place.integers != nullptr)
                place.integers[row] = value.integer;
            else if (place.reals != nullptr)
                place.reals[row] = value.real;
            else if (place.booleans != nullptr)
                place.booleans[row] = value.integer != 0;
            else
                sink.set_text(wanted_[at], row, value.text);
        }
    }

    const LoadScan& scan_;
    std::shared_ptr<Pieces> pieces_;
    std::vector<std::uint32_t> wanted_;
    std::vector<Place> places_;
    std::unique_ptr<PieceReader> reader_;
};

class LoadScan::Run final : public sql::ScanRun {
public:
    Run(const LoadScan& scan, std::shared_ptr<Pieces> pieces)
        : scan_(scan), pieces_(std::move(pieces)) {}
    Result<std::unique_ptr<sql::RowFeed>> start(std::span<const std::uint32_t> wanted) override {
        return std::make_unique<Feed>(scan_, pieces_, wanted);
    }

private:
    const LoadScan& scan_;
    std::shared_ptr<Pieces> pieces_;
};

LoadScan::~LoadScan() = default;

std::unique_ptr<sql::ScanRun> LoadScan::begin() {
    pieces_ = std::make_shared<Pieces>(*this);
    return std::make_unique<Run>(*this, pieces_);
}

// Of several compressed files each is unpacked by a thread of its own; one alone is cut.
bool LoadScan::is_worth_cutting() const {
    return can_be_cut(options_) &&
           (options_.compression == Compression::none || files_.size() == 1);
}

void LoadScan::read_by_several(std::size_t threads, std::size_t block_bytes) {
    constexpr std::uint64_t usual_ratio = 4;  // of text that is compressed
    block_bytes_ = block_bytes;
    std::uint64_t bytes = 0;
    for (const LoadFile& file : files_) {
        if (file.is_sent) return;
        bytes += file.bytes * (options_.compression == Compression::none ? 1 : usual_ratio);
    }
    const std::uint64_t pieces =
        is_worth_cutting() ? bytes / block_bytes : std::min(files_.size(), bytes / block_bytes);
    threads_ = std::clamp<std::size_t>(pieces / 2, 1, threads);
}

const std::vector<LoadError>& LoadScan::errors() const {
    static const std::vector<LoadError> none;
    return pieces_ == nullptr ? none : pieces_->errors();
}

bool LoadScan::has_failed() const { return pieces_ != nullptr && pieces_->has_failed(); }

}  // namespace stroma::redshift
