#include "front/http/exchange.h"

#include <algorithm>
#include <utility>

namespace stroma::front::http {
namespace {

/// Pieces of a body up to this are handed on together.
constexpr std::size_t joined_bytes_max = 256u << 10;

}  // namespace

Exchange::Exchange(Request incoming, std::function<void()> wake)
    : request(std::move(incoming)), wake_(std::move(wake)) {
    request.body = this;
    request.left = stop_.get_token();
}

void Exchange::wake_after(std::unique_lock<std::mutex>& lock) {
    const bool wakes = !woken_ && !gone_;
    woken_ = woken_ || wakes;
    lock.unlock();
    // Who is woken while the lock is held has to go to sleep again.
    if (wakes) wake_();
}

Result<Bytes> Exchange::read() {
    std::unique_lock lock(mutex_);
    if (input_.empty() && !input_ended_ && !input_error_ && !gone_) {
        input_wanted_ = true;
        wake_after(lock);
        lock.lock();
        changed_.wait(lock,
                      [&] { return !input_.empty() || input_ended_ || input_error_ || gone_; });
    }
    if (input_error_) return fail(*input_error_);
    if (gone_ && input_.empty() && !input_ended_)
        return fail(ErrorCode::cancelled, "the client left before the whole body had arrived");
    if (input_.empty()) return Bytes();
    Bytes piece = std::move(input_.front());
    input_.pop_front();
    const std::size_t before = std::exchange(input_bytes_, input_bytes_ - piece.size());
    constexpr std::size_t low = input_bytes_max / 2;
    // Its thread reads on while we work on this.
    if (before > low && input_bytes_ <= low && !input_ended_) wake_after(lock);
    return piece;
}

Result<void> Exchange::write(ByteSpan bytes) {
    while (!bytes.empty()) {
        std::unique_lock lock(mutex_);
        changed_.wait(lock, [&] { return gone_ || output_.size() < output_bytes_max; });
        if (gone_) return fail(ErrorCode::cancelled, "the client left");
        const std::size_t count = std::min(bytes.size(), output_bytes_max - output_.size());
        output_ += as_text(bytes.first(count));
        bytes = bytes.subspan(count);
        wake_after(lock);
    }
    const std::lock_guard lock(mutex_);
    if (gone_) return fail(ErrorCode::cancelled, "the client left");
    return {};
}

void Exchange::trailer(std::string_view name, std::string_view value) {
    const std::lock_guard lock(mutex_);
    trailers_.emplace_back(name, value);
}

void Exchange::answer(Response response) {
    std::unique_lock lock(mutex_);
    response_ = std::move(response);
    answered_ = true;
    wake_after(lock);
}

void Exchange::end_stream(bool whole) {
    std::unique_lock lock(mutex_);
    (whole ? ended_ : failed_) = true;
    wake_after(lock);
}

Exchange::Wanted Exchange::take() {
    Wanted wanted;
    {
        const std::lock_guard lock(mutex_);
        woken_ = false;
        wanted.body = std::exchange(input_wanted_, false);
        wanted.response = std::exchange(response_, std::nullopt);
        if (answered_ && !wanted.response) {
            wanted.output.swap(output_);
            wanted.ended = ended_;
            wanted.failed = failed_;
            if (ended_) wanted.trailers = trailers_;
        }
    }
    if (!wanted.output.empty()) changed_.notify_all();
    return wanted;
}

void Exchange::give_body(Bytes bytes, bool last) {
    {
        const std::lock_guard lock(mutex_);
        input_bytes_ += bytes.size();
        if (!input_.empty() && input_.back().size() + bytes.size() <= joined_bytes_max)
            input_.back().insert(input_.back().end(), bytes.begin(), bytes.end());
        else if (!bytes.empty())
            input_.push_back(std::move(bytes));
        input_ended_ = last;
    }
    changed_.notify_all();
}

bool Exchange::has_room() const {
    const std::lock_guard lock(mutex_);
    return !answered_ && !gone_ && !input_ended_ && !input_error_ && input_bytes_ < input_bytes_max;
}

void Exchange::fail_body(Error error) {
    {
        const std::lock_guard lock(mutex_);
        input_error_ = std::move(error);
    }
    changed_.notify_all();
}

void Exchange::abandon() {
    {
        const std::lock_guard lock(mutex_);
        gone_ = true;
    }
    stop_.request_stop();
    changed_.notify_all();
}

}  // namespace stroma::front::http
