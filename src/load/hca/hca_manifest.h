#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/file.h"
#include "base/result.h"
#include "expression/input_files.h"

namespace stroma::loading {

/// One file of a DSS bundle, as the Data Storage System listed it.
struct HcaFile {
    std::string name, uuid, version, content_type, sha256, sha1, crc32c, s3_etag;
    std::uint64_t size = 0;
    bool indexed = false;
    /// Metadata by its content type: a difference warns; in any other file it is an error.
    bool is_metadata() const;
};

/// A bundle's manifest: the answer of GET /v1/bundles/{uuid} ("bundle" inside or bare).
struct HcaManifest {
    std::string uuid, version;
    std::vector<HcaFile> files;
    std::string fqid() const { return uuid + "." + version; }
    const HcaFile* find(std::string_view name) const;  ///< by hca_key: see there
};

/// Parses a DSS answer or a kept manifest file.
/// errors  invalid_input  not a manifest: says what is missing; a file named twice, or with '/'..
Result<HcaManifest> parse_hca_manifest(std::string_view json);

/// A file's name in the form in which manifests and folders are compared: '/' below a .zarr is '!',
/// and the old level "expression_matrix!" is left out.
std::string hca_key(std::string_view name);

/// The text of the manifest that belongs to a bundle's folder, and how strictly it binds.
/// Looked for, in this order:
/// 1. in the folder: bundle.json, manifest.json, <folder name>.json;
/// 2. beside it: <folder name>.json, ../bundle_manifests/<folder name>.json (the layout of the
///    HCA's own extractor), and <name cut at the first dot>_manifest.json.
/// A manifest beside a folder that is not named by the manifest's FQID doesn't bind: the folder
/// doesn't claim to be that bundle. Its differences are only reported.
struct FoundManifest {
    std::string text, place;
    bool binds = true;
};
Result<std::optional<FoundManifest>> find_hca_manifest(const fs::path& folder);

/// How a bundle's files compare with its manifest.
struct FileReport {
    struct Difference {
        std::string name, expected_sha256, actual_sha256;
        std::uint64_t expected_size = 0, actual_size = 0;
        bool is_metadata = false;
    };
    std::vector<std::string> match, absent;
    std::vector<Difference> differ;
    /// "63 match, 3 differ, 19 absent of 85"
    std::string summary() const;
};

/// Reads every file that is there and compares size and sha256. Cost: all bytes once.
Result<FileReport> verify_hca_files(expression::InputFiles& files, const HcaManifest& manifest);

}  // namespace stroma::loading
