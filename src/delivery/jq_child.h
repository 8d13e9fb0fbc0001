#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace stroma::delivery {

// A user's jq program runs in a child: this program, started anew, without environment, files or
// network, and with limits on memory and time. It reads texts from its standard input, the program
// and then records; it writes as many: what was wrong with the program or "", and for each record
// '=' and a JSON object of keys, or '!' and why there is none.

/// The hidden first argument that makes the program such a child.
constexpr std::string_view jq_child_argument = "jq-child";
constexpr std::uint64_t jq_memory_bytes = 256u << 20;

/// Texts one behind the other, each with its length before it (32 bits, little-endian).
void append_text(std::string& to, std::string_view text);
/// Nothing when the bytes aren't whole texts.
std::vector<std::string_view> texts_in(std::string_view bytes);

/// Asked first thing in main.
bool is_jq_child(int argument_count, char** arguments);
/// Whether main asked. A program that doesn't would run itself anew as its own child, and so on.
bool can_start_jq_child();
/// The child's whole life.
[[noreturn]] void run_jq_child();

}  // namespace stroma::delivery
