#include "front/aws/certificate.h"

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include <memory>

#include "base/context.h"

namespace stroma::front::aws {
namespace {

template <auto Free>
struct FreeWith {
    template <class T>
    void operator()(T* thing) const {
        Free(thing);
    }
};
using Key = std::unique_ptr<EVP_PKEY, FreeWith<EVP_PKEY_free>>;
using X509Certificate = std::unique_ptr<X509, FreeWith<X509_free>>;
using MemoryFile = std::unique_ptr<BIO, FreeWith<BIO_free_all>>;

constexpr long year_seconds = 365L * 24 * 3600;

std::string text_in(BIO* file) {
    char* bytes = nullptr;
    const long size = BIO_get_mem_data(file, &bytes);
    return {bytes, static_cast<std::size_t>(size)};
}

bool is_ip_address(const std::string& name) {
    return name.find(':') != name.npos || name.find_first_not_of("0123456789.") == name.npos;
}

bool add_extension(X509* certificate, int kind, const std::string& value) {
    X509V3_CTX context;
    X509V3_set_ctx_nodb(&context);
    X509V3_set_ctx(&context, certificate, certificate, nullptr, nullptr, 0);
    X509_EXTENSION* const extension = X509V3_EXT_conf_nid(nullptr, &context, kind, value.c_str());
    if (extension == nullptr) return false;
    const bool added = X509_add_ext(certificate, extension, -1) == 1;
    X509_EXTENSION_free(extension);
    return added;
}

}  // namespace

Result<Certificate> self_signed(const std::vector<std::string>& names) {
    const auto failed = [] {
        return fail(ErrorCode::unavailable, "no certificate could be made with OpenSSL");
    };
    const Key key(EVP_EC_gen("P-256"));
    const X509Certificate certificate(X509_new());
    if (!key || !certificate) return failed();
    X509* const x509 = certificate.get();
    X509_set_version(x509, X509_VERSION_3);
    ASN1_INTEGER_set_uint64(X509_get_serialNumber(x509),
                            std::stoull(IdSource().secret(7), nullptr, 16));
    X509_gmtime_adj(X509_getm_notBefore(x509), -24L * 3600);
    X509_gmtime_adj(X509_getm_notAfter(x509), year_seconds);
    X509_set_pubkey(x509, key.get());
    X509_NAME* const subject = X509_get_subject_name(x509);
    X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_ASC,
                               reinterpret_cast<const unsigned char*>("stroma"), -1, -1, 0);
    X509_set_issuer_name(x509, subject);
    std::string alternatives;
    for (const std::string& name : names)
        alternatives += (alternatives.empty() ? "" : ",") +
                        std::string(is_ip_address(name) ? "IP:" : "DNS:") + name;
    if (!add_extension(x509, NID_subject_alt_name, alternatives) ||
        !add_extension(x509, NID_basic_constraints, "critical,CA:TRUE") ||
        X509_sign(x509, key.get(), EVP_sha256()) == 0)
        return failed();
    const MemoryFile certificate_file(BIO_new(BIO_s_mem())), key_file(BIO_new(BIO_s_mem()));
    if (PEM_write_bio_X509(certificate_file.get(), x509) != 1 ||
        PEM_write_bio_PrivateKey(key_file.get(), key.get(), nullptr, nullptr, 0, nullptr,
                                 nullptr) != 1)
        return failed();
    return Certificate{text_in(certificate_file.get()), text_in(key_file.get())};
}

}  // namespace stroma::front::aws
