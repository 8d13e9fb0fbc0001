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

}  // namespace
}  // namespace stroma::object
