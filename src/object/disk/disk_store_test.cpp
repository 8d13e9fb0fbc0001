#include "object/disk/disk_store.h"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <fstream>
#include <functional>

#include "object/object_store_conformance.h"

// What is left of objects when file changes fail, processes die and bytes rot.

namespace stroma::object {
namespace {

class DiskStoreTest : public ::testing::Test {
protected:
    void SetUp() override {
        std::string pattern = (folder_for_tests() / "stroma-disk-XXXXXX").string();
        ASSERT_NE(::mkdtemp(pattern.data()), nullptr);
        folder = pattern;
        store = open();
    }
    void TearDown() override {
        store.reset();
        fs::remove_all(folder);
    }

    std::unique_ptr<DiskStore> open() {
        auto opened = DiskStore::open(folder / "objects", clock);
        EXPECT_TRUE(opened) << opened.error().message;
        return *std::move(opened);
    }
    std::string get(std::string_view key) {
        const auto bytes = store->get(key);
        if (bytes) return std::string(as_text(*bytes));
        return bytes.error().code == ErrorCode::not_found ? "none" : bytes.error().message;
    }
    /// Files in temp/ that are not claims of living processes.
    std::size_t temporary_files() {
        std::size_t files = 0;
        for (const auto& entry : fs::directory_iterator(folder / "objects" / "temp"))
            files += entry.path().extension() == ".claim" ? 0 : 1;
        return files;
    }

    /// Fails the n-th file change of `work`, n = 1, 2, … until it runs through, each from the
    /// same start; after each the store is opened again and `check`ed.
    void sweep(FaultPlan::Kind kind, int error_number, const std::function<void()>& start,
               const std::function<bool()>& work, const std::function<void(bool done)>& check) {
        // The first hundred are all made to fail; where tiny blocks make thousands, some of them.
        for (std::uint64_t at = 1;; at += 1 + at / 100 * 20) {
            start();
            set_fault_plan({.at = at, .kind = kind, .error_number = error_number});
            const bool done = work();
            const bool ran_through = fault_points_passed() < at;
            set_fault_plan({});
            store.reset();
            store = open();
            SCOPED_TRACE("file change " + std::to_string(at));
            EXPECT_EQ(temporary_files(), 0u);
            check(done);
            if (ran_through) {
                EXPECT_TRUE(done);
                EXPECT_GT(at, 2u);
                return;
            }
            ASSERT_LT(at, 1'000'000u);
        }
    }

    fs::path folder;
    ManualClock clock;
    std::unique_ptr<DiskStore> store;
};

struct FaultCase {
    FaultPlan::Kind kind;
    int error_number;
};
constexpr FaultCase fault_cases[] = {{FaultPlan::Kind::once, EIO},
                                     {FaultPlan::Kind::ever_after, EIO},
                                     {FaultPlan::Kind::once, ENOSPC},
                                     {FaultPlan::Kind::ever_after, EDQUOT},
                                     {FaultPlan::Kind::torn_write, EIO}};

TEST_F(DiskStoreTest, APutWhoseNthFileChangeFailsLeavesTheOldObjectOrTheNew) {
    const std::string fresh(600'000, 'n');
    for (const FaultCase& fault : fault_cases)
        sweep(
            fault.kind, fault.error_number,
            [&] { ASSERT_TRUE(store->put("a/b", as_bytes("old"))); },
            [&] { return store->put("a/b", as_bytes(fresh)).has_value(); },
            [&](bool done) {
                const std::string bytes = get("a/b");
                EXPECT_TRUE(bytes == fresh || (bytes == "old" && !done)) << bytes.substr(0, 99);
                EXPECT_TRUE(store->verify("a/b"));
            });
}

TEST_F(DiskStoreTest, AFirstPutWhoseNthFileChangeFailsLeavesNothingOrTheObject) {
    for (const FaultCase& fault : fault_cases) {
        int number = 0;
        std::string key;
        sweep(
            fault.kind, fault.error_number,
            [&] {
                key = "new/" + std::to_string(fault.error_number) + "/" +
                      std::to_string(static_cast<int>(fault.kind)) + std::to_string(++number) +
                      "/deep/x";
            },
            [&] { return store->put(key, as_bytes("bytes")).has_value(); },
            [&](bool done) {
                const std::string bytes = get(key);
                EXPECT_TRUE(bytes == "bytes" || (bytes == "none" && !done)) << bytes;
                EXPECT_TRUE(store->list({}));
            });
    }
}

TEST_F(DiskStoreTest, ARemoveWhoseNthFileChangeFailsLeavesTheObjectOrNothing) {
    for (const auto kind : {FaultPlan::Kind::once, FaultPlan::Kind::ever_after}) {
        int passed = 0;
        for (std::uint64_t at = 1; at <= 4; ++at) {
            ASSERT_TRUE(store->put("key", as_bytes("bytes")));
            set_fault_plan({.at = at, .kind = kind});
            const auto removed = store->remove("key");
            set_fault_plan({});
            const std::string bytes = get("key");
            EXPECT_TRUE(bytes == "none" || (bytes == "bytes" && !removed)) << bytes;
            passed += removed ? 1 : 0;
        }
        EXPECT_GE(passed, 1);
    }
}

TEST_F(DiskStoreTest, AFileWhoseTakingInFailsIsWholeInOneOfBothPlaces) {
    const fs::path path = folder / "finished";
    for (const FaultCase& fault : fault_cases)
        sweep(
            fault.kind, fault.error_number,
            [&] {
                ASSERT_TRUE(store->put("key", as_bytes("old")));
                std::ofstream(path) << "bytes of a file";
            },
            [&] { return store->put_file("key", path, {}).has_value(); },
            [&](bool done) {
                const std::string bytes = get("key");
                EXPECT_TRUE(bytes == "bytes of a file" || (bytes == "old" && !done)) << bytes;
                const bool there = fs::exists(path);
                EXPECT_TRUE(there || bytes == "bytes of a file");
                // Where even the way back failed, the bytes are still the first ones.
                if (there) {
                    EXPECT_EQ(read_file(path)->substr(0, 15), "bytes of a file");
                }
            });
}

TEST_F(DiskStoreTest, ATornWriteIsNeverAnObject) {
    ASSERT_TRUE(store->put("key", as_bytes("old")));
    set_fault_plan({.at = 2, .kind = FaultPlan::Kind::torn_write});
    const auto writer = store->begin_put("key", {}).value();
    (void)writer->write(as_bytes(std::string(1 << 20, 'x')));
    const auto done = writer->commit();
    set_fault_plan({});
    EXPECT_FALSE(done);
    EXPECT_FALSE(writer->commit());
    EXPECT_EQ(get("key"), "old");
}

/// Puts objects of rising size under two keys until it is killed; tells each finished number.
void put_until_killed(const fs::path& folder, int tell) {
    const auto store = DiskStore::open(folder).value();
    for (int number = 1;; ++number) {
        const std::string bytes = std::to_string(number) + std::string(300'000, 'x');
        if (!store->put("key", as_bytes(bytes))) ::_exit(1);
        if (!store->put("keys/" + std::to_string(number), as_bytes(bytes))) ::_exit(1);
        if (::write(tell, &number, sizeof number) != sizeof number) ::_exit(1);
    }
}

TEST_F(DiskStoreTest, AWriterKilledAnywhereLosesNoAcknowledgedObjectAndLeavesNoHalfOne) {
    for (int round = 0; round < 10; ++round) {
        int told[2];
        ASSERT_EQ(::pipe(told), 0);
        store.reset();
        const pid_t child = ::fork();
        ASSERT_GE(child, 0);
        if (child == 0) put_until_killed(folder / "objects", told[1]);
        ::close(told[1]);
        int number = 0;
        for (int n = 0; n <= round; ++n)
            if (::read(told[0], &number, sizeof number) != sizeof number) break;
        ::kill(child, SIGKILL);
        ::waitpid(child, nullptr, 0);
        while (::read(told[0], &number, sizeof number) == sizeof number) {
        }
        ::close(told[0]);
        ASSERT_GT(number, 0);
        store = open();
        EXPECT_EQ(temporary_files(), 0u);
        EXPECT_GE(std::stoi(get("key")), number);
        const ListPage page = store->list({}).value();
        EXPECT_GT(page.objects.size(), static_cast<std::size_t>(number));
        for (const ObjectInfo& info : page.objects) EXPECT_TRUE(store->verify(info.key));
        for (int n = 1; n <= number; ++n) EXPECT_EQ(std::stoi(get("keys/" + std::to_string(n))), n);
    }
}

TEST_F(DiskStoreTest, TheTemporaryFilesOfALivingProcessAreNotSwept) {
    const auto writer = store->begin_put("key", {}).value();
    ASSERT_TRUE(writer->write(as_bytes("bytes")));
    const auto second = open();
    EXPECT_EQ(temporary_files(), 1u);
    EXPECT_TRUE(writer->commit());
    EXPECT_EQ(as_text(second->get("key").value()), "bytes");
}

TEST_F(DiskStoreTest, OfConditionalPutsOfManyProcessesOneWins) {
    int told[2];
    ASSERT_EQ(::pipe(told), 0);
    std::vector<pid_t> children;
    for (char number = 0; number < 4; ++number) {
        const pid_t child = ::fork();
        ASSERT_GE(child, 0);
        if (child == 0) {
            const auto own = DiskStore::open(folder / "objects").value();
            PutOptions once;
            once.condition.if_absent = true;
            for (char key = 0; key < 20; ++key)
                if (own->put(std::string("key") + char('a' + key), as_bytes("x"), once))
                    (void)!::write(told[1], &key, 1);
            ::_exit(0);
        }
        children.push_back(child);
    }
    ::close(told[1]);
    std::array<int, 20> winners{};
    for (char key = 0; ::read(told[0], &key, 1) == 1;) ++winners[static_cast<std::size_t>(key)];
    for (const pid_t child : children) ::waitpid(child, nullptr, 0);
    ::close(told[0]);
    for (const int won : winners) EXPECT_EQ(won, 1);
}

TEST_F(DiskStoreTest, AListingSeesAtOnceWhatAnotherHandleDid) {
    const auto other = open();
    for (int i = 0; i < 50; ++i) {
        const std::string key = "k" + std::to_string(100 + i);
        ASSERT_TRUE(other->put(key, {}));
        EXPECT_EQ(store->list({})->objects.back().key, key);
    }
    ASSERT_TRUE(other->remove("k100").value());
    EXPECT_EQ(store->list({})->objects.size(), 49u);
}

TEST_F(DiskStoreTest, AnyChangedByteOfAnObjectsFileIsFound) {
    const std::string bytes = "the bytes of an object";
    PutOptions options;
    options.metadata = {{"name", "value"}};
    ASSERT_TRUE(store->put("key", as_bytes(bytes), options));
    const fs::path path = store->file_of("key");
    const std::string whole = read_file(path).value();
    for (std::size_t at = 0; at < whole.size(); ++at) {
        std::string damaged = whole;
        damaged[at] = static_cast<char>(damaged[at] ^ 0x20);
        std::ofstream(path, std::ios::binary) << damaged;
        EXPECT_FALSE(store->verify("key")) << "byte " << at;
        EXPECT_FALSE(store->get("key")) << "byte " << at;
    }
    for (std::size_t size = 0; size < whole.size(); ++size) {
        std::ofstream(path, std::ios::binary) << whole.substr(0, size);
        EXPECT_EQ(store->verify("key").error().code, ErrorCode::corrupt) << size;
    }
    std::ofstream(path, std::ios::binary) << whole + "x";
    EXPECT_EQ(store->verify("key").error().code, ErrorCode::corrupt);
    std::ofstream(path, std::ios::binary) << whole;
    EXPECT_TRUE(store->verify("key"));
}

TEST_F(DiskStoreTest, ARangeOfADamagedBlockIsNotServedAndTheOthersAre) {
    const std::string bytes(3'000'000, 'x');
    ASSERT_TRUE(store->put("key", as_bytes(bytes)));
    {
        std::fstream file(store->file_of("key"), std::ios::in | std::ios::out | std::ios::binary);
        file.seekp(1'500'000);
        file << 'y';
    }
    const auto reader = store->open(std::string_view("key")).value();
    std::string part(1000, ' ');
    const auto into = std::as_writable_bytes(std::span(part));
    EXPECT_TRUE(reader->read_at(0, into));
    EXPECT_TRUE(reader->read_at(bytes.size() - 1000, into));
    EXPECT_EQ(part, bytes.substr(0, 1000));
    const auto damaged = reader->read_at(1'499'999, into);
    ASSERT_FALSE(damaged);
    EXPECT_EQ(damaged.error().code, ErrorCode::corrupt);
    EXPECT_NE(damaged.error().message.find("'key'"), std::string::npos);
}

TEST_F(DiskStoreTest, AnObjectInAnotherObjectsPlaceIsFound) {
    ASSERT_TRUE(store->put("a", as_bytes("1")));
    ASSERT_TRUE(store->put("b", as_bytes("2")));
    fs::copy_file(store->file_of("a"), store->file_of("b"), fs::copy_options::overwrite_existing);
    const auto read = store->get("b");
    ASSERT_FALSE(read);
    EXPECT_EQ(read.error().code, ErrorCode::corrupt);
    EXPECT_NE(read.error().message.find("'a'"), std::string::npos);
}

TEST_F(DiskStoreTest, AFolderOfALaterFormatIsRefused) {
    store.reset();
    std::ofstream(folder / "objects" / "format") << "stroma objects 2\n";
    EXPECT_EQ(DiskStore::open(folder / "objects").error().code, ErrorCode::unsupported);
    std::ofstream(folder / "objects" / "format") << "stroma objects 1\n";
    store = open();
}

TEST_F(DiskStoreTest, AFileIsTakenInWithoutCopyingAndItsKnownEtagIsBelieved) {
    const fs::path path = folder / "finished";
    std::ofstream(path) << "bytes";
    struct stat before {
    }, after{};
    ASSERT_EQ(::stat(path.c_str(), &before), 0);
    ASSERT_TRUE(store->put("same", as_bytes("bytes")));
    PutOptions options;
    options.known_etag = store->head("same").value()->etag;
    EXPECT_EQ(store->put_file("taken", path, options)->etag, options.known_etag);
    EXPECT_EQ(get("taken"), "bytes");
    ASSERT_EQ(::stat(store->file_of("taken").c_str(), &after), 0);
    EXPECT_EQ(before.st_ino, after.st_ino);
    options.known_etag = "00000000000000000000000000000000";
    EXPECT_EQ(store->put("other", as_bytes("bytes"), options).error().code, ErrorCode::corrupt);
    EXPECT_EQ(get("other"), "none");
}

}  // namespace
}  // namespace stroma::object
