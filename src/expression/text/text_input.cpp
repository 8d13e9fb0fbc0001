#include "expression/text/text_input.h"

#include <fmt/format.h>
#include <sys/mman.h>
#include <unistd.h>
#include <zlib.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <span>

#include "base/threads.h"
#include "base/usual_or_tiny.h"

namespace stroma::expression {
namespace {

constexpr std::uint64_t ratio_max = 200;
constexpr std::uint64_t free_bytes = 64u << 20;

constexpr std::size_t packed_buffer_bytes = usual_or_tiny(256u << 10, 16u);
constexpr std::size_t block_bytes_a_thread = usual_or_tiny(8u << 20, 64u);

tl::unexpected<Error> line_too_long(const std::string& name, std::uint64_t limit) {
    return fail(ErrorCode::invalid_input,
                fmt::format("{}: a line is longer than {} bytes; this is not a table of cells and "
                            "genes",
                            name, limit));
}

/// Some bytes of a file in memory, from the start of the page that holds the first of them.
class MappedPart {
public:
    MappedPart() = default;
    MappedPart(const MappedPart&) = delete;
    MappedPart& operator=(const MappedPart&) = delete;
    ~MappedPart() { unmap(); }

    Result<std::string_view> map(const File& file, std::uint64_t offset, std::uint64_t size) {
        unmap();
        if (size == 0) return std::string_view();
        const std::uint64_t before = offset % static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE));
        void* at = ::mmap(nullptr, size + before, PROT_READ, MAP_SHARED, file.descriptor(),
                          static_cast<off_t>(offset - before));
        if (at == MAP_FAILED) return fail(error_from_errno("mapping", file.name(), errno));
        mapped_ = {static_cast<std::byte*>(at), size + before};
        return as_text(mapped_.subspan(before));
    }

private:
    void unmap() {
        if (!mapped_.empty()) ::munmap(mapped_.data(), mapped_.size());
        mapped_ = {};
    }
    std::span<std::byte> mapped_;
};

class PlainText final : public TextInput {
public:
    PlainText(std::string name, File file, std::uint64_t size, const TextLimits& limits)
        : file_(std::move(file)), limits_(limits) {
        name_ = std::move(name);
        packed_bytes_ = size;
    }
    Result<std::string_view> next_block(std::size_t bytes) override {
        const std::uint64_t rest = packed_bytes_ - at_;
        std::string_view text = TRY(map(std::min<std::uint64_t>(bytes, rest)));
        if (text.size() < rest) {
            std::size_t end = text.rfind('\n');
            if (end == std::string_view::npos) {
                text = TRY(map(std::min(rest, std::max(bytes, limits_.line_bytes_max))));
                end = text.find('\n', bytes);
                if (end == std::string_view::npos && text.size() < rest)
                    return line_too_long(name_, limits_.line_bytes_max);
            }
            text = text.substr(0, std::min(end, text.size() - 1) + 1);
        }
        at_ += text.size();
        return text;
    }
    Result<void> rewind() override {
        at_ = 0;
        return {};
    }
    bool is_gzip() const override { return false; }

private:
    /// What is next. Not the whole file: the parser's child may have fewer addresses than that.
    Result<std::string_view> map(std::uint64_t bytes) { return mapped_.map(file_, at_, bytes); }

    File file_;
    TextLimits limits_;
    MappedPart mapped_;
    std::uint64_t at_ = 0;
};

class GzipText final : public TextInput {
public:
    GzipText(std::string name, File file, std::uint64_t size, const TextLimits& limits)
        : file_(std::move(file)), limits_(limits), packed_(packed_buffer_bytes) {
        name_ = std::move(name);
        packed_bytes_ = size;
    }
    ~GzipText() override { close(); }

    Result<std::string_view> next_block(std::size_t bytes) override {
        text_.erase(0, given_);
        given_ = 0;
        std::size_t searched = 0;
        while (!ended_) {
            if (text_.size() >= bytes && text_.find('\n', searched) != std::string::npos) break;
            if (text_.size() > limits_.line_bytes_max + bytes)
                return line_too_long(name_, limits_.line_bytes_max);
            searched = text_.size() >= bytes ? text_.size() : 0;
            TRY(inflate_more(std::max<std::size_t>(bytes, 4096)));
        }
        given_ = ended_ ? text_.size() : text_.rfind('\n') + 1;
        return std::string_view(text_).substr(0, given_);
    }
    Result<void> rewind() override {
        close();
        text_.clear();
        given_ = 0;
        ended_ = false;
        read_at_ = unpacked_ = 0;
        stream_ = {};
        return {};
    }
    bool is_gzip() const override { return true; }

private:
    void close() {
        if (is_open_) inflateEnd(&stream_);
        is_open_ = false;
    }
    tl::unexpected<Error> damaged(std::string_view how) const {
        return fail(ErrorCode::invalid_input,
                    fmt::format("{}: the gzip file is damaged: {}", name_, how));
    }
    Result<void> fill() {
        const std::size_t count = std::min<std::uint64_t>(packed_.size(), packed_bytes_ - read_at_);
        TRY(file_.read_at(read_at_, std::span(packed_).first(count)));
        read_at_ += count;
        stream_.next_in = reinterpret_cast<Bytef*>(packed_.data());
        stream_.avail_in = static_cast<uInt>(count);
        return {};
    }
    /// Adds up to `bytes` to text_, or sets ended_ behind the last member.
    Result<void> inflate_more(std::size_t bytes) {
        if (!is_open_) {
            if (inflateInit2(&stream_, 15 + 16) != Z_OK)
                return fail(ErrorCode::exhausted, "no memory to unpack " + name_);
            is_open_ = true;
        }
        const std::size_t before = text_.size();
        text_.resize(before + bytes);
        stream_.next_out = reinterpret_cast<Bytef*>(text_.data() + before);
        stream_.avail_out = static_cast<uInt>(bytes);
        Result<void> done;
        while (done && stream_.avail_out > 0 && !ended_) done = step();
        text_.resize(text_.size() - stream_.avail_out);
        unpacked_ += text_.size() - before;
        TRY(std::move(done));
        const std::uint64_t limit =
            std::min(limits_.unpacked_bytes_max, packed_bytes_ * ratio_max + free_bytes);
        if (unpacked_ > limit)
            return fail(ErrorCode::exhausted,
                        fmt::format("{}: bomb: {} packed bytes unpack to more than {} "
                                    "(unpacked_bytes_max, or 200 : 1)",
                                    name_, packed_bytes_, limit));
        return {};
    }
    Result<void> step() {
        if (stream_.avail_in == 0) {
            if (read_at_ == packed_bytes_) return damaged("it ends before its end mark");
            TRY(fill());
        }
        const int code = inflate(&stream_, Z_NO_FLUSH);
        if (code == Z_OK || code == Z_BUF_ERROR) return {};
        if (code != Z_STREAM_END)
            return damaged(stream_.msg != nullptr ? stream_.msg : "not deflate data");
        if (stream_.avail_in == 0 && read_at_ == packed_bytes_) {
            ended_ = true;
            return {};
        }
        if (stream_.avail_in == 0) TRY(fill());
        if (*stream_.next_in != 0x1f) return damaged("something else follows its last member");
        if (inflateReset(&stream_) != Z_OK) return damaged("its next member can't be read");
        return {};
    }

    File file_;
    TextLimits limits_;
    Bytes packed_;
    std::string text_;
    std::size_t given_ = 0;
    std::uint64_t read_at_ = 0, unpacked_ = 0;
    bool ended_ = false, is_open_ = false;
    z_stream stream_ = {};
};

}  // namespace

Result<std::unique_ptr<TextInput>> TextInput::open(InputFiles& files, std::string_view name,
                                                   const TextLimits& limits) {
    File file = TRY(files.open(name));
    const std::uint64_t size = TRY(file.size());
    std::byte magic[2] = {};
    if (size >= 2) TRY(file.read_at(0, magic));
    if (magic[0] == std::byte{0x1f} && magic[1] == std::byte{0x8b})
        return std::make_unique<GzipText>(std::string(name), std::move(file), size, limits);
    return std::make_unique<PlainText>(std::string(name), std::move(file), size, limits);
}

std::size_t parse_block_bytes() { return block_bytes_a_thread * thread_count(); }

bool take_line(std::string_view& text, std::string_view& line) {
    if (text.empty()) return false;
    const void* at = std::memchr(text.data(), '\n', text.size());
    const std::size_t end =
        at == nullptr ? text.size()
                      : static_cast<std::size_t>(static_cast<const char*>(at) - text.data());
    line = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    if (!line.empty() && line.back() == '\r') line.remove_suffix(1);
    return true;
}

std::vector<std::string_view> split_lines(std::string_view block, std::size_t pieces) {
    std::vector<std::string_view> out;
    const std::size_t step = block.size() / std::max<std::size_t>(pieces, 1) + 1;
    while (!block.empty()) {
        std::size_t end = block.size() <= step ? std::string_view::npos : block.find('\n', step);
        end = end == std::string_view::npos ? block.size() : end + 1;
        out.push_back(block.substr(0, end));
        block.remove_prefix(end);
    }
    return out;
}

bool is_clean_text(std::string_view text) {
    const auto* at = reinterpret_cast<const unsigned char*>(text.data());
    const auto* const end = at + text.size();
    while (at < end) {
        const unsigned lead = *at++;
        if (lead == 0) return false;
        if (lead < 0x80) continue;
        const int more = lead >= 0xf0 ? 3 : lead >= 0xe0 ? 2 : 1;
        if (lead < 0xc2 || lead > 0xf4 || end - at < more) return false;
        std::uint32_t code = lead & (0x3fu >> more);
        for (int i = 0; i < more; ++i) {
            if ((*at & 0xc0) != 0x80) return false;
            code = code << 6 | (*at++ & 0x3fu);
        }
        if ((more == 2 && code < 0x800) || (more == 3 && (code < 0x10000 || code > 0x10ffff)))
            return false;
        if (code >= 0xd800 && code <= 0xdfff) return false;
    }
    return true;
}

Result<std::string> read_text(InputFiles& files, std::string_view name, std::uint64_t bytes_max) {
    const auto input = TRY(TextInput::open(
        files, name, {.unpacked_bytes_max = bytes_max, .line_bytes_max = bytes_max}));
    std::string text;
    while (true) {
        const std::string_view block = TRY(input->next_block(1u << 20));
        if (block.empty()) return text;
        if (text.size() + block.size() > bytes_max)
            return fail(ErrorCode::exhausted,
                        fmt::format("{}: more than {} bytes", name, bytes_max));
        text.append(block);
    }
}

}  // namespace stroma::expression
