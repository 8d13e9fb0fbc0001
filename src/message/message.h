#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include "base/context.h"

namespace stroma::message {

struct QueueRuntime;

/// A value that goes beside a message's body: "String", "Number" or "Binary", with a label of the
/// sender's behind a dot ("Number.int").
struct MessageAttribute {
    std::string name;
    std::string type;
    std::string value;  ///< of Binary the bytes
    bool is_binary() const { return type.starts_with("Binary"); }
};

/// The attributes in the order and layout over which their MD5 is taken: by name; of each its name
/// and type with their lengths, a byte that says text (1) or binary (2), and the value.
std::string laid_out(std::vector<MessageAttribute> attributes);
/// laid_out backwards; what is cut short ends the list.
std::vector<MessageAttribute> attributes_of(std::string_view laid_out);

struct NewMessage {
    std::string body;
    std::vector<MessageAttribute> attributes;
    std::string group;          ///< "" is none; an ordered queue needs one
    std::string deduplication;  ///< "" lets a queue that may take the body's hash do so
    std::string sender;         ///< whoever sent it
    std::string trace;          ///< the AWSTraceHeader
    std::optional<Milliseconds> delay;
    std::string origin;  ///< ARN of the queue that it died in; "" is none
};

struct Sent {
    std::string id;
    std::string sequence;  ///< twenty digits, rising; "" where the queue has no order
};

struct Received {
    std::string id;
    std::string receipt;  ///< names this delivery
    std::string body;
    std::string attributes;  ///< laid_out
    std::string group, deduplication, sender, trace;
    std::string origin;    ///< ARN of the queue that it died in; "" is none
    std::string sequence;  ///< "" where the queue has no order
    int receive_count = 0;
    std::int64_t sent_ms = 0, first_received_ms = 0;
};

/// Where messages go that were received too often.
struct Redrive {
    std::string queue;  ///< its name
    int receives_max = 0;
};

/// What a queue does, read from its attributes.
struct QueueBehaviour {
    Milliseconds visibility{30'000};
    Milliseconds delay{0};
    Milliseconds wait{0};
    Milliseconds retention{345'600'000};
    std::size_t body_bytes_max = 1u << 20;
    bool is_ordered = false;
    bool deduplicates_by_content = false;
    bool deduplicates_in_group = false;
    std::optional<Redrive> redrive;
};

using TextMap = std::map<std::string, std::string>;

/// One queue as it is now; never changed, replaced by the next.
struct Queue {
    std::int64_t number = 0;
    std::string name, region, owner;
    std::string arn;
    TextMap given;       ///< the attributes that were set
    TextMap attributes;  ///< the same, with the defaults of the others
    TextMap tags;
    std::int64_t created_ms = 0, modified_ms = 0;
    QueueBehaviour behaviour;
    std::shared_ptr<QueueRuntime> runtime;  ///< the domain's own
};
using QueuePointer = std::shared_ptr<const Queue>;

struct QueueCounts {
    std::int64_t visible = 0, in_flight = 0, delayed = 0;
    std::int64_t oldest_age_ms = 0;
};

/// Since the process started. Dead letters are those that left the queue.
struct QueueTraffic {
    std::uint64_t sent = 0, received = 0, dead_lettered = 0;
};

struct ReceiveOptions {
    int most = 1;
    Milliseconds wait{0};
    std::optional<Milliseconds> visibility;
    std::stop_token left;  ///< ends the wait
};

struct VisibilityChange {
    std::string receipt;
    Milliseconds visibility{0};
};

/// Messages on their way from a queue of dead letters back, or elsewhere.
struct MoveTask {
    std::string id;
    std::string source;       ///< ARN
    std::string destination;  ///< ARN; "" is where each message had died
    std::int64_t rate = 0;    ///< messages a second; 0 has no limit
    std::int64_t to_move = 0, moved = 0;
    std::string state;   ///< RUNNING COMPLETED CANCELLING CANCELLED FAILED
    std::string reason;  ///< why it failed
    std::int64_t started_ms = 0;
};

}  // namespace stroma::message
