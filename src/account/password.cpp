#include "account/password.h"

#include <fmt/format.h>
#include <sodium.h>

#include <algorithm>
#include <cassert>
#include <condition_variable>
#include <mutex>

namespace stroma::account {
namespace {

constexpr unsigned long long passes = 2;
constexpr std::size_t memory_bytes = 64u << 20;
constexpr int at_once_max = 2;
constexpr int waiting_max = 8;

/// A place at the table: two hash at once, a few wait, the rest is sent away.
class Turn {
public:
    static Result<Turn> take() {
        std::unique_lock lock(mutex_);
        if (running_ >= at_once_max && waiting_ >= waiting_max)
            return fail(ErrorCode::exhausted, "too many sign-ins at once; try again soon");
        ++waiting_;
        left_.wait(lock, [] { return running_ < at_once_max; });
        --waiting_;
        ++running_;
        return Turn();
    }
    Turn(Turn&& other) noexcept : held_(std::exchange(other.held_, false)) {}
    ~Turn() {
        if (!held_) return;
        {
            const std::lock_guard lock(mutex_);
            --running_;
        }
        left_.notify_one();
    }

private:
    Turn() = default;
    bool held_ = true;
    static inline std::mutex mutex_;
    static inline std::condition_variable left_;
    static inline int running_ = 0, waiting_ = 0;
};

void start_sodium() {
    static const int started = sodium_init();
    assert(started >= 0 && "libsodium can't start");
}

Result<std::string> hashed(std::string_view password) {
    char hash[crypto_pwhash_STRBYTES];
    if (crypto_pwhash_str(hash, password.data(), password.size(), passes, memory_bytes) != 0)
        return fail(ErrorCode::exhausted, "no memory to hash a password; try again soon");
    return std::string(hash);
}

}  // namespace

Result<std::string> hash_password(std::string_view password) {
    start_sodium();
    const Turn turn = TRY(Turn::take());
    return hashed(password);
}

Result<bool> is_password(std::string_view hash, std::string_view password) {
    start_sodium();
    const Turn turn = TRY(Turn::take());
    if (hash.empty()) {
        TRY(hashed(password));
        return false;
    }
    return crypto_pwhash_str_verify(std::string(hash).c_str(), password.data(), password.size()) ==
           0;
}

bool is_weaker_hash(const std::string& hash) {
    start_sodium();
    return crypto_pwhash_str_needs_rehash(hash.c_str(), passes, memory_bytes) != 0;
}

Result<void> check_password(std::string_view password, std::string_view name,
                            std::string_view email) {
    const auto refuse = [](std::string what) {
        return fail(ErrorCode::invalid_input, std::move(what));
    };
    if (password.size() < password_bytes_min || password.size() > password_bytes_max)
        return refuse(
            fmt::format("a password has {} to {} bytes", password_bytes_min, password_bytes_max));
    if (std::any_of(password.begin(), password.end(),
                    [](unsigned char c) { return c < 0x20 || c == 0x7f; }))
        return refuse("a password has no control characters");
    if (password == name || password == email)
        return refuse("the password must not be the user's own name or address");
    if (password.find_first_not_of(password.front()) == password.npos)
        return refuse("the password must not be one character over and over");
    return {};
}

}  // namespace stroma::account
