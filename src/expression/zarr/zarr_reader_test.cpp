#include "expression/zarr/zarr_reader.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>
#include <iostream>

#include "expression/text/memory_files.h"
#include "expression/zarr/hca_zarr.h"

namespace stroma::expression {
namespace {

using Texts = std::map<std::string, std::string>;

std::string numbers_array(const std::string& shape, const std::string& dtype,
                          const std::string& more = "") {
    return R"({"zarr_format":2,"shape":)" + shape + R"(,"chunks":)" + shape + R"(,"dtype":")" +
           dtype + R"(","compressor":null,"fill_value":0,"filters":null,"order":"C")" + more + "}";
}

std::string vlen_array(int count) {
    const std::string n = std::to_string(count);
    return R"({"zarr_format":2,"shape":[)" + n + R"(],"chunks":[)" + n +
           R"(],"dtype":"|O","compressor":null,"fill_value":"",)"
           R"("filters":[{"id":"vlen-utf8"}],"order":"C"})";
}

template <class T>
std::string raw(std::initializer_list<T> values) {
    std::string out;
    for (const T value : values) out.append(reinterpret_cast<const char*>(&value), sizeof value);
    return out;
}

std::string vlen(std::initializer_list<std::string> texts) {
    std::string out = raw<std::uint32_t>({static_cast<std::uint32_t>(texts.size())});
    for (const std::string& text : texts)
        out += raw<std::uint32_t>({static_cast<std::uint32_t>(text.size())}) + text;
    return out;
}

/// Two cells, three genes: obs has a categorical and a nullable column.
Texts small() {
    const std::string frame = R"("encoding-type":"dataframe","encoding-version":"0.2.0",)"
                              R"("_index":"_index")";
    return {
        {".zgroup", R"({"zarr_format":2})"},
        {"obs/.zattrs", "{" + frame + R"(,"column-order":["type","age"]})"},
        {"obs/_index/.zarray", vlen_array(2)},
        {"obs/_index/0", vlen({"c1", "c2"})},
        {"obs/type/.zattrs", R"({"encoding-type":"categorical","ordered":true})"},
        {"obs/type/categories/.zarray", vlen_array(2)},
        {"obs/type/categories/0", vlen({"B", "T"})},
        {"obs/type/codes/.zarray", numbers_array("[2]", "|i1")},
        {"obs/type/codes/0", raw<std::int8_t>({1, -1})},
        {"obs/age/.zattrs", R"({"encoding-type":"nullable-integer"})"},
        {"obs/age/values/.zarray", numbers_array("[2]", "<i4")},
        {"obs/age/values/0", raw<std::int32_t>({7, 0})},
        {"obs/age/mask/.zarray", numbers_array("[2]", "|b1")},
        {"obs/age/mask/0", raw<std::uint8_t>({0, 1})},
        {"var/.zattrs", "{" + frame + R"(,"column-order":[]})"},
        {"var/_index/.zarray", vlen_array(3)},
        {"var/_index/0", vlen({"g1", "g2", "g3"})},
        {"X/.zattrs", R"({"encoding-type":"csr_matrix","shape":[2,3]})"},
        {"X/data/.zarray", numbers_array("[3]", "<f4")},
        {"X/data/0", raw<float>({1, 2, 3})},
        {"X/indices/.zarray", numbers_array("[3]", "<i4")},
        {"X/indices/0", raw<std::int32_t>({0, 2, 1})},
        {"X/indptr/.zarray", numbers_array("[3]", "<i4")},
        {"X/indptr/0", raw<std::int32_t>({0, 2, 3})},
        {"layers/dense/.zarray", numbers_array("[2,3]", ">f8")},
        {"uns/title/.zarray", R"({"zarr_format":2,"shape":[],"chunks":[],"dtype":"<U2",)"
                              R"("compressor":null,"fill_value":null,"filters":null,"order":"C"})"},
        {"uns/title/0", raw<std::uint32_t>({'o', 0x4e2d})},
    };
}

Result<AnnotatedData> read(MemoryFiles& files) { return make_zarr_reader()->read(files, {}); }

std::string error_with(const std::string& key, const std::string& value) {
    Texts texts = small();
    texts[key] = value;
    MemoryFiles files("d.zarr", texts);
    auto data = read(files);
    if (!data) return std::string(name_of(data.error().code)) + ": " + data.error().message;
    LineBlock block;
    for (auto& matrix : data->matrices) {
        const auto lines = matrix.source->read_lines(0, matrix.source->line_count(), block);
        if (!lines) return std::string(name_of(lines.error().code)) + ": " + lines.error().message;
    }
    return "";
}

TEST(ZarrReader, AnAnnDataGroupGivesItsFramesMatricesAndTexts) {
    MemoryFiles files("d.zarr", small());
    ASSERT_TRUE(make_zarr_reader()->recognises(files));
    auto data = read(files);
    ASSERT_TRUE(data) << data.error().message;
    EXPECT_EQ(data->obs.index, (TextArray{"c1", "c2"}));
    EXPECT_EQ(data->obs.find("type")->text(0), "T");
    EXPECT_TRUE(data->obs.find("type")->is_missing(1));
    EXPECT_TRUE(data->obs.find("age")->is_missing(1));
    EXPECT_EQ(data->obs.find("age")->text(0), "7");
    LineBlock block;
    ASSERT_TRUE(data->matrices[0].source->read_lines(0, 2, block));
    EXPECT_EQ(block.places, (std::vector<std::uint32_t>{0, 2, 1}));
    EXPECT_EQ(block.values_as<float>()[2], 3);
    const auto* title = std::get_if<TextGrid>(&data->uns[0].second.value);
    ASSERT_NE(title, nullptr);
    EXPECT_EQ(title->texts[0], "o中");
}

TEST(ZarrReader, AMissingChunkIsFillValuesAndBigEndianNumbersAreTurned) {
    Texts texts = small();
    MemoryFiles files("d.zarr", texts);
    auto data = read(files);
    LineBlock block;
    ASSERT_TRUE(data->find("layers/dense")->source->read_lines(0, 2, block));
    EXPECT_TRUE(block.places.empty());
    std::string values = raw<double>({0, 1.5, 0, 0, 0, -2});
    for (std::size_t i = 0; i < values.size(); i += 8)
        std::reverse(values.begin() + i, values.begin() + i + 8);
    files.files()["layers/dense/0.0"] = values;
    auto again = read(files);
    ASSERT_TRUE(again->find("layers/dense")->source->read_lines(0, 2, block));
    EXPECT_EQ(block.places, (std::vector<std::uint32_t>{1, 2}));
    EXPECT_EQ(block.values_as<double>()[1], -2);
}

TEST(ZarrReader, SparseStructureIsChecked) {
    EXPECT_NE(error_with("X/indptr/0", raw<std::int32_t>({0, 3, 2})).find("falls at line 1"),
              std::string::npos);
    EXPECT_NE(error_with("X/indptr/0", raw<std::int32_t>({0, 2, 2})).find("ends at 2"),
              std::string::npos);
    EXPECT_NE(error_with("X/indices/0", raw<std::int32_t>({0, 3, 1})).find("line 0 has index 3"),
              std::string::npos);
    EXPECT_NE(error_with("X/.zattrs", R"({"encoding-type":"coo_matrix"})").find("not known"),
              std::string::npos);
}

TEST(ZarrReader, BrokenArrayMetadataIsRefused) {
    const std::string key = "X/data/.zarray";
    EXPECT_NE(error_with(key, R"({"zarr_format":2,"shape":[3],"chunks":[0],"dtype":"<f4",)"
                              R"("compressor":null,"filters":null})")
                  .find("'chunks' holds 0"),
              std::string::npos);
    EXPECT_NE(error_with(key, numbers_array("[9223372036854775808]", "<f4")).find("exhausted"),
              std::string::npos);
    EXPECT_NE(error_with("obs/_index/.zarray", numbers_array("[2]", "|O")).find("pickle"),
              std::string::npos);
    EXPECT_NE(error_with(key, numbers_array("[3]", "<c8")).find("not read"), std::string::npos);
    EXPECT_NE(error_with("obs/type/codes/0", raw<std::int8_t>({2, 0})).find("category 2"),
              std::string::npos);
    EXPECT_NE(error_with("X/data/0", "short").find("declares 5 bytes where 12"), std::string::npos);
    EXPECT_NE(error_with("obs/_index/0", vlen({"c1"})).find("damaged"), std::string::npos);
}

TEST(ZarrReader, AnObsLongerThanXAndARepeatedCellIdAreRefused) {
    EXPECT_NE(
        error_with("X/.zattrs", R"({"encoding-type":"csr_matrix","shape":[3,3]})").find("3 × 3"),
        std::string::npos);
    EXPECT_NE(error_with("obs/_index/0", vlen({"c1", "c1"})).find("'c1'"), std::string::npos);
}

TEST(ZarrReader, ANameThatClimbsOutOfTheGroupReadsNothing) {
    EXPECT_NE(error_with("obs/.zattrs", R"({"encoding-type":"dataframe","_index":"../x",)"
                                        R"("column-order":[]})"),
              "");
    EXPECT_NE(error_with("obs/.zattrs", R"({"encoding-type":"dataframe","_index":"_index",)"
                                        R"("column-order":["../../etc/passwd"]})"),
              "");
}

std::string shared_file(const std::string& name) {
    const char* root = std::getenv("STROMA_SHARED");
    const std::string path = std::string(root ? root : "../shared") + "/data/" + name;
    std::ifstream in(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(in), {}};
}

TEST(ZarrReader, TheMatrixServicesOwnZarrInAZipHasItsGoldenValues) {
    const std::string zip = shared_file("hca-bundles/matrix-service/test_zarr.zip");
    if (zip.empty()) {
        std::cerr << "NOT TESTED: set STROMA_SHARED to the folder that holds data/hca-bundles\n";
        GTEST_SKIP() << "the shared data are absent; STROMA_SHARED names their folder";
    }
    MemoryFiles files("test_zarr.zip", zip);
    ASSERT_TRUE(make_zarr_reader()->recognises(files));
    auto data = read(files);
    ASSERT_TRUE(data) << data.error().message;
    EXPECT_EQ(data->obs.row_count(), 100u);
    EXPECT_EQ(data->var.row_count(), 58347u);
    EXPECT_EQ(data->obs.index[0], "c2881ff2-6390-4f32-bfbb-f27db90e7855");
    EXPECT_EQ(data->var.index[0], "ENSG00000000003.14");
    EXPECT_EQ(data->obs.columns.size(), 154u);
    LineBlock block;
    ASSERT_TRUE(data->matrices[0].source->read_lines(0, 100, block));
    EXPECT_EQ(block.places.size(), 253180u);
    double sum = 0;
    for (std::size_t i = 0; i < block.places.size(); ++i) sum += block.values_as<float>()[i];
    EXPECT_NEAR(sum, 99999999.63704225, 1e-4);
}

}  // namespace
}  // namespace stroma::expression
