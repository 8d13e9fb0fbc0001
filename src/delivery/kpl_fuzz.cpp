#include <cstdint>
#include <string>

#include "base/digest.h"
#include "delivery/kpl.h"

/// As it came, and as the message of an aggregate whose digest is right.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view text(reinterpret_cast<const char*>(data), size);
    (void)stroma::delivery::deaggregate(text);
    stroma::Digest digest(stroma::DigestKind::md5);
    digest.update(text);
    std::string whole("\xf3\x89\x9a\xc2");
    whole += text;
    whole += stroma::as_text(digest.bytes());
    if (const auto records = stroma::delivery::deaggregate(whole))
        for (const auto& record : *records)
            if (record.data.size() + record.partition_key.size() > whole.size()) __builtin_trap();
    return 0;
}
