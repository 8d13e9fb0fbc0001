#pragma once

#include <condition_variable>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "front/http/message.h"

namespace stroma::front::http {

/// One request and its answer between the two threads that work on them: the handler's, which
/// may block, and the connection's, which must not. Bytes cross in bounded buffers, so a slow
/// client slows the handler, and the other way round.
class Exchange final : public BodyReader, public BodyWriter {
public:
    static constexpr std::size_t output_bytes_max = 256u << 10;
    /// What came of a body before the handler asked for it.
    static constexpr std::size_t input_bytes_max = 1u << 20;

    /// `wake` tells the connection's thread to call take(); it may be called on any thread.
    Exchange(Request incoming, std::function<void()> wake);

    Request request;

    // The handler's side
    Result<Bytes> read() override;
    Result<void> write(ByteSpan bytes) override;
    void trailer(std::string_view name, std::string_view value) override;
    /// The handler is done: head and body, or head and a stream that runs or is about to. What the
    /// stream writes stays here until the head has been taken.
    void answer(Response response);
    /// The stream ran to its end, or failed: then the connection is cut, so that nobody takes
    /// half an answer for a whole one.
    void end_stream(bool whole);

    // The connection's side
    struct Wanted {
        bool body = false;                 ///< the handler waits for bytes of the body
        std::optional<Response> response;  ///< once
        std::string output;                ///< of the stream
        std::vector<std::pair<std::string, std::string>> trailers;  ///< once it ended
        bool ended = false, failed = false;                         ///< of the stream
        bool nothing() const { return !body && !response && output.empty() && !ended && !failed; }
    };
    Wanted take();
    /// Bytes for the handler; `last` when none come after them.
    void give_body(Bytes bytes, bool last);
    void fail_body(Error error);
    /// The handler works and would take more of the body soon.
    bool has_room() const;
    /// The client left, or the server ends.
    void abandon();
    void ask_to_stop() { stop_.request_stop(); }

private:
    /// Lets the lock go, and wakes the connection unless that is done already.
    void wake_after(std::unique_lock<std::mutex>& lock);
    mutable std::mutex mutex_;
    std::condition_variable changed_;
    std::function<void()> wake_;
    std::stop_source stop_;
    bool woken_ = false, gone_ = false;
    std::deque<Bytes> input_;
    std::size_t input_bytes_ = 0;
    bool input_wanted_ = false, input_ended_ = false;
    std::optional<Error> input_error_;
    std::optional<Response> response_;
    bool answered_ = false;
    std::string output_;
    std::vector<std::pair<std::string, std::string>> trailers_;
    bool ended_ = false, failed_ = false;
};

}  // namespace stroma::front::http
