#include "object/disk/disk_store.h"
#include "object/faulty/faulty_store.h"
#include "object/memory/memory_store.h"
#include "object/object_store_conformance.h"

namespace stroma::object {
namespace {

/// A faulty store without a fault is a store like any other; this one owns what it wraps.
std::shared_ptr<ObjectStore> open_faulty(const fs::path&, const Clock& clock) {
    auto memory = std::make_shared<MemoryStore>(clock);
    auto faulty = std::make_shared<FaultyStore>(*memory);
    return {faulty.get(), [memory, faulty](ObjectStore*) {}};
}

INSTANTIATE_TEST_SUITE_P(
    Drivers, ObjectStoreConformance,
    ::testing::Values(
        StoreUnderTest{
            .name = "Disk",
            .open = [](const fs::path& folder, const Clock& clock) -> std::shared_ptr<ObjectStore> {
                return DiskStore::open(folder / "objects", clock).value();
            },
            .maps = true,
            .has_descriptor = true},
        StoreUnderTest{
            .name = "Memory",
            .open = [](const fs::path&, const Clock& clock) -> std::shared_ptr<ObjectStore> {
                return std::make_shared<MemoryStore>(clock);
            },
            .maps = true,
            .has_descriptor = false},
        StoreUnderTest{
            .name = "Faulty", .open = open_faulty, .maps = false, .has_descriptor = false}),
    [](const auto& driver) { return driver.param.name; });

Result<void> put(ObjectStore& store, std::string_view content) {
    const auto writer = TRY(store.begin_put("key", {}));
    for (const char byte : content) TRY(writer->write(as_bytes(std::string_view(&byte, 1))));
    TRY(writer->commit());
    return {};
}

TEST(FaultyStore, AnObjectIsTheOldOrTheNewOneWhicheverCallFails) {
    using Kind = CallFault::Kind;
    for (const Kind kind : {Kind::fail_before, Kind::fail_after, Kind::torn}) {
        bool ran_through = false;
        for (std::uint64_t at = 1; !ran_through; ++at) {
            SCOPED_TRACE(at);
            ManualClock clock;
            MemoryStore memory(clock);
            ASSERT_TRUE(put(memory, "old"));
            FaultyStore store(memory);
            store.faults().plan({.at = at, .kind = kind});
            const auto done = put(store, "newer");
            ran_through = store.faults().calls_made() < at;
            EXPECT_EQ(done.has_value(), ran_through);
            const auto reader = memory.open("key").value();
            std::string content(reader->info().size_bytes, ' ');
            ASSERT_TRUE(reader->read_at(0, std::as_writable_bytes(std::span(content))));
            EXPECT_TRUE(content == "newer" || (!done && content == "old")) << content;
            store.faults().plan({});
            EXPECT_TRUE(put(store, "newest"));
        }
    }
}

}  // namespace
}  // namespace stroma::object
