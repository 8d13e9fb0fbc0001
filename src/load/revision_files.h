#pragma once

#include <list>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "expression/sealed_dataset.h"
#include "object/object_store.h"

namespace stroma::loading {

/// Opens the sealed files of ready revisions, and keeps the latest ones open. Any thread.
class RevisionFiles {
public:
    explicit RevisionFiles(object::ObjectStore& objects) : objects_(objects) {}

    static std::string object_key(std::string_view revision);
    /// What was made from a revision and can be made again lies under derived_root, then its id.
    static constexpr std::string_view derived_root = "derived/";
    static std::string derived_prefix(std::string_view revision);

    /// The file that a revision came in as lies under source_prefix, by its own name.
    static std::string source_prefix(std::string_view revision);

    /// errors  not_found  no such revision, or it was removed     corrupt
    Result<std::shared_ptr<const expression::SealedDataset>> open(std::string_view revision);
    /// Takes the file over as the revision's source, in the place of one that is there.
    Result<void> put_source(std::string_view revision, const fs::path& file);
    /// Missing is an answer.
    Result<std::optional<object::ObjectInfo>> find_source(std::string_view revision);
    /// Removes the sealed file, its source and all that was made from it; readers that have it keep
    /// it.
    Result<void> remove(std::string_view revision);

private:
    Result<void> remove_all(const std::string& prefix);
    void forget(std::string_view revision);
    static constexpr std::size_t open_max = 64;
    object::ObjectStore& objects_;
    std::mutex mutex_;
    std::list<std::string> newest_first_;
    std::map<std::string, std::shared_ptr<const expression::SealedDataset>, std::less<>> open_;
};

}  // namespace stroma::loading
