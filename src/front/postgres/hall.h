#pragma once

#include <atomic>
#include <condition_variable>
#include <list>
#include <map>
#include <mutex>
#include <string>
#include <thread>

#include "front/postgres/channel.h"
#include "front/postgres/server.h"

// What the connections of one server share. Private to this folder.

namespace stroma::front::postgres {

/// One connection as others see it: it can be cancelled, looked after and hung up on.
struct Visitor {
    Visitor(int descriptor, std::chrono::milliseconds patience) : channel(descriptor, patience) {}

    Channel channel;
    std::string peer;  ///< address
    bool is_local = false;
    std::int32_t process = 0;
    std::string secret;  ///< four bytes that a cancel request must know
    std::mutex mutex;    ///< of `session`, which its own thread uses without it
    redshift::Session* session = nullptr;
    std::atomic<bool> busy{false};
    std::atomic<bool> is_ended{false};  ///< by another session
};

class Hall {
public:
    Hall(ServerOptions the_options, FindUser the_find_user, Connect the_connect, IdSource& the_ids)
        : options(std::move(the_options)),
          find_user(std::move(the_find_user)),
          connect(std::move(the_connect)),
          ids(the_ids),
          salt_secret(the_ids.secret(32)) {}

    /// Gives the visitor a number and a secret, and has others find it while the list holds it.
    void admit(const std::shared_ptr<Visitor>& visitor);
    void dismiss(const Visitor& visitor);
    std::size_t count();
    /// Cancels what that session runs, if the secret is its own.
    void cancel(std::uint32_t process, std::string_view secret);
    std::vector<std::shared_ptr<Visitor>> visitors();
    /// Waits until nobody is left; false when that took too long.
    bool wait_until_empty(std::chrono::milliseconds longest);

    const ServerOptions options;
    const FindUser find_user;
    const Connect connect;
    IdSource& ids;
    const std::string salt_secret;  ///< so that a user's salt tells nothing, and stays the same
    std::unique_ptr<Tls> tls;
    std::atomic<bool> closing{false};

private:
    std::mutex mutex_;
    std::condition_variable left_;
    std::map<std::int32_t, std::shared_ptr<Visitor>> visitors_;
    std::int32_t last_process_ = 1000;
};

/// Ends what a visitor's session runs now.
void cancel_session(Visitor& visitor);

}  // namespace stroma::front::postgres
