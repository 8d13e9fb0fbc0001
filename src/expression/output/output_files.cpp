#include "expression/output/output_files.h"

#include "expression/output/zip_files.h"

namespace stroma::expression {
namespace {

class FolderFiles final : public OutputFiles {
public:
    explicit FolderFiles(PendingOutput output) : output_(std::move(output)) {}

    void pack(Bytes& text, PackedPiece& out) const override { std::swap(text, out.bytes); }
    Result<void> begin(std::string_view name) override {
        // A file stays open until the end, where it may have to be synced.
        files_.push_back(TRY(File::create(output_.working_path() / name)));
        at_ = 0;
        return {};
    }
    Result<void> append(const PackedPiece& piece) override {
        TRY(files_.back().write_at(at_, piece.bytes));
        at_ += piece.bytes.size();
        return {};
    }
    Result<void> end() override {
        bytes_ += at_;
        return {};
    }
    Result<std::uint64_t> commit(bool durable) override {
        if (durable)
            for (File& file : files_) TRY(file.sync());
        files_.clear();
        TRY(output_.commit(durable));
        return bytes_;
    }
    Result<void> add(std::string_view name, ByteSpan text) override {
        TRY(begin(name));
        TRY(files_.back().write_at(0, text));
        at_ = text.size();
        return end();
    }

private:
    PendingOutput output_;
    std::vector<File> files_;
    std::uint64_t at_ = 0, bytes_ = 0;
};

}  // namespace

Result<std::unique_ptr<OutputFiles>> OutputFiles::create(const fs::path& path, Bundling bundling,
                                                         std::string_view stem, Settled settled) {
    PendingOutput output = TRY(PendingOutput::start(path));
    if (bundling == Bundling::folder) {
        TRY(output.make_folders(output.working_path()));
        return std::make_unique<FolderFiles>(std::move(output));
    }
    return create_zip(std::move(output), bundling == Bundling::deflated_zip, stem,
                      std::move(settled));
}

Result<Bundling> bundling_of(std::string_view layout, Bundling zip) {
    if (layout.empty() || layout == "folder") return Bundling::folder;
    if (layout == "zip") return zip;
    return fail(ErrorCode::unsupported,
                "layout '" + std::string(layout) + "' is not known; use folder or zip");
}

Result<std::string> stem_of(std::string_view asked, const fs::path& path) {
    std::string stem(asked);
    if (stem.empty())
        stem = path.extension() == ".zip" ? path.stem().string() : path.filename().string();
    if (stem.empty() || stem == "." || stem == ".." || stem.find('/') != std::string::npos ||
        stem.size() > 255)
        return fail(ErrorCode::invalid_input,
                    "'" + stem + "' cannot name the folder in the archive");
    return stem;
}

}  // namespace stroma::expression
