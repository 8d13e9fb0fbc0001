#pragma once

#include <functional>
#include <memory>
#include <mutex>
#include <shared_mutex>
#include <span>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "base/context.h"
#include "base/file.h"
#include "delivery/batch.h"
#include "delivery/delivery_state.h"
#include "stream/streams.h"

namespace stroma::delivery {

/// Where objects go.
class ObjectSink {
public:
    virtual ~ObjectSink() = default;
    /// Puts the object unless one of that key is there, which then is the same one. It has
    /// reached the disk. errors  not_found  no such bucket
    virtual Result<void> put_if_absent(const MadeObject& object) = 0;
};

/// A request to an HTTP endpoint.
struct EndpointCall {
    std::string url, body;
    std::vector<std::pair<std::string, std::string>> headers;
};

/// That a table takes a batch of objects, once however often it is asked.
struct WarehouseCopy {
    std::string owner;            ///< id of the principal whose delivery it is
    std::string delivery, batch;  ///< together they tell it from all others
    WarehouseTable table;
    std::string manifest;  ///< s3:// address
    bool gzip = false;
};

struct DeliveriesOptions {
    fs::path folder;
    std::string account, region;  ///< of ARNs that transforms are told
    BatchTools tools;
    /// Gives the body of a good answer. Without it there are no HTTP endpoints.
    std::function<Result<std::string>(const EndpointCall& call)> post = {};
    /// Encrypts destinations on disk: they hold keys and passwords. Without it they lie there
    /// plain.
    TextSealer* sealer = nullptr;
};

struct DeliveryStats {
    std::uint64_t delivered = 0, refused = 0, dropped = 0, objects = 0, failures = 0;
    std::uint64_t waiting = 0;   ///< records that have come and aren't delivered
    std::int64_t oldest_ms = 0;  ///< arrival of the oldest of them; 0 for none
    std::string last_error;      ///< "" once it went well again
};

/// Who delivers passes the gate and holds `going_on` shared; who wants none to holds both.
struct Turns {
    std::mutex gate;
    std::shared_mutex going_on;
};

/// All deliveries of the site; each works on a thread of its own between start() and stop().
/// Any thread.
class Deliveries {
public:
    static Result<std::unique_ptr<Deliveries>> open(DeliveriesOptions options,
                                                    stream::OpenLog open_log,
                                                    stream::Streams& streams, ObjectSink& sink,
                                                    const Clock& clock, IdSource& ids);
    ~Deliveries();
    void start();
    void stop();

    /// Name, source and config are the caller's. A stream is delivered from its newest record on.
    /// errors  already_exists; invalid_input  the config, in words for the client
    ///         not_found  the stream
    Result<void> create(DeliveryState wanted);
    Result<void> remove(std::string_view name);
    std::vector<std::string> names();
    Result<DeliveryState> find(std::string_view name);
    Result<DeliveryStats> stats(std::string_view name);
    /// Batches that are planned from now on go there. conflict unless it has that version now.
    Result<void> update(std::string_view name, int version, const std::string& config);
    Result<void> change_tags(std::string_view name,
                             const std::function<void(std::map<std::string, std::string>&)>& edit);
    /// The records have reached the disk. Gives the first one's number; the others follow it.
    /// errors  not_found; unsupported  it delivers a stream
    Result<std::uint64_t> put(std::string_view name, std::span<const std::string> records);

    /// Who copies into tables; before start(). Until then what goes to tables waits.
    void copy_by(std::function<Result<void>(const WarehouseCopy& copy)> copy);

    /// Calls `work` while nothing is delivered: no object is put and no cursor moves. Records may
    /// be put meanwhile. Waits for objects that are being put.
    Result<void> while_paused(const std::function<Result<void>()>& work);
    /// Copies every delivery, as it is now, into that folder, from which `open` goes on. Only
    /// while paused.
    Result<void> copy_to(const fs::path& folder);

private:
    class Worker;
    Deliveries(DeliveriesOptions options, stream::OpenLog open_log, stream::Streams& streams,
               ObjectSink& sink, const Clock& clock, IdSource& ids);
    Result<void> load();
    Result<std::shared_ptr<Worker>> opened(std::string_view name);
    Result<std::shared_ptr<Worker>> open_worker(const fs::path& folder, DeliveryState state);

    const DeliveriesOptions options_;
    std::function<Result<void>(const WarehouseCopy& copy)> copy_;
    const stream::OpenLog open_log_;
    stream::Streams& streams_;
    ObjectSink& sink_;
    const Clock& clock_;
    IdSource& ids_;
    bool started_ = false;
    Turns turns_;
    std::shared_mutex mutex_;
    std::map<std::string, std::shared_ptr<Worker>, std::less<>> workers_;
};

}  // namespace stroma::delivery
