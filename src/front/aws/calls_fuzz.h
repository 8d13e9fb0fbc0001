#pragma once

#include <cstdint>
#include <cstdlib>
#include <memory>
#include <string_view>

#include "front/aws/call.h"

// What the fuzz targets of services share.

namespace stroma::front::aws {

/// A call that says so: JSON where it begins like that, else CBOR.
inline Call fuzzed_call(std::string_view operation, std::string_view body) {
    Call call;
    call.operation = operation;
    call.wire = body.starts_with('{') ? Wire::json_1_1 : Wire::cbor_1_1;
    call.path = "/";
    call.body = body;
    call.account = "000000000000";
    call.region = "us-east-1";
    call.principal.id = call.principal.name = "rosa";
    return call;
}

/// Asks `Site` what an input says: an operation's name, a line break, and what it is asked. The
/// site is made anew now and then, so that what inputs leave doesn't pile up. Null when the input
/// says nothing.
template <class Site>
Site* ask_fuzzed(const std::uint8_t* data, std::size_t size, int inputs_of_a_site) {
    static std::unique_ptr<Site> site;
    static int inputs = 0;
    if (inputs++ % inputs_of_a_site == 0) {
        site.reset();
        site = std::make_unique<Site>();
    }
    const std::string_view text(reinterpret_cast<const char*>(data), size);
    const std::size_t end = text.find('\n');
    if (end == text.npos) return nullptr;
    site->ask(text.substr(0, end), text.substr(end + 1));
    return site.get();
}

}  // namespace stroma::front::aws
