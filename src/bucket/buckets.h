#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "base/bytes.h"
#include "base/context.h"
#include "bucket/object_version.h"
#include "object/object_store.h"
#include "sql/connection_pool.h"
#include "sql/write_group.h"

namespace stroma::bucket {

struct NewObject {
    std::string bucket, key, owner, attributes, tags, etag;
    std::uint64_t size = 0;
    Body body;
    Condition condition;
    ChangeKind kind = ChangeKind::put;
    std::string storage_class = "STANDARD";
};

struct ListQuery {
    std::string bucket, prefix, delimiter;
    std::string after;          ///< only keys behind it; of versions: the key marker
    std::string after_version;  ///< of versions: together with `after`, the version marker
    std::size_t limit = 1000;   ///< of keys and common prefixes together
};

struct ListAnswer {
    std::vector<ObjectVersion> objects;
    std::vector<std::string> common_prefixes;
    bool is_cut = false;
    std::string next_key, next_version;  ///< go on behind these
};

struct Removal {
    std::string version;  ///< of what was removed, or of the marker that was made; "" for neither
    bool is_marker = false;  ///< a marker was made, or removed
};

struct CompletedPart {
    int number = 0;
    std::string etag;  ///< without quotes
};

/// Bytes on their way into the object store. They are nobody's until an object names them: what a
/// crash leaves of them is swept at the next start.
class BlobWriter {
public:
    BlobWriter(std::unique_ptr<object::ObjectWriter> writer, std::string id)
        : writer_(std::move(writer)), piece_{std::move(id), 0} {}
    Result<void> write(ByteSpan bytes);
    Result<Piece> finish();  ///< durable

private:
    std::unique_ptr<object::ObjectWriter> writer_;
    Piece piece_;
};

/// Buckets and the versions of their objects: an index in one database, large bodies in the object
/// store. What is answered as done has reached the disk; writes that come together share a commit.
/// Any thread.
class Buckets {
public:
    /// Called inside the transaction of each change: what it writes becomes true with the change or
    /// not at all. An error takes the change back.
    using Listener = std::function<Result<void>(sql::Connection&, const ObjectChange&)>;
    /// Bytes up to this lie in the index.
    static constexpr std::size_t small_bytes_max = 16u << 10;

    /// Makes the tables. What a crash left in the stores under our prefix is removed beside the
    /// work that follows; after a clean end nothing is looked for. The bytes of archived objects
    /// go to `cold`.
    static Result<std::unique_ptr<Buckets>> open(sql::WriteGroup& writes,
                                                 object::ObjectStore& objects,
                                                 object::ObjectStore& cold, const Clock& clock,
                                                 IdSource& ids);
    ~Buckets();
    /// When nobody writes any more: says for the next start that nothing was left behind.
    Result<void> close();
    /// Waits for the end of the removal that open() began.
    void wait_for_sweep();
    /// Before the first change.
    void set_listener(Listener listener) { listener_ = std::move(listener); }

    Outcome<void> create(const Bucket& bucket);
    Outcome<void> remove(std::string_view bucket);
    Outcome<Bucket> find(std::string_view bucket);
    Result<std::vector<Bucket>> all();
    Outcome<void> set_versioning(std::string_view bucket, std::string_view versioning);
    /// "" where there is none; an empty document takes it away.
    Result<std::string> setting(std::string_view bucket, std::string_view name);
    Outcome<void> set_setting(std::string_view bucket, std::string_view name,
                              std::string_view document);
    /// (bucket, document) of all that have one.
    Result<std::vector<std::pair<std::string, std::string>>> settings_named(std::string_view name);

    /// Keeps the bytes of objects that are removed from now on until what it gives is dropped: a
    /// copy of the index finds all that it names. May outlive this.
    std::shared_ptr<void> keep_removed_bytes();

    Result<BlobWriter> begin_blob();
    /// What finish() gave, but no object took.
    void drop(const Piece& piece);
    Outcome<ObjectVersion> put(NewObject object, const Cause& cause);
    /// The latest version where `version` is "". errors  is_marker
    Outcome<ObjectVersion> get(std::string_view bucket, std::string_view key,
                               std::string_view version, bool with_body);
    Outcome<Removal> remove_object(std::string_view bucket, std::string_view key,
                                   std::string_view version, const Condition& condition,
                                   const Cause& cause);
    Outcome<void> set_tags(const ObjectVersion& object, std::string_view tags, const Cause& cause);
    Outcome<void> set_attributes(const ObjectVersion& object, std::string_view attributes);
    Outcome<ListAnswer> list(const ListQuery& query);
    Outcome<ListAnswer> list_versions(const ListQuery& query);
    /// The body's bytes from `offset`, at most as many as asked for and one piece has.
    Result<Bytes> read(const Body& body, std::uint64_t offset, std::uint64_t count);
    Result<std::shared_ptr<object::ObjectReader>> open_blob(const Piece& piece);

    Outcome<Upload> begin_upload(Upload upload);
    Outcome<Upload> find_upload(std::string_view bucket, std::string_view key, std::string_view id);
    Outcome<void> put_part(const Upload& upload, Part part);
    Outcome<std::vector<Part>> parts(const Upload& upload, int after, std::size_t limit);
    /// By key, then by id. `after_id` goes on within `after`.
    Outcome<std::vector<Upload>> uploads(std::string_view bucket, std::string_view prefix,
                                         std::string_view after, std::string_view after_id,
                                         std::size_t limit);
    Outcome<void> abort_upload(const Upload& upload);
    /// The parts named become the object, without their bytes being copied. Doing it again gives
    /// the same object. `attributes_of` makes the object's from the parts chosen.
    using AttributesOf = std::function<Result<std::string>(const std::vector<Part>&)>;
    Outcome<ObjectVersion> complete_upload(const Upload& upload,
                                           const std::vector<CompletedPart>& parts,
                                           const Condition& condition,
                                           const AttributesOf& attributes_of, const Cause& cause);

    /// Another class for the version that was found, if it is still there. To an archive its bytes
    /// are moved by the next work_on_tiers(); from one nothing leads back but a copy.
    Outcome<void> transition(const ObjectVersion& object, std::string_view storage_class,
                             const Cause& cause);
    /// The bytes of an archived object become readable for so many days, some time later; true when
    /// they are readable already, and stay so for as long from now.
    /// errors  not_archived, is_coming_back
    Outcome<bool> restore(const ObjectVersion& object, int days, const Cause& cause);
    /// Moves what goes cold, copies what comes back, takes away copies whose time is over. Gives
    /// how many objects it was. One thread at a time.
    Result<std::size_t> work_on_tiers(const std::function<bool()>& stops);

private:
    Buckets(sql::WriteGroup& writes, object::ObjectStore& objects, object::ObjectStore& cold,
            const Clock& clock, IdSource& ids);
    Result<void> recover();
    void sweep(std::stop_token stop);
    Result<std::size_t> sweep_store(object::ObjectStore& store, std::stop_token stop);
    Result<BlobWriter> begin_blob_in(bool is_cold);
    object::ObjectStore& store_of(std::string_view blob);
    Result<Piece> copied(const ObjectVersion& object, bool to_cold);
    Result<void> go_cold(const ObjectVersion& object);
    Result<void> come_back(const ObjectVersion& object, std::int64_t days);
    Result<void> end_restore(const ObjectVersion& object);
    Result<std::vector<std::pair<ObjectVersion, std::int64_t>>> versions_where(
        const std::string& condition, const std::vector<sql::Value>& values);
    /// Runs the work in a write; a Refusal that it gives takes it back.
    Outcome<void> change(const std::function<Outcome<void>(sql::Connection&)>& work);
    Outcome<void> put_in(sql::Connection& connection, NewObject& object, ObjectVersion& made,
                         const Cause& cause, std::vector<std::string>& dropped);
    Outcome<Removal> remove_in(sql::Connection& connection, const Bucket& bucket,
                               std::string_view key, std::string_view version,
                               const Condition& condition, const Cause& cause,
                               std::vector<std::string>& dropped);
    Result<void> tell(sql::Connection& connection, const ObjectChange& change);
    void drop_blobs(const std::vector<std::string>& blobs);
    /// Who keeps removed bytes, and which.
    struct Kept {
        std::mutex mutex;
        Buckets* buckets = nullptr;  ///< null once they are gone
        int holders = 0;
        std::vector<std::string> blobs;
    };
    void remove_blobs(const std::vector<std::string>& blobs);
    std::int64_t next_sequence();

    sql::WriteGroup& writes_;
    object::ObjectStore& objects_;
    object::ObjectStore& cold_;
    const Clock& clock_;
    IdSource& ids_;
    sql::ConnectionPool pool_;
    Listener listener_;
    std::atomic<std::int64_t> sequence_{0};
    std::atomic<bool> left_something_{false};  ///< for the next start to remove
    const std::shared_ptr<Kept> kept_ = std::make_shared<Kept>();
    std::mutex begun_mutex_;
    bool is_sweeping_ = false;
    std::set<std::string, std::less<>> begun_;  ///< blobs of this process, while it sweeps
    std::jthread sweeper_;
};

/// 3 to 63 lower-case letters, digits, dots and dashes, as AWS asks.
bool is_bucket_name(std::string_view name);

}  // namespace stroma::bucket
