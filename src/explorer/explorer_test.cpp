#include "explorer/explorer.h"

#include <gtest/gtest.h>

#include <atomic>
#include <cmath>
#include <random>
#include <thread>

#include "base/json.h"
#include "explorer/arrow_table.h"
#include "explorer/cellxgene_answers.h"
#include "explorer/colors.h"
#include "explorer/embeddings.h"
#include "explorer/native_answers.h"
#include "expression/sealed_samples.h"
#include "object/memory/memory_store.h"

namespace stroma::explorer {
namespace {

using expression::Frame;
using expression::TextArray;

class TemporaryFolder {
public:
    TemporaryFolder() {
        std::string pattern = (fs::temp_directory_path() / "bodies-XXXXXX").string();
        path = ::mkdtemp(pattern.data());
    }
    ~TemporaryFolder() { fs::remove_all(path); }
    fs::path path;
};

std::string text_of(const Body& body) {
    std::string text(body.size_bytes, '\0');
    EXPECT_TRUE(body.file->read_at(0, std::as_writable_bytes(std::span(text.data(), text.size()))));
    return text;
}

std::string prefix_of(std::string_view revision) { return "kept/" + std::string(revision) + "/"; }

class Bodies : public ::testing::Test {
protected:
    std::unique_ptr<BodyStore> open_store(BodyStoreOptions options = {}) {
        return std::make_unique<BodyStore>(objects, folder.path, "kept/", prefix_of, options);
    }
    /// The body of `what`, made of `content` if it has to be.
    Body ask(BodyStore& store, const std::string& what, const std::string& content,
             Coding coding = Coding::identity) {
        const auto body = store.find_or_make({"r1", what, coding}, [&]() -> Result<Made> {
            ++made;
            return Made{content, "text/plain"};
        });
        EXPECT_TRUE(body.has_value()) << body.error().message;
        return body.value_or(Body{});
    }
    std::vector<object::ObjectInfo> stored() {
        return objects.list({.prefix = "kept/", .delimiter = "", .after = ""})->objects;
    }
    object::MemoryStore objects;
    TemporaryFolder folder;
    int made = 0;
};

TEST_F(Bodies, AreMadeOnceAndTheSameForEver) {
    const auto store = open_store();
    const Body first = ask(*store, "a", "content");
    const Body again = ask(*store, "a", "something else");
    EXPECT_EQ(made, 1);
    EXPECT_EQ(text_of(again), "content");
    EXPECT_EQ(again.etag, first.etag);
    EXPECT_NE(ask(*store, "b", "other").etag, first.etag);
}

TEST_F(Bodies, AreFoundAgainAfterARestart) {
    std::string etag;
    {
        const auto store = open_store();
        etag = ask(*store, "a", std::string(10'000, 'x'), Coding::gzip).etag;
        store->settle();
    }
    const auto store = open_store();
    const Body body = ask(*store, "a", "", Coding::gzip);
    EXPECT_EQ(made, 1);
    EXPECT_EQ(body.etag, etag);
    EXPECT_EQ(body.coding, "gzip");
    EXPECT_EQ(body.media_type, "text/plain");
    EXPECT_LT(body.size_bytes, 1000u);
}

TEST_F(Bodies, ThatPackBadlyAreKeptAsTheyAre) {
    const auto store = open_store();
    std::string noise;
    std::mt19937 random(1);
    for (int i = 0; i < 10'000; ++i) noise += static_cast<char>(random());
    EXPECT_EQ(ask(*store, "noise", noise, Coding::zstd).coding, "");
    EXPECT_EQ(ask(*store, "plain", std::string(10'000, 'x'), Coding::zstd).coding, "zstd");
}

TEST_F(Bodies, ThatAreDamagedAreMadeAgain) {
    {
        const auto store = open_store();
        ask(*store, "a", "content");
        store->settle();
    }
    ASSERT_EQ(stored().size(), 1u);
    ASSERT_TRUE(objects.damage(stored()[0].key));
    const auto store = open_store();
    EXPECT_EQ(text_of(ask(*store, "a", "content")), "content");
    EXPECT_EQ(made, 2);
}

TEST_F(Bodies, GoWhenThereAreTooManyTheLongestUnusedFirst) {
    const auto store = open_store({.bytes_max = 2500, .open_max = 2});
    ask(*store, "a", std::string(1000, 'a'));
    store->settle();
    ask(*store, "b", std::string(1000, 'b'));
    store->settle();
    ask(*store, "a", "");  // used again
    ask(*store, "c", std::string(1000, 'c'));
    store->settle();
    EXPECT_EQ(store->stored_bytes(), 2000u);
    EXPECT_EQ(stored().size(), 2u);
    ask(*store, "d", std::string(10, 'd'));
    ask(*store, "a", "");
    EXPECT_EQ(made, 4);
}

TEST_F(Bodies, AreMadeByOneWhileTheOthersWait) {
    const auto store = open_store();
    std::atomic<int> makers = 0;
    std::vector<std::jthread> threads;
    for (int i = 0; i < 8; ++i)
        threads.emplace_back([&] {
            const auto body = store->find_or_make({"r1", "a", {}}, [&]() -> Result<Made> {
                ++makers;
                return Made{"content", "text/plain"};
            });
            EXPECT_EQ(text_of(*body), "content");
        });
    threads.clear();
    EXPECT_EQ(makers, 1);
}

TEST_F(Bodies, ThatCannotBeMadeTellWhyAndAreTriedAgain) {
    const auto store = open_store();
    const auto failed = store->find_or_make({"r1", "a", {}}, []() -> Result<Made> {
        return fail(ErrorCode::not_found, "no such gene");
    });
    ASSERT_FALSE(failed.has_value());
    EXPECT_EQ(failed.error().message, "no such gene");
    EXPECT_EQ(text_of(ask(*store, "a", "content")), "content");
}

Frame genes_of_a_test() {
    Frame var;
    var.index = {"ENSG00000010610.9", "ENSG00000153563", "ENSG00000198851"};
    var.columns = {{"feature_name", TextArray{"CD4", "CD8A", "CD3E"}, {}},
                   {"synonyms", TextArray{"CD4mut", "CD8|p32, Leu2", ""}, {}}};
    return var;
}

TEST(GeneNames, FindIdsWithAndWithoutVersionSymbolsAndSynonyms) {
    const GeneNames names(genes_of_a_test());
    EXPECT_EQ(names.find("ENSG00000010610.9"), 0u);
    EXPECT_EQ(names.find("ENSG00000010610"), 0u);
    EXPECT_EQ(names.find("CD8A"), 1u);
    EXPECT_EQ(names.find("cd8a"), 1u);
    EXPECT_EQ(names.find("Leu2"), 1u);
    EXPECT_EQ(names.find("CD3E"), 2u);
    EXPECT_FALSE(names.find("CD3"));
    EXPECT_FALSE(names.find(""));
    EXPECT_EQ(names.symbol(2), "CD3E");
}

TEST(GeneNames, SearchGivesEqualNamesThenBeginningsThenPartsEachGeneOnce) {
    const GeneNames names(genes_of_a_test());
    std::vector<std::string> found;
    for (const GeneHit& hit : names.search("cd", 10)) found.push_back(hit.symbol);
    EXPECT_EQ(found, (std::vector<std::string>{"CD3E", "CD4", "CD8A"}));
    EXPECT_EQ(names.search("p3", 10).at(0).matched, "p32");
    EXPECT_EQ(names.search("153563", 10).at(0).symbol, "CD8A");
    EXPECT_EQ(names.search("cd", 1).size(), 1u);
    EXPECT_TRUE(names.search("nothing like it", 10).empty());
}

TEST(Colors, AreHexOrCssNamesAndNothingElse) {
    EXPECT_EQ(hex_color("#A1B2C3"), "#a1b2c3");
    EXPECT_EQ(hex_color("#a1b2c3ff"), "#a1b2c3");
    EXPECT_EQ(hex_color("#abc"), "#aabbcc");
    EXPECT_EQ(hex_color("RebeccaPurple"), "#663399");
    EXPECT_EQ(hex_color("aliceblue"), "#f0f8ff");
    EXPECT_EQ(hex_color("yellowgreen"), "#9acd32");
    for (const char* bad : {"", "#", "#12345", "#gggggg", "no colour"})
        EXPECT_FALSE(hex_color(bad)) << bad;
}

Embedding embedding_of(std::vector<double> values, std::uint64_t dims) {
    expression::Array array = expression::Array::of(values);
    array.shape = {values.size() / dims, dims};
    return {"X_test", "test", std::move(array)};
}

TEST(Embeddings, AreMovedIntoTheUnitSquareWithTheirProportions) {
    const auto square = unit_square(embedding_of({0, 0, 9, 10, 5, 9, 0, NAN, 9}, 3));
    EXPECT_EQ(square[0][0], 0.0f);
    EXPECT_EQ(square[0][1], 1.0f);
    EXPECT_EQ(square[1][0], 0.25f);
    EXPECT_EQ(square[1][1], 0.75f);
    EXPECT_TRUE(std::isnan(square[1][2]));
}

TEST(Embeddings, ThatCellxgeneCannotShowAreKeptFromIt) {
    EXPECT_TRUE(fits_cellxgene(embedding_of({1, 2, 3, NAN}, 2)));
    EXPECT_FALSE(fits_cellxgene(embedding_of({1, 2, 3, INFINITY}, 2)));
    EXPECT_FALSE(fits_cellxgene(embedding_of({NAN, NAN}, 2)));
    EXPECT_FALSE(fits_cellxgene(embedding_of({1, 2}, 1)));
}

class Answers : public Bodies {
protected:
    Answers()
        : store(open_store()), explorer([this](std::string_view) { return sealed(); }, *store) {}
    static Result<std::shared_ptr<const expression::SealedDataset>> sealed() {
        expression::AnnotatedData data = expression::samples::rich_dataset();
        data.uns.emplace_back("type_colors",
                              expression::Element{expression::TextGrid{{2}, {"red", "#00ff00"}}});
        return expression::SealedDataset::open(
            expression::samples::reader_of(expression::samples::seal(data)));
    }
    std::shared_ptr<const RevisionData> data() { return *explorer.open("r1"); }
    static Json json_of(const Result<Made>& made) { return *parse_json(made->bytes); }
    std::unique_ptr<BodyStore> store;
    Explorer explorer;
};

TEST_F(Answers, TheSchemaTellsTypesCategoriesDimensionsAndLayers) {
    const Json schema = json_of(schema_answer(*data()));
    EXPECT_EQ(schema["cells"], 4);
    EXPECT_EQ(schema["obs"]["index"], "cell_id");
    EXPECT_EQ(schema["obs"]["columns"][0].dump(), R"({"name":"n","type":"int64","missing":1})");
    EXPECT_EQ(schema["obs"]["columns"][3]["categories"].dump(), R"(["T","B"])");
    EXPECT_EQ(schema["obs"]["columns"][3]["ordered"], true);
    EXPECT_EQ(schema["obs"]["columns"][4]["category_type"], "int32");
    EXPECT_EQ(schema["embeddings"][0]["dims"].dump(), R"(["umap_0","umap_1"])");
    EXPECT_EQ(schema["embeddings"][0]["extent"].dump(), "[[1.0,7.0],[2.0,8.0]]");
    EXPECT_EQ(schema["layers"][0]["name"], "X");
}

TEST_F(Answers, CellxgenesSchemaReducesTypesAsThePeerDoes) {
    const Json schema = json_of(cellxgene_schema(*data()))["schema"];
    std::string types;
    for (const Json& column : schema["annotations"]["obs"]["columns"])
        types += column["name"].get<std::string>() + ":" + column["type"].get<std::string>() + " ";
    EXPECT_EQ(types,
              "name_0:string n:float32 score:float32 name:string type:categorical batch:int32 "
              "ok:boolean ");
    EXPECT_EQ(schema["layout"]["obs"][0]["dims"].dump(), R"(["umap_0","umap_1"])");
}

TEST_F(Answers, UnknownNamesAreToldByName) {
    EXPECT_EQ(obs_answer(*data(), {"age"}, {}).error().message, "obs has no column 'age'");
    EXPECT_EQ(embedding_answer(*data(), "tsne", {}).error().code, ErrorCode::not_found);
    EXPECT_EQ(genes_named(*data(), "X", {"nope"}).error().message,
              "X has no gene 'nope' by id, symbol or synonym");
    EXPECT_EQ(genes_named(*data(), "layers/none", {"A"}).error().code, ErrorCode::not_found);
    EXPECT_EQ(cellxgene_annotations(*data(), Axis::obs, {"age"}, {}).error().code,
              ErrorCode::invalid_input);
}

TEST_F(Answers, ColoursAreHexByCategory) {
    EXPECT_EQ(json_of(colors_answer(*data())).dump(), R"({"type":{"T":"#ff0000","B":"#00ff00"}})");
}

TEST_F(Answers, TheSameQuestionGivesTheSameBytes) {
    const auto bytes = [&] { return obs_answer(*data(), {}, arrow::BodyCompression::zstd)->bytes; };
    EXPECT_EQ(bytes(), bytes());
    const auto net = [&] { return cellxgene_annotations(*data(), Axis::obs, {}, {})->bytes; };
    EXPECT_EQ(net(), net());
}

}  // namespace
}  // namespace stroma::explorer
