#pragma once

#include <atomic>
#include <list>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <vector>

#include "sql/embedded_database.h"
#include "warehouse/scan_registry.h"
#include "warehouse/warehouse.h"

namespace stroma::warehouse {

/// What the expression relation needs to name a revision's cells and genes; never changes.
struct RevisionKeys {
    expression::TextArray cellkeys;
    std::vector<bool> called;  ///< by the 100-molecule rule
    std::vector<std::string> featurekeys;
    std::vector<std::string> raw_featurekeys;  ///< of raw.X; filled when there is one
};

/// The keys of the revisions asked for last, within a budget of memory.
class KeyCache {
public:
    std::shared_ptr<const RevisionKeys> find(std::string_view revision);
    void keep(std::string_view revision, std::shared_ptr<const RevisionKeys> keys);

private:
    struct Entry {
        std::string revision;
        std::shared_ptr<const RevisionKeys> keys;
    };
    std::mutex mutex_;
    std::list<Entry> entries_;  // the one asked for last is first
};

/// What the ledger and the tables say, known to whoever loads next. Held by its mutex during every
/// transaction that changes them; forgotten when one fails.
struct LoadState {
    std::mutex mutex;
    bool is_known = false;
    std::int64_t next_load_id = 1;
    std::set<std::string, std::less<>> applied;   ///< revisions
    std::map<std::string, std::int64_t> numbers;  ///< of datasets' current revisions
    std::set<std::string, std::less<>> arrived;   ///< datasets that wait for their tables
    std::uint64_t arrived_bytes = 0;
    std::map<std::string, std::int64_t> shared;   ///< table numbers by frame and shape
    std::atomic<std::uint64_t> arrived_count{0};  ///< read by those who only look
};

class LoadLine;
std::shared_ptr<LoadLine> make_load_line();

struct Warehouse::State {
    sql::Database& database;
    sql::EmbeddedDatabase& engine;
    OpenRevision open_revision;
    const Clock& clock;
    std::shared_ptr<ScanRegistry> scans;
    KeyCache keys = {};
    LoadState loads = {};
    std::shared_ptr<LoadLine> line = make_load_line();  ///< of loads that are written together
    std::atomic<std::uint64_t> version{0};              ///< see Warehouse::version()
};

/// A dataset's current revision as a statement's snapshot shows it.
struct VisibleDataset {
    std::int64_t dataset_no = 0, loaded = 0;
    std::string dataset_id, dataset, revision;
    std::int64_t cells = 0, genes = 0;
    bool called_by_total = false;
    std::int64_t cells_in = 0, genes_in = 0;  ///< numbers of the tables that hold them
};

/// Puts the datasets that have arrived into their tables: what is loaded after it returns may be
/// seen. Waits for the open write transaction if there are any.
Result<void> settle(Warehouse::State& state);

/// The datasets that the scope lets through, by number, in the connection's transaction.
Result<std::vector<VisibleDataset>> visible_datasets(sql::Connection& connection,
                                                     const Scope& scope);

}  // namespace stroma::warehouse
