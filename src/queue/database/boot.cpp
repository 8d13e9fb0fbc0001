#include "queue/database/boot.h"

#include <fstream>

namespace stroma::queue {

std::string boot_id() {
    std::ifstream file("/proc/sys/kernel/random/boot_id");
    std::string id;
    if (!std::getline(file, id)) return "unknown";
    return id;
}

}  // namespace stroma::queue
