#include "warehouse/scan_registry.h"

#include <charconv>
#include <utility>

namespace stroma::warehouse {

ScanRegistry::Ticket::Ticket(ScanRegistry& registry, std::shared_ptr<sql::TableScan> scan)
    : registry_(&registry) {
    const std::lock_guard lock(registry.mutex_);
    number_ = registry.next_++;
    registry.scans_.emplace(number_, std::move(scan));
}

ScanRegistry::Ticket::Ticket(Ticket&& other) noexcept
    : registry_(std::exchange(other.registry_, nullptr)), number_(other.number_) {}

ScanRegistry::Ticket::~Ticket() {
    if (registry_ == nullptr) return;
    const std::lock_guard lock(registry_->mutex_);
    registry_->scans_.erase(number_);
}

std::string ScanRegistry::Ticket::relation() const {
    return "stroma_scan('" + std::to_string(number_) + "')";
}

Result<std::shared_ptr<sql::TableScan>> ScanRegistry::find(std::string_view number) {
    std::uint64_t wanted = 0;
    std::from_chars(number.data(), number.data() + number.size(), wanted);
    const std::lock_guard lock(mutex_);
    const auto found = scans_.find(wanted);
    if (found == scans_.end()) return fail(ErrorCode::denied, "stroma_scan is not for statements");
    return found->second;
}

}  // namespace stroma::warehouse
