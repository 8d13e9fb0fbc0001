#include <gtest/gtest.h>

#include <algorithm>
#include <random>
#include <thread>

#include "redshift/load/load_scan.h"

namespace stroma::redshift {
namespace {

/// Text in pieces of a given size, which may break off with an error.
class TextBytes final : public ByteSource {
public:
    TextBytes(std::string text, std::size_t piece, bool is_damaged)
        : text_(std::move(text)), piece_(piece), is_damaged_(is_damaged) {}
    Result<std::string_view> next() override {
        if (at_ == text_.size() && is_damaged_) return fail(ErrorCode::corrupt, "damaged");
        given_ = text_.substr(at_, piece_);
        at_ += given_.size();
        return std::string_view(given_);
    }

private:
    std::string text_, given_;
    std::size_t piece_, at_ = 0;
    bool is_damaged_;
};

/// Rows of one thread as text.
class RowTexts final : public sql::RowSink {
public:
    explicit RowTexts(std::size_t columns) : cells_(columns, std::vector<std::string>(rows)) {}
    std::size_t row_max() const override { return rows; }
    std::int64_t* integers(std::size_t) override { return integers_; }
    double* reals(std::size_t) override { return reals_; }
    bool* booleans(std::size_t) override { return nullptr; }
    void set_text(std::size_t column, std::size_t row, std::string_view text) override {
        cells_[column][row] = "'" + std::string(text) + "'";
    }
    void set_all_text(std::size_t, std::string_view) override {}
    void set_null(std::size_t column, std::size_t row) override { cells_[column][row] = "null"; }
    void take(std::size_t filled, std::vector<std::string>& into) {
        for (std::size_t row = 0; row < filled; ++row) {
            std::string text;
            const auto add = [&](std::size_t column, const std::string& number) {
                text += (cells_[column][row] == "null" ? "null" : number) + "|";
                cells_[column][row].clear();
            };
            add(0, std::to_string(integers_[row]));
            add(1, cells_[1][row]);
            add(2, std::to_string(reals_[row]));
            into.push_back(text);
        }
    }

private:
    static constexpr std::size_t rows = 7;
    std::int64_t integers_[rows] = {};
    double reals_[rows] = {};
    std::vector<std::vector<std::string>> cells_;
};

struct Loaded {
    std::vector<std::string> rows;  ///< in order; none where the load failed
    std::vector<std::string> errors;
    std::string files, failure;
    bool has_failed = false;
    friend bool operator==(const Loaded&, const Loaded&) = default;
    friend void PrintTo(const Loaded& loaded, std::ostream* out) {
        *out << loaded.files << " " << loaded.failure << "\n";
        for (const auto& row : loaded.rows) *out << row << "\n";
        for (const auto& error : loaded.errors) *out << error << "\n";
    }
};

struct Text {
    std::string bytes;
    bool is_damaged = false;
};

std::vector<LoadColumn> three_columns() {
    LoadColumn number, text, real;
    number.name = "a";
    number.kind = ValueKind::integer;
    number.least = -1000;
    number.most = 1000;
    number.is_nullable = false;
    text.name = "b";
    text.length = 6;
    real.name = "c";
    real.kind = ValueKind::real;
    return {number, text, real};
}

std::vector<LoadFile> files_of(const std::vector<Text>& texts, std::size_t piece) {
    std::vector<LoadFile> files;
    for (const Text& text : texts) {
        LoadFile file;
        file.url = "s3://lake/" + std::to_string(files.size());
        file.bytes = text.bytes.size();
        file.open = [text, piece]() -> Result<std::unique_ptr<ByteSource>> {
            return std::make_unique<TextBytes>(text.bytes, piece, text.is_damaged);
        };
        files.push_back(std::move(file));
    }
    return files;
}

Loaded load(const std::vector<Text>& texts, const CopyOptions& options, std::size_t piece,
            std::size_t threads, std::size_t block_bytes) {
    LoadScan scan(files_of(texts, piece), three_columns(), options, {});
    if (threads > 1) scan.read_by_several(threads, block_bytes);
    const auto run = scan.begin();
    std::vector<std::vector<std::string>> rows(scan.thread_max());
    std::vector<std::string> failures(scan.thread_max());
    const auto read = [&](std::size_t at) {
        const std::uint32_t wanted[] = {0, 1, 2};
        const auto feed = run->start(wanted).value();
        RowTexts sink(3);
        for (;;) {
            const auto filled = feed->fill(sink);
            if (!filled) failures[at] = filled.error().message;
            if (!filled || *filled == 0) return;
            sink.take(*filled, rows[at]);
        }
    };
    std::vector<std::thread> running;
    for (std::size_t at = 1; at < rows.size(); ++at) running.emplace_back(read, at);
    read(0);
    for (std::thread& thread : running) thread.join();
    Loaded loaded;
    for (const std::string& failure : failures)
        if (!failure.empty()) loaded.failure = failure;
    loaded.has_failed = scan.has_failed();
    for (const LoadError& error : scan.errors())
        loaded.errors.push_back(error.file + ":" + std::to_string(error.line) + ":" +
                                std::to_string(error.position) + " " + std::to_string(error.code) +
                                " " + error.reason + " " + error.column + " " + error.raw_value +
                                " of " + error.raw_line);
    if (!loaded.failure.empty()) return loaded;
    for (const LoadFile& file : scan.files())
        loaded.files += std::to_string(file.lines) + "," + std::to_string(file.rows) + "," +
                        std::to_string(file.errors) + ";";
    for (const auto& some : rows) loaded.rows.insert(loaded.rows.end(), some.begin(), some.end());
    std::sort(loaded.rows.begin(), loaded.rows.end());
    return loaded;
}

using Random = std::mt19937;

std::size_t below(Random& random, std::size_t limit) { return random() % limit; }

std::string words(Random& random, const std::vector<std::string>& tokens, std::size_t count) {
    std::string text;
    for (std::size_t at = 0; at < count; ++at) text += tokens[below(random, tokens.size())];
    return text;
}

/// Lines, most of them right, with quotes, escapes and signs of every kind in wrong places.
std::string lines_of(Random& random, char delimiter) {
    static const std::vector<std::string> odd = {"\"", "\"\"", "\\", "\n", "\r\n", " ",     "'",
                                                 "x",  "\xFF", "ü",  ",",  "|",    "@NULL@"};
    const std::vector<std::string> texts = {"abc",
                                            "\"a b\"",
                                            "\"q\"\"q\"",
                                            "\"n\nl\"",
                                            "",
                                            "e\\\nf",
                                            "\\" + std::string(1, delimiter),
                                            "toolong"};
    std::string text;
    for (std::size_t line = below(random, 60); line > 0; --line) {
        const std::string d(1, delimiter);
        text += std::to_string(below(random, 900)) + d + texts[below(random, texts.size())] + d +
                std::to_string(below(random, 99)) + ".5";
        if (below(random, 8) == 0) text += words(random, odd, 3);
        text += below(random, 9) == 0 ? "\r\n" : "\n";
        if (below(random, 9) == 0) text += "\n";
    }
    return text + (below(random, 2) == 0 ? "7" : "");
}

std::string objects_of(Random& random, bool with_strays) {
    static const std::vector<std::string> values = {"1",
                                                    "-2.5",
                                                    "\"t\"",
                                                    "\"a\\\"b\\u00e9\"",
                                                    "null",
                                                    "true",
                                                    "{\"x\": [1, \"}\"]}",
                                                    "[]",
                                                    "\"n\nl\"",
                                                    "\"b\\\nc\"",
                                                    "1x",
                                                    "tru",
                                                    "\"{\"",
                                                    "-1{\"b\"",
                                                    "1e3",
                                                    "\"\""};
    std::string text;
    for (std::size_t object = below(random, 60); object > 0; --object) {
        text += "{\"a\": " + std::to_string(below(random, 900));
        for (const std::string name : {"b", "c", "other", "a"}) {
            if (below(random, 3) == 0) continue;
            text += (below(random, 30) == 0 ? " " : ",") + std::string("\"") + name + "\"" +
                    (below(random, 9) == 0 ? "\n:" : ":") +
                    (below(random, 3) == 0 ? values[below(random, values.size())] : "12");
        }
        text += below(random, 40) == 0 ? "" : "}";
        if (with_strays && below(random, 8) == 0) text += "} stray\"{\"";
        text += below(random, 5) == 0 ? "" : "\n";
    }
    return text;
}

CopyOptions any_options(Random& random, CopyFormat format) {
    CopyOptions options;
    options.format = format;
    const std::uint64_t most[] = {0, 1, 3, 20, 1000};
    options.max_error = most[below(random, 5)];
    const auto maybe = [&] { return below(random, 3) == 0; };
    options.ignore_header = maybe() ? below(random, 3) : 0;
    options.fill_record = maybe();
    options.ignore_blank_lines = maybe();
    options.truncate_columns = maybe();
    options.blanks_as_null = maybe();
    options.empty_as_null = maybe();
    if (maybe()) options.null_text = "";
    if (maybe()) options.accept_invalid = '?';
    if (format == CopyFormat::csv) {
        options.delimiter = ',';
        if (maybe()) options.escape = '\\';
    } else if (format == CopyFormat::text) {
        options.has_escapes = maybe();
        options.remove_quotes = maybe();
    } else if (format == CopyFormat::fixed_width) {
        options.widths = {{"a", 3}, {"b", 5}, {"c", 4}};
    } else if (maybe()) {
        options.json = "auto ignorecase";
    }
    return options;
}

class LoadScanOf : public testing::TestWithParam<CopyFormat> {};

TEST_P(LoadScanOf, AnyTextTellsTheSameToOneThreadAndToSeveral) {
    for (unsigned seed = 1; seed <= 400; ++seed) {
        Random random(seed);
        const CopyFormat format = GetParam();
        const CopyOptions options = any_options(random, format);
        std::vector<Text> texts;
        for (std::size_t file = 1 + below(random, 3); file > 0; --file) {
            const bool is_json = format == CopyFormat::json;
            texts.push_back(
                {is_json ? objects_of(random, true) : lines_of(random, options.delimiter),
                 below(random, 12) == 0});
        }
        const Loaded one = load(texts, options, std::size_t{1} << 20, 1, 0);
        const std::size_t piece = 1 + below(random, 200), block = 1 + below(random, 300);
        ASSERT_EQ(load(texts, options, piece, 4, block), one) << "seed " << seed;
    }
}

INSTANTIATE_TEST_SUITE_P(Formats, LoadScanOf,
                         testing::Values(CopyFormat::csv, CopyFormat::text, CopyFormat::fixed_width,
                                         CopyFormat::json));

// Read byte by byte no object lies there as a whole, so that none is taken apart the quick way.
TEST(LoadScan, AnObjectIsTheSameByTheQuickWayAndByTheLongOne) {
    for (unsigned seed = 1; seed <= 400; ++seed) {
        Random random(seed);
        const CopyOptions options = any_options(random, CopyFormat::json);
        const std::vector<Text> texts = {{objects_of(random, false), false}};
        const Loaded slow = load(texts, options, 1, 1, 0);
        ASSERT_EQ(load(texts, options, std::size_t{1} << 20, 1, 0), slow) << "seed " << seed;
    }
}

TEST(LoadScan, SmallFilesAreReadByOneThreadAndLargeOnesBySeveral) {
    CopyOptions options;
    options.format = CopyFormat::csv;
    options.delimiter = ',';
    const auto threads_of = [&](std::size_t bytes) {
        LoadScan scan(files_of({{std::string(bytes, '\n'), false}}, 1 << 20), three_columns(),
                      options, {});
        scan.read_by_several(4, 1000);
        return scan.thread_max();
    };
    EXPECT_EQ(threads_of(900), 1u);
    EXPECT_EQ(threads_of(4'000), 2u);
    EXPECT_EQ(threads_of(100'000), 4u);
}

/// The bytes as UTF-8, given in pieces of that size; "!" and the error where they aren't what is
/// said.
std::string as_text_of(std::string bytes, TextEncoding encoding, std::size_t piece) {
    const auto text =
        as_utf8(std::make_unique<TextBytes>(std::move(bytes), piece, false), encoding);
    std::string all;
    for (;;) {
        const auto more = text->next();
        if (!more) return "!" + more.error().message;
        if (more->empty()) return all;
        all += *more;
    }
}

TEST(TextEncodings, BecomeUtf8WhateverThePiecesAreAndAMarkOfOrderIsLeftOut) {
    using namespace std::string_literals;
    const std::string little = "1\0,\0\xE9\0\n\0\x3D\xD8\x00\xDE\n\0"s;  // 1,é and a smiling face
    std::string big = little;
    for (std::size_t at = 0; at < big.size(); at += 2) std::swap(big[at], big[at + 1]);
    const std::string text = "1,é\n😀\n";
    for (std::size_t piece = 1; piece <= little.size() + 2; ++piece) {
        EXPECT_EQ(as_text_of(little, TextEncoding::utf16_little, piece), text);
        EXPECT_EQ(as_text_of(big, TextEncoding::utf16_big, piece), text);
        EXPECT_EQ(as_text_of("\xFF\xFE" + little, TextEncoding::utf16, piece), text);
        EXPECT_EQ(as_text_of("\xFE\xFF" + big, TextEncoding::utf16, piece), text);
        EXPECT_EQ(as_text_of("\xFF\xFE" + little, TextEncoding::utf16_big, piece), text);
        EXPECT_EQ(as_text_of("caf\xE9 \x80", TextEncoding::latin1, piece), "café \xC2\x80");
    }
    EXPECT_EQ(as_text_of("\xEF\xBB\xBF" + text, TextEncoding::utf8, 100), text);
    EXPECT_EQ(as_text_of("\xEF\xBB\xBF", TextEncoding::utf8, 100), "");
    EXPECT_EQ(as_text_of("", TextEncoding::utf16, 1), "");
}

TEST(TextEncodings, WhatIsNoUtf16IsAnError) {
    using namespace std::string_literals;
    EXPECT_EQ(as_text_of("1\0"s, TextEncoding::utf16, 1)[0], '!');
    EXPECT_EQ(as_text_of("1\0,"s, TextEncoding::utf16_little, 2)[0], '!');
    EXPECT_EQ(as_text_of("\x3D\xD8"s, TextEncoding::utf16_little, 2)[0], '!');
    EXPECT_EQ(as_text_of("\x3D\xD8"
                         "1\0"s,
                         TextEncoding::utf16_little, 2)[0],
              '!');
    EXPECT_EQ(as_text_of("\x00\xDE"s, TextEncoding::utf16_little, 2)[0], '!');
}

}  // namespace
}  // namespace stroma::redshift
