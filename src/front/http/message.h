#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/bytes.h"
#include "base/file.h"
#include "base/result.h"
#include "catalog/principal.h"

namespace stroma::front::http {

/// Reads a request's body piece by piece as it arrives. Used by the handler's thread.
class BodyReader {
public:
    virtual ~BodyReader() = default;
    /// The next bytes; empty at the end. errors  exhausted (body limit), cancelled (client left)
    virtual Result<Bytes> read() = 0;
};

struct Request {
    std::string id;      ///< of this request, in logs and in the X-Request-Id answer header
    std::string method;  ///< "GET"
    std::string path;    ///< percent-decoded, "/v1/matrix/abc"
    std::string target;  ///< as it came, with the query
    std::vector<std::pair<std::string, std::string>> query;    ///< decoded, in order
    std::vector<std::pair<std::string, std::string>> headers;  ///< names in lower case
    std::map<std::string, std::string> parameters;             ///< from the route's {names}
    std::string client;                                        ///< address of the peer
    bool secure = false;                                       ///< it came over TLS
    catalog::Principal principal;
    BodyReader* body = nullptr;
    std::stop_token left;  ///< asked to stop when the client is gone or the server ends

    std::optional<std::string> header(std::string_view lower_case_name) const;
    std::optional<std::string> query_value(std::string_view name) const;
    /// The whole body as text; exhausted past bytes_max.
    Result<std::string> text_body(std::uint64_t bytes_max = 8u << 20) const;
};

/// Writes a streamed answer. write() blocks while the client is slow. cancelled: the client left.
class BodyWriter {
public:
    virtual ~BodyWriter() = default;
    virtual Result<void> write(ByteSpan bytes) = 0;
    /// A header that is sent behind the body, where the client's HTTP has such; the answer's head
    /// names it in "Trailer".
    virtual void trailer(std::string_view name, std::string_view value) = 0;
};

struct Response {
    int status = 200;
    std::vector<std::pair<std::string, std::string>> headers;
    std::string body;
    /// Instead of `body`: called on the handler's thread after the head was sent (chunked).
    std::function<Result<void>(BodyWriter&)> stream;
    /// Of `stream`: how many bytes it will write, where that is known; then they aren't chunked.
    /// Without a stream it is the length that the answer to a HEAD tells.
    std::optional<std::uint64_t> length;
    /// Instead of `body`: a file's bytes; the server answers ranges, ETag and If-* by itself.
    struct FileBody {
        std::shared_ptr<const File> file;
        std::uint64_t size_bytes = 0;
        std::string etag;  ///< without quotes
    };
    /// Instead of `body`: these bytes of a descriptor, as they are.
    struct PieceBody {
        std::shared_ptr<const void> keeps_open;
        int descriptor = -1;
        std::uint64_t offset = 0, count = 0;
    };
    std::optional<PieceBody> piece;
    std::optional<FileBody> file;
    /// A stream that only ends when its watcher leaves: it is asked to stop when a drain begins,
    /// other answers only when the drain is over.
    bool endless = false;

    /// The value of a header, by its name in any case; empty when it isn't there.
    std::string_view header(std::string_view name) const;
};

Response text_response(int status, std::string text, std::string_view content_type = "text/plain");
Response json_response(int status, std::string json);

}  // namespace stroma::front::http
