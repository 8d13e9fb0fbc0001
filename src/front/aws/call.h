#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <nlohmann/json_fwd.hpp>
#include <stop_token>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/base64.h"
#include "base/result.h"
#include "catalog/principal.h"

namespace stroma::front::http {
class BodyWriter;
}

namespace stroma::front::aws {

using Json = nlohmann::ordered_json;

/// How the client wrote its request, and so how it reads the answer.
enum class Wire { json_1_0, json_1_1, cbor_1_1, query };

/// A refusal in the client's words.
struct Fault {
    std::string type;     ///< "ResourceNotFoundException"
    std::string message;  ///< "" gives none
    int status = 400;
    /// What older clients know the type as ("AWS.SimpleQueueService.NonExistentQueue"); "" when
    /// they have no other name for it. Sent as x-amzn-query-error, and as the query protocol's
    /// Code.
    std::string legacy_type = {};
    /// Put before the type in "__type" ("com.amazonaws.sqs#"); seldom needed.
    std::string type_namespace = {};
    /// Of S3: what stands beside the code, in order ({"ArgumentName", "partNumber"}).
    std::vector<std::pair<std::string, std::string>> details = {};
};

template <class T>
using Outcome = tl::expected<T, Fault>;

inline tl::unexpected<Fault> refuse(std::string type, std::string message, int status = 400) {
    return tl::unexpected<Fault>(Fault{std::move(type), std::move(message), status});
}
inline tl::unexpected<Fault> refuse(Fault fault) { return tl::unexpected<Fault>(std::move(fault)); }
/// What a domain's error is when the service has no better word: InternalFailure with status 500,
/// ServiceUnavailable with 503, AccessDeniedException.
tl::unexpected<Fault> refuse(const Error& error);

/// One request whose sender is known and which has arrived whole. On a thread that may block.
struct Call {
    std::string operation;  ///< "PutRecords"
    Wire wire = Wire::json_1_1;
    std::string path;       ///< decoded; "/" but for a queue's address
    std::string_view body;  ///< as it came
    /// The query protocol's members in order, decoded; without Action and Version.
    std::vector<std::pair<std::string, std::string>> form;
    std::string region, account;  ///< "us-east-1", "000000000000"
    std::string scheme, host;     ///< "http", and the Host header: what answers name us as
    std::string client;           ///< address of the peer
    std::string trace;            ///< X-Amzn-Trace-Id; "" when there is none
    std::string request_id;
    catalog::Principal principal;
    std::stop_token left;  ///< the client is gone, or the server ends: long waits end

    bool is_json() const { return wire == Wire::json_1_0 || wire == Wire::json_1_1; }
    /// "http://127.0.0.1:4566"
    std::string endpoint() const { return scheme + "://" + host; }

    /// The body's members as one object (an empty body of JSON 1.0 is {}). Blobs are base64 text on
    /// JSON wires, binary values on CBOR. Of the query wire, "A.1.B=x" becomes {"A": [{"B": "x"}]}
    /// ("A.member.1", "A.entry.1" likewise), every value text.
    /// errors  SerializationException
    Outcome<Json> parameters() const;
};

/// One of these is set; none is an empty answer ({} on JSON, no bytes where `no_content`).
struct Reply {
    std::string json;  ///< ready JSON text: the fast way, for the JSON wires only
    /// Any wire but query. On CBOR, binary values go out raw. Null for none.
    /// (shared_ptr, because this header only knows the name of Json)
    std::shared_ptr<const Json> members = {};
    std::string cbor = {};  ///< ready CBOR: the fast way
    /// Query: what stands within <OperationResult>, escaped by the service; the rest is put around.
    std::string xml = {};
    /// Instead of an answer of one piece: writes it as it comes, until `Call::left`.
    std::function<Result<void>(http::BodyWriter&)> stream = {};
    std::string content_type = {};  ///< "" is what the wire says
    std::vector<std::pair<std::string, std::string>> headers = {};
    bool no_content = false;
};
/// A reply of these members.
Reply reply(Json members);

/// A blob in a reply, or out of parameters(): base64 text on JSON, binary on CBOR.
Json blob(Wire wire, std::string_view bytes);
/// nothing when the value is neither base64 nor binary.
Outcome<std::string> blob_bytes(const Json& value);
/// A time in a reply: seconds with a fraction on JSON, integer milliseconds on CBOR.
Json timestamp(Wire wire, std::int64_t unix_ms);

/// Text inside XML.
std::string xml_escape(std::string_view text);
using stroma::base64;
using stroma::base64_decode;

/// One AWS service behind the port. Called by many threads at once. A call may block (a long poll
/// waits on `Call::left`); the port has 256 threads for calls.
class Service {
public:
    virtual ~Service() = default;
    /// As in the signature's scope and in metrics: "kinesis", "sqs", "events", "firehose".
    virtual std::string_view name() const = 0;
    /// Of X-Amz-Target, before the dot: "Kinesis_20131202". "" when it has only the query protocol.
    virtual std::string_view target_prefix() const = 0;
    /// Of the query protocol: "2012-11-05" and the namespace of its answers. "" when it has none.
    virtual std::string_view query_version() const { return {}; }
    virtual std::string_view xml_namespace() const { return {}; }
    virtual std::uint64_t body_bytes_max() const { return 16u << 20; }
    /// Unknown operations are the service's to refuse: UnknownOperationException.
    virtual Outcome<Reply> call(Call& call) = 0;
};

}  // namespace stroma::front::aws
