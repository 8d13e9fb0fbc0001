#include "app/terminal/terminal.h"

#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>

namespace stroma::app {
namespace {

std::string_view environment(const char* name) {
    const char* value = std::getenv(name);
    return value == nullptr ? "" : value;
}

int columns_of(int descriptor) {
    winsize size{};
    if (ioctl(descriptor, TIOCGWINSZ, &size) == 0 && size.ws_col > 0) return size.ws_col;
    const int columns = std::atoi(std::string(environment("COLUMNS")).c_str());
    return columns > 0 ? columns : 80;
}

Screen screen_of(int descriptor) {
    Screen screen;
    screen.is_terminal = isatty(descriptor) == 1;
    if (!screen.is_terminal) return screen;
    screen.colour = environment("NO_COLOR").empty() && environment("TERM") != "dumb";
    for (const char* name : {"LC_ALL", "LC_CTYPE", "LANG"}) {
        const std::string_view locale = environment(name);
        if (locale.empty()) continue;
        screen.unicode = locale.find("UTF-8") != locale.npos || locale.find("utf8") != locale.npos;
        break;
    }
    screen.columns = columns_of(descriptor);
    return screen;
}

bool continues_character(char byte) { return (static_cast<unsigned char>(byte) & 0xC0) == 0x80; }

}  // namespace

Terminal::Terminal() : output_(screen_of(STDOUT_FILENO)), errors_(screen_of(STDERR_FILENO)) {}

int Terminal::error_columns() const {
    return errors_.is_terminal ? columns_of(STDERR_FILENO) : errors_.columns;
}

void Terminal::print(std::string_view text) {
    std::fwrite(text.data(), 1, text.size(), stdout);
    std::fflush(stdout);
}

void Terminal::print_error(std::string_view text) {
    std::fwrite(text.data(), 1, text.size(), stderr);
    std::fflush(stderr);
}

void Terminal::say(std::string_view sentence) {
    if (!quiet_) print_error(std::string(sentence) + "\n");
}

std::size_t text_columns(std::string_view text) {
    return static_cast<std::size_t>(
        std::count_if(text.begin(), text.end(), [](char c) { return !continues_character(c); }));
}

std::string cut_to_columns(std::string_view text, std::size_t columns) {
    if (text_columns(text) <= columns) return std::string(text);
    if (columns == 0) return "";
    std::size_t end = 0;
    for (std::size_t taken = 0; end < text.size(); ++end)
        if (!continues_character(text[end]) && ++taken == columns) break;
    return std::string(text.substr(0, end)) + "…";
}

}  // namespace stroma::app
