#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace stroma::flow {

/// All that a task's output depends on: neither paths, nor times, nor resources.
struct KeyParts {
    std::map<std::string, std::string> code;        ///< "step segment": "2", "file plot.py": hash
    std::map<std::string, std::string> parameters;  ///< JSON texts
    /// Name of the input, and of each file in it its name and the hash of its bytes, in order.
    std::map<std::string, std::vector<std::pair<std::string, std::string>>> inputs;

    std::string json() const;
    static KeyParts from_json(std::string_view json);
};

/// 64 hexadecimal digits: tasks of the same key make the same output. The names of files don't
/// count, their order and content do.
std::string key_of(const KeyParts& parts);

/// What is different, one sentence each: "parameter sigma: 2 before, 3 now". Empty: nothing.
std::vector<std::string> changes_between(const KeyParts& before, const KeyParts& now);

}  // namespace stroma::flow
