#include "matrix/result_files.h"

#include <gtest/gtest.h>

#include <fstream>
#include <functional>

#include "object/memory/memory_store.h"
#include "sql/sqlite/sqlite_database.h"

namespace stroma::matrix {
namespace {

/// Calls somebody in the middle of a removal: when an object is gone and nobody was told yet.
class InterruptedStore final : public object::ObjectStore {
public:
    using Key = std::string_view;
    Result<std::unique_ptr<object::ObjectWriter>> begin_put(
        Key key, const object::PutOptions& options) override {
        return store.begin_put(key, options);
    }
    Result<object::ObjectInfo> put_file(Key key, const fs::path& path,
                                        const object::PutOptions& options) override {
        return store.put_file(key, path, options);
    }
    Result<std::unique_ptr<object::ObjectReader>> open(Key key) override { return store.open(key); }
    Result<std::optional<object::ObjectInfo>> head(Key key) override { return store.head(key); }
    Result<object::ListPage> list(const object::ListOptions& options) override {
        return store.list(options);
    }
    Result<bool> remove(Key key, const std::optional<std::string>& if_etag) override {
        const auto removed = store.remove(key, if_etag);
        if (const Result<void> went_on = behind_removal(key); !went_on)
            return fail(went_on.error());
        return removed;
    }
    Result<void> verify(Key key) override { return store.verify(key); }

    object::MemoryStore store;
    std::function<Result<void>(Key)> behind_removal = [](Key) { return Result<void>(); };
};

class ResultFilesTest : public testing::Test {
protected:
    void SetUp() override {
        folder_ = fs::path(testing::TempDir()) / ("result_files_" + IdSource().uuid());
        fs::create_directories(folder_);
        database_ = sql::SqliteDatabase::open(folder_ / "control.sqlite").value();
        records_ = RequestStore::open(*database_).value();
        files_ = std::make_unique<ResultFiles>(*records_, store_, clock_);
    }
    void TearDown() override { fs::remove_all(folder_); }

    /// Makes a result that lasts for a second.
    MatrixResult made(const std::string& key, std::int64_t generation = 1) {
        const fs::path staged = folder_ / "staged";
        std::ofstream(staged) << key << " file";
        MatrixResult result;
        result.hash = key;
        result.generation = generation;
        result.complete = true;
        result.file_name = "cells.h5ad";
        result.completed_ms = clock_.unix_ms();
        result.expires_ms = result.completed_ms + 1000;
        EXPECT_TRUE(files_->keep(staged, result));
        return result;
    }
    bool is_there(const MatrixResult& result) {
        return store_.head(result.object_key)->has_value();
    }
    MatrixResult found(const std::string& key) { return **files_->find(key); }

    fs::path folder_;
    ManualClock clock_;
    InterruptedStore store_;
    std::unique_ptr<sql::SqliteDatabase> database_;
    std::unique_ptr<RequestStore> records_;
    std::unique_ptr<ResultFiles> files_;
};

TEST_F(ResultFilesTest, AFilePastItsTimeIsRemovedOnce) {
    const MatrixResult result = made("a.h5ad");
    EXPECT_EQ(result.sha256.size(), 64u);
    EXPECT_EQ(*files_->expire(), 0);
    EXPECT_TRUE(is_there(result));
    EXPECT_FALSE(found("a.h5ad").expired);
    clock_.advance(Milliseconds{1000});
    EXPECT_EQ(*files_->expire(), 1);
    EXPECT_FALSE(is_there(result));
    EXPECT_TRUE(found("a.h5ad").expired);
    EXPECT_EQ(*files_->expire(), 0);
}

TEST_F(ResultFilesTest, AFileThatWasMadeAgainWhileOthersAreRemovedStays) {
    made("a.h5ad");
    const MatrixResult later = made("b.h5ad");
    clock_.advance(Milliseconds{1000});
    store_.behind_removal = [&](std::string_view key) -> Result<void> {
        // Both were found to be past their time; now the other is asked for and made again, as
        // its stage does but for the lock, which this thread holds.
        EXPECT_EQ(key, "results/a.h5ad/cells.h5ad");
        MatrixResult anew = later;
        anew.generation = 2;
        anew.expires_ms = clock_.unix_ms() + 1000;
        TRY(store_.put(anew.object_key, as_bytes("anew"), {}));
        return records_->put_result(anew);
    };
    EXPECT_EQ(*files_->expire(), 1);
    EXPECT_TRUE(is_there(later));
    EXPECT_FALSE(found("b.h5ad").expired);
}

TEST_F(ResultFilesTest, ARemovalThatWasCutOffLeavesAnExpiredResult) {
    const MatrixResult result = made("a.h5ad");
    store_.behind_removal = [](std::string_view) -> Result<void> {
        return fail(ErrorCode::unavailable, "cut off");
    };
    EXPECT_FALSE(files_->drop(result));
    EXPECT_FALSE(records_->result("a.h5ad").value()->expired);
    EXPECT_FALSE(is_there(result));
    // Within its time, too: a clock may have been put back.
    EXPECT_TRUE(found("a.h5ad").expired);
    made("a.h5ad", found("a.h5ad").generation + 1);
    EXPECT_FALSE(found("a.h5ad").expired);
}

TEST_F(ResultFilesTest, AResultOfNoCellsNeedsNoFile) {
    MatrixResult none;
    none.hash = "none.h5ad";
    none.complete = true;
    none.expires_ms = clock_.unix_ms() + 1000;
    ASSERT_TRUE(files_->keep("", none));
    EXPECT_FALSE(found("none.h5ad").expired);
    EXPECT_TRUE(files_->live()->empty());
    clock_.advance(Milliseconds{1000});
    EXPECT_EQ(*files_->expire(), 1);
}

}  // namespace
}  // namespace stroma::matrix
