#pragma once

#include <condition_variable>
#include <cstdint>
#include <deque>
#include <functional>
#include <list>
#include <map>
#include <memory>
#include <mutex>
#include <nlohmann/json_fwd.hpp>
#include <set>
#include <string>
#include <string_view>
#include <thread>

#include "base/file.h"
#include "explorer/content_coding.h"
#include "object/object_store.h"

namespace stroma::explorer {

/// Bytes ready to be sent as they lie, from byte 0 of the file.
struct Body {
    std::shared_ptr<const File> file;
    std::uint64_t size_bytes = 0;
    std::string etag;  ///< hash of these bytes
    std::string media_type;
    std::string coding;  ///< "", "gzip" or "zstd"
};

/// Bytes just made, not packed yet.
struct Made {
    std::string bytes;
    std::string media_type;
};

/// The text of `json`; bytes in it that are no UTF-8 become U+FFFD.
Made json_made(const nlohmann::ordered_json& json);

/// What is answered about one revision, and how it is packed. Equal ones have equal bytes for ever.
struct Representation {
    std::string revision;
    std::string what;  ///< route and parameters in one spelling
    Coding coding = Coding::identity;
};

struct BodyStoreOptions {
    std::uint64_t bytes_max = std::uint64_t{4} << 30;  ///< of all stored bodies
    std::size_t open_max = 256;                        ///< bodies kept open
};

/// Keeps the bodies of immutable answers, each made and packed once, as objects. A new one is
/// served at once and stored behind the answer's back; past bytes_max those go that were not asked
/// for the longest time. A damaged one is made again. Any thread.
class BodyStore {
public:
    /// Where a revision's bodies lie: the part of their keys before the body's own.
    using PrefixOf = std::function<std::string(std::string_view revision)>;

    /// `root` is what all prefixes begin with; `staging` a folder of the store's file system.
    BodyStore(object::ObjectStore& objects, fs::path staging, std::string root, PrefixOf prefix_of,
              BodyStoreOptions options);
    ~BodyStore();

    /// The body, made by `make` when it isn't there. One caller makes it, the others wait.
    Result<Body> find_or_make(const Representation& wanted,
                              const std::function<Result<Made>()>& make);
    /// Waits until what was made is stored.
    void settle();
    std::uint64_t stored_bytes();

private:
    struct Stored {
        std::uint64_t size_bytes = 0, used = 0;
    };
    struct Waiting {
        std::string key;
        fs::path path;
        object::PutOptions options;
        std::uint64_t size_bytes = 0;
    };
    struct Open {
        Body body;
        std::list<std::string>::iterator place;
    };
    std::string key_of(const Representation& wanted) const;
    Result<std::optional<Body>> open_stored(const std::string& key);
    Result<Body> make_body(const std::string& key, const Representation& wanted,
                           const std::function<Result<Made>()>& make);
    void keep_open_locked(const std::string& key, const Body& body);
    void run(std::stop_token stop);
    void read_directory();
    void store_one(const Waiting& waiting);
    void remove_oldest();

    object::ObjectStore& objects_;
    const fs::path staging_;
    const std::string root_;
    const PrefixOf prefix_of_;
    const BodyStoreOptions options_;

    std::mutex mutex_;
    std::condition_variable_any changed_;
    std::set<std::string> making_;
    std::list<std::string> newest_first_;
    std::map<std::string, Open> open_;
    std::map<std::string, Stored> stored_;
    std::uint64_t stored_bytes_ = 0, uses_ = 0, files_ = 0;
    std::deque<Waiting> waiting_;
    bool storing_ = true;  ///< until the directory is read, then while one is being put
    std::jthread storer_;  // last: it works on the rest
};

}  // namespace stroma::explorer
