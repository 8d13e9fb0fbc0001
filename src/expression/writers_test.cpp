#include <gtest/gtest.h>
#include <unistd.h>

#include <atomic>
#include <memory>

#include "expression/csv/csv_writer.h"
#include "expression/h5ad/h5ad_writer.h"
#include "expression/loom/loom_attributes.h"
#include "expression/loom/loom_writer.h"
#include "expression/mtx/mtx_writer.h"
#include "expression/output/memory_matrix.h"
#include "expression/zarr/zarr_writer.h"

namespace stroma::expression {
namespace {

constexpr std::uint64_t cells = 300, genes = 20;

/// A source that misbehaves in one way.
class FalseMatrix final : public MatrixSource {
public:
    enum class Fault { none, error, wrong_length, wrong_gene, by_gene, not_random };
    explicit FalseMatrix(Fault fault)
        : fault_(fault), true_(matrix_of<float>(cells, genes, [](auto cell, auto gene) {
              return static_cast<float>((cell + gene) % 3);
          })) {}
    std::uint64_t cell_count() const override { return true_->cell_count(); }
    std::uint64_t gene_count() const override { return true_->gene_count(); }
    ValueType value_type() const override { return true_->value_type(); }
    Order order() const override {
        return fault_ == Fault::by_gene ? Order::by_gene : Order::by_cell;
    }
    bool is_random_access() const override { return fault_ != Fault::not_random; }
    std::uint64_t lines_per_read() const override { return 64; }
    std::optional<std::vector<std::uint32_t>> line_lengths() const override {
        auto lengths = true_->line_lengths();
        if (fault_ == Fault::wrong_length) {
            ++(*lengths)[7];
            --(*lengths)[8];
        }
        return lengths;
    }
    Result<void> read_lines(std::uint64_t first, std::uint64_t count, LineBlock& out) override {
        if (fault_ == Fault::error && first + count > 100)
            return fail(ErrorCode::corrupt, "block 12 is damaged");
        TRY(true_->read_lines(first, count, out));
        if (fault_ == Fault::wrong_gene) out.places.back() = genes;
        return {};
    }

private:
    Fault fault_;
    std::unique_ptr<MatrixSource> true_;
};

AnnotatedData sample(FalseMatrix::Fault fault = FalseMatrix::Fault::none) {
    AnnotatedData data;
    for (std::uint64_t i = 0; i < cells; ++i) data.obs.index.push_back(std::to_string(i));
    for (std::uint64_t i = 0; i < genes; ++i) data.var.index.push_back(std::to_string(i));
    data.matrices.push_back({"X", Unit::counts, std::make_unique<FalseMatrix>(fault)});
    return data;
}

struct Way {
    const char* name;
    std::shared_ptr<FormatWriter> writer;
    WriteOptions options;
};

std::vector<Way> ways() {
    const auto with = [](const char* compression, const char* layout) {
        WriteOptions options;
        options.compression = compression;
        options.layout = layout;
        return options;
    };
    return {{"h5ad", std::make_shared<H5adWriter>(), {}},
            {"h5ad_gzip", std::make_shared<H5adWriter>(), with("gzip", "")},
            {"zarr", std::make_shared<ZarrWriter>(), {}},
            {"zarr_hca", std::make_shared<ZarrWriter>(), with("", "hca-v1")},
            {"loom", std::make_shared<LoomWriter>(), {}},
            {"csv", std::make_shared<CsvWriter>(), {}},
            {"csv_zip", std::make_shared<CsvWriter>(), with("", "zip")},
            {"mtx", std::make_shared<MtxWriter>(), {}},
            {"mtx_zip", std::make_shared<MtxWriter>(), with("", "zip")}};
}

class Writers : public testing::TestWithParam<Way> {
protected:
    Writers()
        : folder_(fs::path(testing::TempDir()) / std::to_string(::getpid()) /
                  (std::string("stroma_writers_") + GetParam().name)) {
        fs::remove_all(folder_);
        fs::create_directories(folder_);
    }
    ~Writers() override {
        set_fault_plan({});
        fs::remove_all(folder_);
    }
    Result<WrittenMatrix> write(const AnnotatedData& data, const Watch& watch = {},
                                bool durable = false) const {
        WriteOptions options = GetParam().options;
        options.durable = durable;
        return GetParam().writer->write(data, path(), options, watch);
    }
    fs::path path() const { return folder_ / "out"; }
    bool is_clean() const { return fs::is_empty(folder_); }
    fs::path folder_;
};

TEST_P(Writers, TheyCountWhatTheyWrite) {
    const auto written = write(sample(), {}, true);
    ASSERT_TRUE(written) << written.error().message;
    EXPECT_EQ(written->cells, cells);
    EXPECT_EQ(written->genes, genes);
    EXPECT_EQ(written->nonzeros, cells * genes * 2 / 3);
    EXPECT_EQ(written->sum, cells * genes);
    std::uint64_t bytes = 0;
    if (fs::is_regular_file(path())) bytes = fs::file_size(path());
    if (fs::is_directory(path()))
        for (const auto& entry : fs::recursive_directory_iterator(path()))
            if (entry.is_regular_file()) bytes += entry.file_size();
    EXPECT_EQ(written->bytes, bytes);
}

TEST_P(Writers, AFailureAtAnyFileChangeLeavesNothing) {
    for (const auto kind :
         {FaultPlan::Kind::once, FaultPlan::Kind::ever_after, FaultPlan::Kind::torn_write}) {
        std::uint64_t failures = 0;
        // The first changes one by one, then every seventh: Zarr makes a hundred small files.
        for (std::uint64_t at = 1;; at += at < 20 ? 1 : 7) {
            set_fault_plan({.at = at, .kind = kind, .error_number = ENOSPC});
            const auto written = write(sample(), {}, true);
            const bool reached = fault_points_passed() >= at;
            set_fault_plan({});
            if (!reached) {
                ASSERT_TRUE(written) << written.error().message;
                fs::remove_all(path());
                break;
            }
            ASSERT_FALSE(written) << "change " << at;
            EXPECT_EQ(written.error().code, ErrorCode::exhausted) << written.error().message;
            ASSERT_TRUE(is_clean()) << "change " << at << ": " << written.error().message;
            ++failures;
        }
        EXPECT_GE(failures, 3u);
    }
}

TEST_P(Writers, ACancelledWriteLeavesNothing) {
    std::atomic<int> asked{0};
    Watch watch;
    watch.cancelled = [&] { return ++asked > 1; };
    AnnotatedData data = sample();
    // A second layer, so that there are at least two pieces to ask between.
    data.matrices.push_back(
        {"layers/again", Unit::counts, std::make_unique<FalseMatrix>(FalseMatrix::Fault::none)});
    const auto written = write(data, watch);
    if (asked < 2) {
        ASSERT_TRUE(written);
        return;
    }
    ASSERT_FALSE(written);
    EXPECT_EQ(written.error().code, ErrorCode::cancelled);
    EXPECT_TRUE(is_clean());
}

TEST_P(Writers, WhatIsThereAlreadyIsKept) {
    ASSERT_TRUE(replace_file(path(), as_bytes("mine")));
    const auto written = write(sample());
    ASSERT_FALSE(written);
    EXPECT_EQ(written.error().code, ErrorCode::already_exists);
    EXPECT_EQ(*read_file(path()), "mine");
}

TEST_P(Writers, WhatACrashLeftIsReplaced) {
    fs::create_directories(folder_ / ".out.partial" / "deep");
    const auto written = write(sample());
    ASSERT_TRUE(written) << written.error().message;
    fs::remove_all(path());
    EXPECT_TRUE(is_clean());
}

TEST_P(Writers, ADamagedSourceIsNamedAndLeavesNothing) {
    using Fault = FalseMatrix::Fault;
    for (const Fault fault : {Fault::error, Fault::wrong_gene}) {
        const auto written = write(sample(fault));
        ASSERT_FALSE(written);
        EXPECT_EQ(written.error().code, ErrorCode::corrupt);
        EXPECT_TRUE(is_clean());
    }
    for (const Fault fault : {Fault::by_gene, Fault::not_random}) {
        const auto written = write(sample(fault));
        ASSERT_FALSE(written);
        EXPECT_EQ(written.error().code, ErrorCode::invalid_input);
        EXPECT_TRUE(is_clean());
    }
}

TEST_P(Writers, FramesThatDoNotFitTheMatrixAreRefused) {
    AnnotatedData data = sample();
    data.obs.index.push_back("one more");
    const auto written = write(data);
    ASSERT_FALSE(written);
    EXPECT_EQ(written.error().code, ErrorCode::invalid_input);
    EXPECT_TRUE(is_clean());
}

TEST_P(Writers, ProgressEndsAtItsTotal) {
    double last = 0, total = -1;
    Watch watch;
    watch.progress = [&](double done, double all, std::string_view) {
        EXPECT_GE(done, last);
        last = done;
        total = all;
    };
    ASSERT_TRUE(write(sample(), watch));
    EXPECT_EQ(last, total);
}

TEST_P(Writers, AWordThatIsNoCompressionOrLayoutIsRefused) {
    for (const bool compression : {true, false}) {
        WriteOptions options = GetParam().options;
        (compression ? options.compression : options.layout) = "fancy";
        const auto written = GetParam().writer->write(sample(), path(), options, {});
        ASSERT_FALSE(written);
        EXPECT_EQ(written.error().code, ErrorCode::unsupported);
        EXPECT_TRUE(is_clean());
    }
}

INSTANTIATE_TEST_SUITE_P(Ways, Writers, testing::ValuesIn(ways()),
                         [](const auto& way) { return std::string(way.param.name); });

TEST(H5adWriter, ALineOfAnotherLengthThanSaidIsFound) {
    const fs::path path =
        fs::path(testing::TempDir()) / (std::to_string(::getpid()) + "_wrong_length.h5ad");
    const auto written = H5adWriter().write(sample(FalseMatrix::Fault::wrong_length), path, {}, {});
    ASSERT_FALSE(written);
    EXPECT_EQ(written.error().code, ErrorCode::corrupt);
    EXPECT_NE(written.error().message.find("cell 7"), std::string::npos);
}

TEST(LoomWriter, TextsAreAsciiWithReferencesForOtherCharacters) {
    EXPECT_EQ(loom_text("plain & simple"), "plain & simple");
    EXPECT_EQ(loom_text("é細😀"), "&#233;&#32048;&#128512;");
    EXPECT_EQ(loom_text("a\xff"
                        "b\xc3"),
              "a&#65533;b&#65533;");
}

}  // namespace
}  // namespace stroma::expression
