#include "front/postgres/channel.h"

#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

namespace stroma::front::postgres {
namespace {

constexpr std::size_t read_bytes = 64u << 10;

tl::unexpected<Error> client_gone() {
    return fail(ErrorCode::unavailable, "the client closed the connection");
}

template <class T, void (*release)(T*)>
struct Release {
    void operator()(T* thing) const { release(thing); }
};
using Bio = std::unique_ptr<BIO, Release<BIO, BIO_free_all>>;
using X509Pointer = std::unique_ptr<X509, Release<X509, X509_free>>;
using KeyPointer = std::unique_ptr<EVP_PKEY, Release<EVP_PKEY, EVP_PKEY_free>>;

Bio bio_of(const std::string& text) {
    return Bio(BIO_new_mem_buf(text.data(), static_cast<int>(text.size())));
}

/// The certificate's hash by its own signature's algorithm, SHA-256 where that is weaker.
std::string hash_of(X509* certificate) {
    int digest = NID_sha256;
    int algorithm = 0;
    if (OBJ_find_sigid_algs(X509_get_signature_nid(certificate), &algorithm, nullptr) == 1 &&
        algorithm != NID_undef && algorithm != NID_md5 && algorithm != NID_sha1)
        digest = algorithm;
    const EVP_MD* const kind = EVP_get_digestbynid(digest);
    unsigned char bytes[EVP_MAX_MD_SIZE];
    unsigned size = 0;
    if (X509_digest(certificate, kind != nullptr ? kind : EVP_sha256(), bytes, &size) != 1)
        return "";
    return {reinterpret_cast<const char*>(bytes), size};
}

int choose_postgres(SSL*, const unsigned char** chosen, unsigned char* size,
                    const unsigned char* offered, unsigned offered_size, void*) {
    static constexpr unsigned char ours[] = "\x0apostgresql";
    const int found = SSL_select_next_proto(const_cast<unsigned char**>(chosen), size, ours,
                                            sizeof ours - 1, offered, offered_size);
    return found == OPENSSL_NPN_NEGOTIATED ? SSL_TLSEXT_ERR_OK : SSL_TLSEXT_ERR_ALERT_FATAL;
}

}  // namespace

struct Tls::State {
    std::unique_ptr<SSL_CTX, Release<SSL_CTX, SSL_CTX_free>> context;
    std::string certificate_hash;
};

struct Channel::Session {
    std::unique_ptr<SSL, Release<SSL, SSL_free>> ssl;
};

Tls::Tls(std::unique_ptr<State> state) : state_(std::move(state)) {}
Tls::~Tls() = default;
const std::string& Tls::certificate_hash() const { return state_->certificate_hash; }

Result<std::unique_ptr<Tls>> Tls::make(const std::string& certificate, const std::string& key) {
    auto state = std::make_unique<State>();
    state->context.reset(SSL_CTX_new(TLS_server_method()));
    SSL_CTX* const context = state->context.get();
    const Bio certificates = bio_of(certificate), keys = bio_of(key);
    const X509Pointer own(PEM_read_bio_X509(certificates.get(), nullptr, nullptr, nullptr));
    if (!own || SSL_CTX_use_certificate(context, own.get()) != 1)
        return fail(ErrorCode::invalid_input, "the TLS certificate is no PEM that can be used");
    while (X509* const issuer = PEM_read_bio_X509(certificates.get(), nullptr, nullptr, nullptr))
        SSL_CTX_add_extra_chain_cert(context, issuer);
    ERR_clear_error();
    const KeyPointer own_key(PEM_read_bio_PrivateKey(keys.get(), nullptr, nullptr, nullptr));
    if (!own_key || SSL_CTX_use_PrivateKey(context, own_key.get()) != 1)
        return fail(ErrorCode::invalid_input, "the TLS key is no PEM, or not the certificate's");
    SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION);
    SSL_CTX_set_mode(context, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
    SSL_CTX_set_alpn_select_cb(context, choose_postgres, nullptr);
    state->certificate_hash = hash_of(own.get());
    return std::unique_ptr<Tls>(new Tls(std::move(state)));
}

Channel::Channel(int descriptor, std::chrono::milliseconds patience)
    : descriptor_(descriptor), patience_(patience) {
    ::fcntl(descriptor_, F_SETFL, ::fcntl(descriptor_, F_GETFL) | O_NONBLOCK);
    const int on = 1;
    ::setsockopt(descriptor_, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    ::setsockopt(descriptor_, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof on);
}
Channel::~Channel() {
    if (session_) SSL_shutdown(session_->ssl.get());
    session_.reset();
    ::close(descriptor_);
}
void Channel::hang_up() { ::shutdown(descriptor_, SHUT_RDWR); }
void Channel::stop_reading() { ::shutdown(descriptor_, SHUT_RD); }
bool Channel::is_gone() const {
    pollfd asked{descriptor_, POLLRDHUP, 0};
    return ::poll(&asked, 1, 0) > 0;
}

Result<void> Channel::wait(bool to_read) {
    pollfd asked{descriptor_, static_cast<short>(to_read ? POLLIN : POLLOUT), 0};
    const auto until = std::min(std::chrono::steady_clock::now() + patience_, deadline_);
    for (;;) {
        const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(
            until - std::chrono::steady_clock::now());
        const int found = ::poll(&asked, 1,
                                 static_cast<int>(std::max<std::int64_t>(
                                     0, std::min<std::int64_t>(left.count(), 1 << 30))));
        if (found > 0) return {};
        if (found == 0) return fail(ErrorCode::exhausted, "the client was silent for too long");
        if (errno != EINTR) return client_gone();
    }
}

Result<std::size_t> Channel::read_some(char* into, std::size_t size) {
    for (;;) {
        if (session_) {
            std::size_t count = 0;
            ERR_clear_error();
            const int done = SSL_read_ex(session_->ssl.get(), into, size, &count);
            if (done == 1) return count;
            const int why = SSL_get_error(session_->ssl.get(), done);
            if (why != SSL_ERROR_WANT_READ && why != SSL_ERROR_WANT_WRITE) return client_gone();
            TRY(wait(why == SSL_ERROR_WANT_READ));
            continue;
        }
        const ssize_t count = ::recv(descriptor_, into, size, 0);
        if (count > 0) return static_cast<std::size_t>(count);
        if (count == 0) return client_gone();
        if (errno == EINTR) continue;
        if (errno != EAGAIN && errno != EWOULDBLOCK) return client_gone();
        TRY(wait(true));
    }
}

Result<unsigned char> Channel::first_byte() {
    unsigned char byte = 0;
    for (;;) {
        const ssize_t count = ::recv(descriptor_, &byte, 1, MSG_PEEK);
        if (count == 1) return byte;
        if (count == 0 || (errno != EAGAIN && errno != EWOULDBLOCK && errno != EINTR))
            return client_gone();
        TRY(wait(true));
    }
}

Result<std::string_view> Channel::read(std::size_t size) {
    if (place_ > 0 && input_.size() - place_ < size) {
        input_.erase(0, place_);
        place_ = 0;
    }
    while (input_.size() - place_ < size) {
        const std::size_t before = input_.size();
        // Grows as bytes come, not by what a message says of itself.
        input_.resize(before + std::max(read_bytes, std::min(before, size)));
        const auto count = read_some(input_.data() + before, input_.size() - before);
        input_.resize(before + count.value_or(0));
        if (!count) return fail(count.error());
    }
    place_ += size;
    return std::string_view(input_).substr(place_ - size, size);
}

Result<std::size_t> Channel::write_some(std::string_view bytes) {
    for (;;) {
        if (session_) {
            std::size_t count = 0;
            ERR_clear_error();
            const int done = SSL_write_ex(session_->ssl.get(), bytes.data(), bytes.size(), &count);
            if (done == 1) return count;
            const int why = SSL_get_error(session_->ssl.get(), done);
            if (why != SSL_ERROR_WANT_READ && why != SSL_ERROR_WANT_WRITE) return client_gone();
            TRY(wait(why == SSL_ERROR_WANT_READ));
            continue;
        }
        const ssize_t count = ::send(descriptor_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
        if (count >= 0) return static_cast<std::size_t>(count);
        if (errno == EINTR) continue;
        if (errno != EAGAIN && errno != EWOULDBLOCK) return client_gone();
        TRY(wait(false));
    }
}

Result<void> Channel::write(std::string_view bytes) {
    while (!bytes.empty()) bytes.remove_prefix(TRY(write_some(bytes)));
    return {};
}

Result<void> Channel::start_tls(Tls& tls) {
    // Bytes sent in the clear must not count as if they had come encrypted.
    if (has_read_ahead())
        return fail(ErrorCode::invalid_input, "unencrypted bytes lie behind the request for TLS");
    auto session = std::make_unique<Session>();
    session->ssl.reset(SSL_new(tls.state().context.get()));
    if (!session->ssl || SSL_set_fd(session->ssl.get(), descriptor_) != 1)
        return fail(ErrorCode::unavailable, "TLS could not be started");
    for (;;) {
        ERR_clear_error();
        const int done = SSL_accept(session->ssl.get());
        if (done == 1) break;
        const int why = SSL_get_error(session->ssl.get(), done);
        if (why != SSL_ERROR_WANT_READ && why != SSL_ERROR_WANT_WRITE)
            return fail(ErrorCode::unavailable, "the TLS handshake failed");
        TRY(wait(why == SSL_ERROR_WANT_READ));
    }
    session_ = std::move(session);
    return {};
}

}  // namespace stroma::front::postgres
