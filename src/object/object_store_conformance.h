#pragma once

#include <gtest/gtest.h>

#include <functional>
#include <memory>
#include <ostream>
#include <string>

#include "base/context.h"
#include "object/object_store.h"

// What every driver of ObjectStore must do. A driver's test includes this and registers itself:
//   INSTANTIATE_TEST_SUITE_P(Disk, ObjectStoreConformance, ::testing::Values(StoreUnderTest{…}));
// The tests are in object_store_conformance.cpp, which the test program lists among its sources.

namespace stroma::object {

/// Where tests keep files: memory where there is a file system in it, for speed. TMPDIR, when set,
/// names another place, e.g. a real disk.
fs::path folder_for_tests();

/// One driver: how to open an empty store, and what it can't do.
struct StoreUnderTest {
    std::string name;
    /// Opens an empty store that keeps its files, if it has any, below the folder.
    std::function<std::shared_ptr<ObjectStore>(const fs::path& folder, const Clock& clock)> open;
    bool maps = false;  ///< mapped() gives the bytes
    bool has_descriptor = false;
    /// Names the test, in place of its bytes.
    friend void PrintTo(const StoreUnderTest& driver, std::ostream* out) { *out << driver.name; }
};

class ObjectStoreConformance : public ::testing::TestWithParam<StoreUnderTest> {
protected:
    void SetUp() override;
    void TearDown() override;

    void put(std::string_view key, std::string_view bytes, const PutOptions& options = {});
    std::string get(std::string_view key);
    /// Keys, then common prefixes, of the whole listing by pages of `limit`.
    std::vector<std::string> list(ListOptions options);
    fs::path write_file(std::string_view name, std::string_view bytes);

    fs::path folder;
    ManualClock clock;
    std::shared_ptr<ObjectStore> store;
};

}  // namespace stroma::object
