#include <gtest/gtest.h>

#include <fcntl.h>
#include <unistd.h>

#include <fstream>
#include <mutex>

#include "base/digest.h"
#include "sql/sqlite/sqlite_database.h"
#include "sync/agent.h"
#include "sync/check.h"
#include "sync/line_plan.h"
#include "sync/quantity.h"

namespace stroma::sync {
namespace {

TEST(Quantity, IsReadInTheUnitsThatPeopleWrite) {
    EXPECT_EQ(read_bytes("15TB").value(), 15'000'000'000'000u);
    EXPECT_EQ(read_bytes("5 MiB").value(), 5u << 20);
    EXPECT_EQ(read_rate("1Gbit/s").value(), 125e6);
    EXPECT_EQ(read_rate("0").value(), 0);
    EXPECT_EQ(read_duration("15m").value(), 900'000);
    for (const char* text : {"", "MB", "-1MB", "1 parsec", "1e999", "nan", "5MB/h"})
        EXPECT_FALSE(read_bytes(text)) << text;
    EXPECT_FALSE(read_rate("20MB"));
    EXPECT_FALSE(read_arrival("15TB"));
}

TEST(PathFilter, HoldsPatternsWithoutASlashAgainstTheName) {
    const PathFilter filter{{"*.tif", "raw/*"}, {"*_thumb.tif", "raw/old/*"}};
    EXPECT_TRUE(filter.takes("a.tif"));
    EXPECT_TRUE(filter.takes("slide/deep/a.tif"));
    EXPECT_FALSE(filter.takes("slide/a_thumb.tif"));
    EXPECT_TRUE(filter.takes("raw/plate/notes.txt"));
    EXPECT_FALSE(filter.takes("raw/old/a.tif"));
    EXPECT_FALSE(filter.takes("notes.txt"));
    EXPECT_TRUE(PathFilter{}.takes("anything"));
}

TEST(Timetable, TakesTheFirstRuleThatHolds) {
    const auto table =
        Timetable::read("20MB/s Mon-Fri 08:00-18:00; 0 Sat,Sun; off 22:00-06:00; 100MB/s");
    ASSERT_TRUE(table) << table.error().message;
    EXPECT_EQ(table->rate_at(0, 8 * 60), 20e6);
    EXPECT_EQ(table->rate_at(0, 8 * 60 - 1), 100e6);
    EXPECT_EQ(table->rate_at(4, 18 * 60 - 1), 20e6);
    EXPECT_EQ(table->rate_at(5, 12 * 60), 0);
    EXPECT_EQ(table->rate_at(2, 23 * 60), std::nullopt);
    EXPECT_EQ(table->rate_at(2, 5 * 60), std::nullopt);
    EXPECT_EQ(Timetable::read("")->rate_at(3, 0), std::nullopt);
    for (const char* text : {"fast", "20MB/s Noday", "20MB/s 8:00-18:00", "20MB/s 08:00-25:00"})
        EXPECT_FALSE(Timetable::read(text)) << text;
}

TEST(Timetable, GivesTheHoursAfterMidnightToTheDayBefore) {
    const auto table = Timetable::read("1MB/s Fri 22:00-06:00").value();
    EXPECT_EQ(table.rate_at(4, 23 * 60), 1e6);
    EXPECT_EQ(table.rate_at(5, 5 * 60), 1e6);
    EXPECT_EQ(table.rate_at(4, 5 * 60), std::nullopt);
    EXPECT_EQ(table.rate_at(5, 23 * 60), std::nullopt);
}

TEST(Pace, LetsNoSecondHaveMoreThanTheRate) {
    ManualClock clock;
    Pace pace(Timetable::read("1MB/s").value(), clock);
    double waited_ms = 0;
    for (int i = 0; i < 30; ++i) {
        const Pace::Turn turn = pace.next_turn(100'000);
        EXPECT_TRUE(turn.is_granted);
        waited_ms = static_cast<double>(turn.wait.count());
    }
    // The last of thirty turns of 0.1 s, of which a fifth of a second may go at once.
    EXPECT_NEAR(waited_ms, 2700, 1);
    clock.advance(Milliseconds(10'000));
    EXPECT_EQ(pace.next_turn(100'000).wait, Milliseconds(0));
    Pace still(Timetable::read("0").value(), clock);
    EXPECT_FALSE(still.next_turn(1).is_granted);
}

TEST(LinePlan, DoesTheArithmeticOfALaboratory) {
    LineDemand demand{.arrival_a_week = read_arrival("15TB/week").value(),
                      .line_rate = read_rate("1Gbit/s").value()};
    LinePlan plan = plan_line(demand);
    EXPECT_NEAR(plan.capacity_a_day, 9.6e12, 0.02e12);
    EXPECT_NEAR(plan.hours_for_a_week, 37.5, 0.1);
    EXPECT_NEAR(plan.busy_share, 0.223, 0.001);
    demand.timetable = Timetable::read("0 Mon-Fri 08:00-20:00").value();
    demand.backlog = 10e12;
    plan = plan_line(demand);
    EXPECT_NEAR(plan.capacity_a_week, 9.6e12 * (7 - 2.5), 0.1e12);
    EXPECT_NEAR(plan.backlog_days, 10e12 / ((plan.capacity_a_week - 15e12) / 7), 1e-9);
    demand.arrival_a_week = 100e12;
    EXPECT_GT(plan_line(demand).busy_share, 1);
    EXPECT_TRUE(std::isinf(plan_line(demand).backlog_days));
}

TEST(Parts, AreLargeEnoughThatTenThousandSuffice) {
    constexpr std::uint64_t usual = 16u << 20;
    EXPECT_EQ(part_bytes_for(0, usual), usual);
    EXPECT_EQ(part_bytes_for(usual * 10'000, usual), usual);
    const std::uint64_t large = 5ull << 40;
    EXPECT_LE((large + part_bytes_for(large, usual) - 1) / part_bytes_for(large, usual), 10'000u);
}

/// A bucket in memory that can be made to fail.
struct Bucket {
    std::mutex mutex;
    std::map<std::string, std::string> objects;
    std::map<std::string, std::map<int, std::string>> uploads;
    int calls = 0, uploads_begun = 0;
    std::map<int, ErrorCode> fails_at;  ///< by the number of the call that sends bytes
    std::function<void()> before_send;
};

std::string etag_of(const std::string& bytes) { return md5_hex(bytes); }

class MemoryDestination final : public Destination {
public:
    explicit MemoryDestination(Bucket& bucket) : bucket_(bucket) {}

    Result<std::string> put(const std::string& key, const Sendable& body) override {
        TRY(count(body));
        const std::lock_guard lock(bucket_.mutex);
        bucket_.objects[key] = body.bytes;
        return etag_of(bucket_.objects[key]);
    }
    Result<std::string> begin_upload(const std::string&) override {
        const std::lock_guard lock(bucket_.mutex);
        const std::string id = "upload-" + std::to_string(++bucket_.uploads_begun);
        bucket_.uploads[id];
        return id;
    }
    Result<std::string> put_part(const std::string&, const std::string& upload, int number,
                                 const Sendable& body) override {
        TRY(count(body));
        const std::lock_guard lock(bucket_.mutex);
        bucket_.uploads[upload][number] = body.bytes;
        return etag_of(bucket_.uploads[upload][number]);
    }
    Result<std::map<int, std::string>> parts(const std::string&,
                                             const std::string& upload) override {
        const std::lock_guard lock(bucket_.mutex);
        if (!bucket_.uploads.contains(upload)) return fail(ErrorCode::not_found, "no upload");
        std::map<int, std::string> etags;
        for (const auto& [number, bytes] : bucket_.uploads[upload]) etags[number] = etag_of(bytes);
        return etags;
    }
    Result<std::string> complete_upload(const std::string& key, const std::string& upload,
                                        const std::vector<std::string>& etags) override {
        const std::lock_guard lock(bucket_.mutex);
        std::string whole;
        for (std::size_t i = 0; i < etags.size(); ++i) {
            const std::string& part = bucket_.uploads[upload][static_cast<int>(i) + 1];
            if (etag_of(part) != etags[i]) return fail(ErrorCode::invalid_input, "InvalidPart");
            whole += part;
        }
        bucket_.uploads.erase(upload);
        bucket_.objects[key] = whole;
        return etag_of(whole);
    }
    Result<void> abandon_upload(const std::string&, const std::string& upload) override {
        const std::lock_guard lock(bucket_.mutex);
        bucket_.uploads.erase(upload);
        return {};
    }
    Result<std::optional<StoredObject>> find(const std::string& key) override {
        const std::lock_guard lock(bucket_.mutex);
        const auto found = bucket_.objects.find(key);
        if (found == bucket_.objects.end()) return std::nullopt;
        return StoredObject{key, found->second.size(), etag_of(found->second)};
    }
    Result<void> list(const std::string& prefix,
                      const std::function<Result<void>(const StoredObject&)>& take) override {
        for (const auto& [key, bytes] : bucket_.objects)
            if (key.starts_with(prefix)) TRY(take({key, bytes.size(), etag_of(bytes)}));
        return {};
    }
    Result<void> remove(const std::string& key) override {
        const std::lock_guard lock(bucket_.mutex);
        bucket_.objects.erase(key);
        return {};
    }

private:
    Result<void> count(const Sendable& body) {
        EXPECT_EQ(sha256_hex(body.bytes), body.sha256);
        if (bucket_.before_send) bucket_.before_send();
        const std::lock_guard lock(bucket_.mutex);
        const auto fault = bucket_.fails_at.find(++bucket_.calls);
        if (fault != bucket_.fails_at.end()) return fail(fault->second, "made to fail");
        return {};
    }
    Bucket& bucket_;
};

class SyncTest : public testing::Test {
protected:
    SyncTest() {
        folder_ = fs::temp_directory_path() / ("stroma_sync_" + IdSource().uuid());
        fs::create_directories(folder_ / "in");
        job_.name = "scanner";
        job_.folder = (folder_ / "in").string();
        job_.bucket = "slides";
        job_.prefix = "raw";
        job_.settle_ms = 0;
        job_.part_bytes = 5u << 20;
        EXPECT_TRUE(job_.complete());
        database_ = sql::SqliteDatabase::open_in_memory().value();
        manifest_ = Manifest::open(*database_).value();
        EXPECT_TRUE(manifest_->add(job_, 1));
    }
    ~SyncTest() override { fs::remove_all(folder_); }

    void write(const std::string& path, const std::string& bytes) {
        const fs::path whole = fs::path(job_.folder) / path;
        fs::create_directories(whole.parent_path());
        std::ofstream(whole, std::ios::binary) << bytes;
    }
    PassReport pass(const PassOptions& options = {}) {
        const OpenDestination open = [this](Pace&, std::stop_token) {
            return Result<std::unique_ptr<Destination>>(
                std::make_unique<MemoryDestination>(bucket_));
        };
        Pace pace(Timetable::read(job_.bandwidth).value(), system_clock());
        const SendSite site{job_, *manifest_, open, pace, system_clock()};
        return run_pass(site, options, stop_.get_token());
    }
    CheckReport check() {
        const OpenDestination open = [this](Pace&, std::stop_token) {
            return Result<std::unique_ptr<Destination>>(
                std::make_unique<MemoryDestination>(bucket_));
        };
        Pace pace({}, system_clock());
        const SendSite site{job_, *manifest_, open, pace, system_clock()};
        return check_both_sides(site, {}, stop_.get_token()).value();
    }
    static std::string made_bytes(std::size_t size) {
        std::string bytes(size, '\0');
        for (std::size_t i = 0; i < size; ++i) bytes[i] = static_cast<char>(i * 2654435761u >> 13);
        return bytes;
    }

    fs::path folder_;
    SyncJob job_;
    Bucket bucket_;
    std::unique_ptr<sql::SqliteDatabase> database_;
    std::unique_ptr<Manifest> manifest_;
    std::stop_source stop_;
};

TEST_F(SyncTest, SendsWhatIsNewAndThenNothing) {
    write("a.tif", "one");
    write("deep/er/b.tif", "");
    write("large.tif", made_bytes(12u << 20));
    PassReport report = pass();
    EXPECT_EQ(report.error, "");
    EXPECT_EQ(report.sent_files, 3);
    EXPECT_EQ(bucket_.objects["raw/a.tif"], "one");
    EXPECT_TRUE(bucket_.objects.contains("raw/deep/er/b.tif"));
    EXPECT_EQ(bucket_.objects["raw/large.tif"], made_bytes(12u << 20));
    EXPECT_TRUE(bucket_.uploads.empty());
    report = pass();
    EXPECT_EQ(report.sent_files, 0);
    EXPECT_EQ(report.unchanged, 3);
    write("a.tif", "changed");
    report = pass();
    EXPECT_EQ(report.sent_files, 1);
    EXPECT_EQ(bucket_.objects["raw/a.tif"], "changed");
}

TEST_F(SyncTest, GoesOnWithAFileWhereItWasCut) {
    job_.connections = 1;
    write("large.tif", made_bytes(24u << 20));
    bucket_.fails_at = {{3, ErrorCode::invalid_input}};
    PassReport report = pass();
    EXPECT_EQ(report.failed, 1);
    EXPECT_FALSE(bucket_.objects.contains("raw/large.tif"));
    report = pass();
    EXPECT_EQ(report.failed, 0) << report.json();
    EXPECT_EQ(report.resumed_parts, 4);
    EXPECT_EQ(report.sent_bytes, 5 << 20);
    EXPECT_EQ(bucket_.uploads_begun, 1);
    EXPECT_EQ(bucket_.objects["raw/large.tif"], made_bytes(24u << 20));
}

TEST_F(SyncTest, BeginsAnewWhenTheStoreLostTheUpload) {
    job_.connections = 1;
    write("large.tif", made_bytes(12u << 20));
    bucket_.fails_at = {{2, ErrorCode::invalid_input}};
    pass();
    bucket_.uploads.clear();
    const PassReport report = pass();
    EXPECT_EQ(report.failed, 0);
    EXPECT_EQ(report.resumed_parts, 0);
    EXPECT_EQ(bucket_.objects["raw/large.tif"], made_bytes(12u << 20));
}

TEST_F(SyncTest, TriesAgainWhatMayPassByItself) {
    write("a.tif", "one");
    bucket_.fails_at = {{1, ErrorCode::unavailable}, {2, ErrorCode::unavailable}};
    const PassReport report = pass();
    EXPECT_EQ(report.failed, 0);
    EXPECT_EQ(bucket_.calls, 3);
}

TEST_F(SyncTest, EndsAtOnceWhenTheKeysAreWrong) {
    for (int i = 0; i < 50; ++i) write(std::to_string(i), "x");
    job_.connections = 1;
    bucket_.fails_at = {{1, ErrorCode::denied}};
    const PassReport report = pass();
    EXPECT_EQ(report.error, "made to fail");
    EXPECT_EQ(bucket_.calls, 1);
}

TEST_F(SyncTest, LeavesAFileAloneWhileSomebodyWritesIt) {
    write("a.tif", "half");
    const int writer = open((fs::path(job_.folder) / "a.tif").c_str(), O_WRONLY | O_APPEND);
    ASSERT_GE(writer, 0);
    PassReport report = pass();
    EXPECT_EQ(report.waiting, 1);
    EXPECT_TRUE(bucket_.objects.empty());
    close(writer);
    report = pass();
    EXPECT_EQ(report.sent_files, 1);
}

TEST_F(SyncTest, LeavesAFileAloneUntilItSettled) {
    job_.settle_ms = 3'600'000;
    write("a.tif", "new");
    EXPECT_EQ(pass().waiting, 1);
    fs::last_write_time(fs::path(job_.folder) / "a.tif",
                        fs::file_time_type::clock::now() - std::chrono::hours(2));
    EXPECT_EQ(pass().sent_files, 1);
}

TEST_F(SyncTest, SendsAgainWhatChangedOnItsWay) {
    write("a.tif", "before");
    bool has_changed = false;
    bucket_.before_send = [&] {
        if (!std::exchange(has_changed, true)) write("a.tif", "after, and longer");
    };
    PassReport report = pass();
    EXPECT_EQ(report.failed, 1);
    EXPECT_EQ(report.sent_files, 0);
    report = pass();
    EXPECT_EQ(report.sent_files, 1);
    EXPECT_EQ(bucket_.objects["raw/a.tif"], "after, and longer");
}

TEST_F(SyncTest, SendsAFolderOnceItsMarkerIsThere) {
    job_.ready_marker = "experiment.xenium";
    write("run1/a.tif", "x");
    write("run1/deep/b.tif", "x");
    write("run2/experiment.xenium", "{}");
    write("run2/deep/c.tif", "x");
    PassReport report = pass();
    EXPECT_EQ(report.unready, 2);
    EXPECT_EQ(report.sent_files, 2);
    write("run1/experiment.xenium", "{}");
    report = pass();
    EXPECT_EQ(report.unready, 0);
    EXPECT_EQ(report.sent_files, 3);
}

TEST_F(SyncTest, RemovesOnlyForAMirrorAndOnlyWhatItSent) {
    for (int i = 0; i < 4; ++i) write(std::to_string(i), "x");
    bucket_.objects["raw/foreign"] = "theirs";
    pass();
    fs::remove(fs::path(job_.folder) / "0");
    EXPECT_EQ(pass().deleted, 0);
    job_.deletes = DeletePolicy::mirror;
    const PassReport dry = pass({.is_dry = true});
    EXPECT_EQ(dry.would_delete, std::vector<std::string>{"0"});
    EXPECT_TRUE(bucket_.objects.contains("raw/0"));
    EXPECT_EQ(pass().deleted, 1);
    EXPECT_FALSE(bucket_.objects.contains("raw/0"));
    EXPECT_TRUE(bucket_.objects.contains("raw/foreign"));
    // What the patterns leave out now is still there.
    job_.filter.excludes = {"1"};
    EXPECT_EQ(pass().deleted, 0);
}

TEST_F(SyncTest, RemovesNothingWhenMostIsGone) {
    for (int i = 0; i < 20; ++i) write(std::to_string(i), "x");
    pass();
    job_.deletes = DeletePolicy::mirror;
    for (int i = 0; i < 15; ++i) fs::remove(fs::path(job_.folder) / std::to_string(i));
    EXPECT_NE(pass().error.find("may not be mounted"), std::string::npos);
    EXPECT_EQ(bucket_.objects.size(), 20u);
    EXPECT_EQ(pass({.may_delete_most = true}).deleted, 15);
    fs::remove_all(job_.folder);
    EXPECT_NE(pass().error, "");
    EXPECT_EQ(bucket_.objects.size(), 5u);
}

TEST_F(SyncTest, ComparesBothSidesToTheByte) {
    write("same", "x");
    write("damaged", "abcdef");
    write("lost", "x");
    pass();
    bucket_.objects["raw/damaged"] = "abcdeX";
    bucket_.objects.erase("raw/lost");
    bucket_.objects["raw/foreign"] = "theirs";
    write("new", "x");
    bucket_.objects["raw/new"] = "x";
    const CheckReport report = check();
    EXPECT_EQ(report.same, 1);
    EXPECT_EQ(report.differ, std::vector<std::string>{"damaged"});
    EXPECT_EQ(report.only_here, std::vector<std::string>{"lost"});
    EXPECT_EQ(report.only_there, std::vector<std::string>{"foreign"});
    EXPECT_EQ(report.unsent, std::vector<std::string>{"new"});
}

TEST_F(SyncTest, ForgetsTheUploadOfAFileThatChanged) {
    job_.connections = 1;
    write("large.tif", made_bytes(12u << 20));
    bucket_.fails_at = {{2, ErrorCode::invalid_input}};
    pass();
    EXPECT_EQ(bucket_.uploads.size(), 1u);
    write("large.tif", made_bytes(11u << 20));
    const PassReport report = pass();
    EXPECT_EQ(report.failed, 0);
    EXPECT_TRUE(bucket_.uploads.empty());
    EXPECT_EQ(bucket_.objects["raw/large.tif"], made_bytes(11u << 20));
}

}  // namespace
}  // namespace stroma::sync
