#pragma once

#include <string>
#include <string_view>

namespace stroma::app {

/// What the other end of an output is, and what it can show.
struct Screen {
    bool is_terminal = false;
    bool colour = false;   ///< a terminal, and neither NO_COLOR nor TERM=dumb is set
    bool unicode = false;  ///< the locale is UTF-8
    int columns = 0;       ///< width; 0 is unbounded (a file, a pipe)
};

/// Where a verb's words go. Results go to standard output, everything else to standard error, so
/// that a pipe carries results only.
class Terminal {
public:
    Terminal();  ///< the process's own
    virtual ~Terminal() = default;

    const Screen& output() const { return output_; }
    const Screen& errors() const { return errors_; }
    /// The width may change while the process runs.
    int error_columns() const;

    /// Writes to standard output, as it is.
    virtual void print(std::string_view text);
    /// Writes to standard error, as it is.
    virtual void print_error(std::string_view text);
    /// A sentence for people on standard error, with a line end; nothing when quiet.
    void say(std::string_view sentence);
    void set_quiet(bool quiet) { quiet_ = quiet; }
    bool quiet() const { return quiet_; }

protected:
    Terminal(const Screen& output, const Screen& errors) : output_(output), errors_(errors) {}

private:
    Screen output_, errors_;
    bool quiet_ = false;
};

/// Columns that UTF-8 text takes on a terminal, one for each character.
std::size_t text_columns(std::string_view text);
/// The text cut to that many columns, its last one "…" when something was cut.
std::string cut_to_columns(std::string_view text, std::size_t columns);

}  // namespace stroma::app
