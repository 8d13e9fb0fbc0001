#include <gtest/gtest.h>

#include <cmath>
#include <cstring>

#include "image/pyramid_writer.h"
#include "object/mapped_reader.h"
#include "tissue/network/network_segmentation.h"
#include "tissue/network/windows.h"

namespace stroma::tissue {
namespace {

const fs::path networks = fs::path(TEST_FOLDER) / "corpus/onnx";
const fs::path answers = fs::path(TEST_FOLDER) / "tissue/networks";

std::string bytes_of(const fs::path& path) {
    auto bytes = read_file(path);
    EXPECT_TRUE(bytes) << path;
    return bytes ? *bytes : "";
}

OnnxModel network(const std::string& name) {
    auto model = read_onnx(bytes_of(networks / (name + ".onnx")));
    EXPECT_TRUE(model) << (model ? "" : model.error().message);
    return model ? *model : OnnxModel{};
}

std::vector<float> numbers_of(const fs::path& path) {
    const std::string bytes = bytes_of(path);
    std::vector<float> numbers(bytes.size() / 4);
    std::memcpy(numbers.data(), bytes.data(), bytes.size());
    return numbers;
}

/// What another engine answered: test/tissue/networks/make_networks.py.
void answers_as_torch(const std::string& name, const std::vector<std::size_t>& order) {
    constexpr std::int64_t side = 48;
    const OnnxModel model = network(name);
    const auto facts = examine_network(model);
    ASSERT_TRUE(facts) << facts.error().message;
    const std::vector<float> stored = numbers_of(answers / (name + ".bin"));
    const auto taken = static_cast<std::size_t>(facts->channels * side * side);
    auto program = NetworkProgram::build(model, side, 1u << 30);
    ASSERT_TRUE(program) << program.error().message;
    std::vector<std::vector<float>> outputs;
    ASSERT_TRUE(program->run({stored.data(), taken}, outputs));
    ASSERT_EQ(outputs.size(), facts->outputs.size());
    std::size_t at = taken;
    for (const std::size_t i : order) {
        const auto channels = static_cast<std::size_t>(facts->outputs[i].channels);
        const bool is_last = name == "shares";  // torch left the channels last there
        const std::size_t places = outputs[i].size() / channels;
        double largest = 0;
        for (std::size_t j = 0; j < outputs[i].size(); ++j) {
            const std::size_t other = is_last ? j % places * channels + j / places : j;
            largest = std::max(largest, std::abs(double{outputs[i][j]} - stored[at + other]) /
                                            (1 + std::abs(stored[at + other])));
        }
        EXPECT_LT(largest, 1e-4) << name << " " << facts->outputs[i].name;
        at += outputs[i].size();
    }
    EXPECT_LE(at, stored.size());
    // Again with the same program: nothing of a window is left for the next one.
    std::vector<std::vector<float>> again;
    ASSERT_TRUE(program->run({stored.data(), taken}, again));
    EXPECT_EQ(outputs, again);
}

TEST(Network, AnswersAsTorchDoes) {
    answers_as_torch("star", {0, 1});
    answers_as_torch("flow", {0});
    answers_as_torch("shares", {0});
    EXPECT_EQ(examine_network(network("star"))->outputs[1].grid, 2);
    EXPECT_TRUE(examine_network(network("flow"))->looks_everywhere);
    EXPECT_FALSE(examine_network(network("star"))->looks_everywhere);
}

class NoisePicture final : public image::ImageSource {
public:
    NoisePicture(std::uint64_t width, std::uint64_t height) {
        info_.width = width;
        info_.height = height;
        info_.type = image::PixelType::uint16;
        info_.channels = {image::Channel{.name = "DNA"}};
    }
    const image::ImageInfo& info() const override { return info_; }
    std::vector<std::size_t> groups() const override { return {1}; }
    Result<void> read_rows(std::size_t, std::uint64_t first, std::uint64_t rows,
                           std::span<Bytes> out) override {
        out[0].resize(rows * info_.width * 2);
        for (std::uint64_t i = 0; i < rows * info_.width; ++i) {
            std::uint64_t noise = (first * info_.width + i + 1) * 0x9e3779b97f4a7c15u;
            noise ^= noise >> 29;
            const auto value = static_cast<std::uint16_t>(noise % 1000);
            std::memcpy(out[0].data() + 2 * i, &value, 2);
        }
        return {};
    }

private:
    image::ImageInfo info_;
};

std::shared_ptr<const image::StoredImage> noise_picture(std::uint64_t width, std::uint64_t height) {
    NoisePicture source(width, height);
    File file = *File::temporary(fs::temp_directory_path());
    EXPECT_TRUE(image::write_pyramid(source, file, {}, false, {}));
    return *image::StoredImage::open(
        std::make_unique<object::MappedReader>(*MappedFile::map(file), "picture"));
}

/// The first output of a network over a picture by windows of that core.
std::vector<float> by_windows(const NetworkModel& model, const NetworkView& view, std::int64_t core,
                              std::int64_t halo) {
    const std::int64_t grid = model.facts.outputs[0].grid;
    std::vector<float> whole(static_cast<std::size_t>(view.width() / grid * view.height() / grid));
    const WindowPlan plan{core, halo, core + 2 * halo, true};
    auto done = Checkpoint::open({}, fs::temp_directory_path(), 1, window_count(plan, view));
    EXPECT_TRUE(done);
    const auto asked = ask_network(
        model, view, plan, 1u << 30, {}, *done, [&](const NetworkAnswer& answer) -> Result<void> {
            for (std::int64_t y = answer.core.y; y < answer.core.y + answer.core.height; y += grid)
                for (std::int64_t x = answer.core.x; x < answer.core.x + answer.core.width;
                     x += grid)
                    whole[static_cast<std::size_t>(y / grid * (view.width() / grid) + x / grid)] =
                        answer.map(0, 0)[answer.place(x, y)];
            return {};
        });
    EXPECT_TRUE(asked) << asked.error().message;
    return whole;
}

TEST(Network, NoWindowIsSeenWhereTheHaloIsAsWideAsTheReach) {
    const auto picture = noise_picture(160, 96);
    for (const auto& [name, rules] : std::map<std::string, std::string>{
             {"star", R"({"decoder": "stardist"})"},
             {"shares", R"({"maps": ["background", "inside", "border"]})"}}) {
        const auto model = read_network(bytes_of(networks / (name + ".onnx")), rules);
        ASSERT_TRUE(model) << model.error().message;
        const auto view = NetworkView::open(*picture, 0, model->rules, 1, {});
        ASSERT_TRUE(view);
        const auto plan = plan_windows(*model, 160, 96);
        ASSERT_TRUE(plan && plan->is_seamless);
        ASSERT_GE(plan->halo, model->facts.reach);
        ASSERT_LT(plan->halo, 40);
        const auto whole = by_windows(*model, *view, 160, plan->halo);
        const auto small = by_windows(*model, *view, 32, plan->halo);
        double apart = 0, without = 0;
        const auto none = by_windows(*model, *view, 32, 0);
        for (std::size_t i = 0; i < whole.size(); ++i) {
            apart = std::max(apart, std::abs(double{whole[i]} - small[i]));
            without = std::max(without, std::abs(double{whole[i]} - none[i]));
        }
        EXPECT_LT(apart, 1e-5) << name;
        EXPECT_GT(without, 1e-3) << name;  // else nothing was tried
    }
}

TEST(Network, StarsAreDrawnAsPlainNumpyDraws) {
    const std::vector<float> stored = numbers_of(answers / "stars.bin");
    const auto count = static_cast<std::size_t>(stored[0]),
               rays = static_cast<std::size_t>(stored[1]);
    const auto side = static_cast<std::uint64_t>(stored[2]);
    std::vector<StarCandidate> stars(count);
    const float* at = stored.data() + 3;
    for (StarCandidate& star : stars) {
        star = {at[0],
                static_cast<std::int32_t>(at[1]),
                static_cast<std::int32_t>(at[2]),
                {at + 3, at + 3 + rays}};
        at += 3 + rays;
    }
    for (const bool is_turned : {false, true}) {
        if (is_turned) std::reverse(stars.begin(), stars.end());
        auto labels = *ScratchPlane<std::uint32_t>::make(fs::temp_directory_path(), side, side);
        const auto drawn = draw_stars(stars, 0.3, 0, labels, {});
        ASSERT_TRUE(drawn);
        EXPECT_GT(*drawn, 5u);
        std::size_t differing = 0;
        for (std::uint64_t i = 0; i < side * side; ++i)
            differing += labels.row(0)[i] != static_cast<std::uint32_t>(at[i]) ? 1 : 0;
        EXPECT_EQ(differing, 0u);
    }
}

TEST(Network, FlowsAreFollowedAsPlainNumpyFollows) {
    const std::vector<float> stored = numbers_of(answers / "flows.bin");
    const auto side = static_cast<std::uint64_t>(stored[0]);
    const std::size_t pixels = side * side;
    const fs::path folder = fs::temp_directory_path();
    auto down = *ScratchPlane<float>::make(folder, side, side);
    auto right = *ScratchPlane<float>::make(folder, side, side);
    auto is_cell = *ScratchPlane<std::uint16_t>::make(folder, side, side);
    auto labels = *ScratchPlane<std::uint32_t>::make(folder, side, side);
    for (std::size_t i = 0; i < pixels; ++i) {
        down.row(0)[i] = stored[1 + i];
        right.row(0)[i] = stored[1 + pixels + i];
        is_cell.row(0)[i] = static_cast<std::uint16_t>(stored[1 + 2 * pixels + i]);
    }
    const auto found = follow_flows(down, right, is_cell, {}, folder, labels, {});
    ASSERT_TRUE(found);
    EXPECT_EQ(*found, 11u);
    std::size_t differing = 0;
    for (std::size_t i = 0; i < pixels; ++i)
        differing += labels.row(0)[i] != static_cast<std::uint32_t>(stored[1 + 3 * pixels + i]);
    EXPECT_EQ(differing, 0u);
}

TEST(Network, SaysWhatItDoesNotUnderstand) {
    const auto why = [](const Result<NetworkModel>& model) {
        return model ? std::string("taken") : model.error().message;
    };
    const auto of = [&](const char* name, const char* rules) {
        return why(read_network(bytes_of(networks / name), rules));
    };
    EXPECT_NE(of("odd.onnx", "{}").find("(Sin): this operator isn't known"), std::string::npos)
        << of("odd.onnx", "{}");
    EXPECT_NE(of("star.onnx", R"({"decoder": "cellpose"})").find("cellpose's first output"),
              std::string::npos);
    EXPECT_NE(of("bright.onnx", R"({"maps": ["inside", "border"]})").find("gives 1 maps"),
              std::string::npos);
    EXPECT_NE(of("bright.onnx", R"({"maps": ["sky"]})").find("'maps' is \"sky\""),
              std::string::npos);
    EXPECT_NE(of("bright.onnx", R"({"seed": 1})").find("'seed' isn't known"), std::string::npos);
    EXPECT_NE(why(read_network("no network", "{}")).find("no ONNX file"), std::string::npos);
    const auto large = NetworkProgram::build(network("star"), 4096, 1u << 20);
    ASSERT_FALSE(large);
    EXPECT_EQ(large.error().code, ErrorCode::exhausted);
}

TEST(Network, CutFilesAreRefused) {
    const std::string bytes = bytes_of(networks / "star.onnx");
    std::size_t taken = 0;
    for (std::size_t size = 0; size < bytes.size(); size += 7)
        if (const auto model = read_onnx(std::string_view(bytes).substr(0, size)))
            taken += examine_network(*model) ? 1 : 0;
    EXPECT_EQ(taken, 0u);
}

}  // namespace
}  // namespace stroma::tissue
