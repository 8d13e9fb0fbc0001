// What a person does in the Explorer; see browser.mjs.
import { readFileSync } from "node:fs";

export const explorerSteps = (t) => ({
  async home() {
    await t.page.goto(t.order.url);
    await t.page.waitForSelector(t.order.empty ? ".empty" : ".cards a strong");
    t.seen.address = t.page.url();
    t.seen.datasets = await t.page.locator(".cards a strong").allTextContents();
    t.seen.violations.home = await t.violations();
    await t.shot("home");
  },
  async open() {
    await t.page.getByRole("link", { name: `Explore ${t.order.title}`, exact: true }).click();
    t.seen.opened = await t.colours();
    t.seen.legend = await t.texts(t.page.locator(".legend li"));
    t.seen.violations.explorer = await t.violations();
    await t.shot("opened");
  },
  async gene() {
    await t.page.getByLabel("Gene", { exact: true }).fill(t.order.gene);
    await t.page.locator(".gene-search button").click();
    await t.page.getByLabel(`Colour by ${t.order.gene}`).click();
    await t.page.waitForSelector(`.legend :text("${t.order.gene}")`);
    t.seen.gene = await t.colours();
    await t.shot("gene");
  },
  async lasso() {
    await t.lasso(t.page);
    t.seen.lassoed = await t.selectedCells();
    await t.shot("lasso");
    await t.page.getByRole("button", { name: "Undo" }).click();
  },
  async category() {
    const column = new RegExp(`^${t.order.column}$`);
    await t.page.locator(".category .disclosure", { hasText: column }).click();
    await t.page.locator(".labels li", { hasText: t.order.label }).hover();
    await t.page.locator(".labels li", { hasText: t.order.label }).locator("button.only").click();
    t.seen.selected = await t.selectedCells();
    await t.shot("category");
  },
  async compare() {
    await t.page.locator(".group-a button", { hasText: "Set from selection" }).click();
    const answered = t.page.waitForResponse((response) =>
      response.url().endsWith("/v1/comparisons") && response.request().method() === "POST");
    await t.page.getByRole("button", { name: /^Compare A with/ }).click();
    t.seen.comparison = await (await answered).json();
    await t.page.waitForSelector(".comparison .two-lists");
    const higher = t.page.locator(".two-lists ol").first().locator("li button");
    t.seen.higher = await higher.allTextContents();
    await t.page.locator(".comparison").scrollIntoViewIfNeeded();
    await t.shot("compared");
    await t.page.getByRole("button", { name: "All genes" }).click();
    const table = t.page.locator("dialog table");
    await table.locator("tbody tr").first().waitFor();
    t.seen.head = await table.locator("thead th").allTextContents();
    t.seen.first = await table.locator("tbody tr").first().locator("td, th").allTextContents();
    t.seen.violations.table = await t.violations();
    await t.shot("table");
    await t.page.keyboard.press("Escape");
    await t.page.getByRole("button", { name: "Volcano" }).click();
    await t.page.locator("dialog .figure-drawing svg").waitFor();
    t.seen.volcano = await t.page.locator("dialog svg circle, dialog svg path").count();
    await t.shot("volcano");
    await t.page.keyboard.press("Escape");
  },
  async otherTests() {
    t.seen.other_tests = {};
    for (const test of ["wilcoxon", "pseudobulk"]) {
      await t.page.getByLabel("Test", { exact: true }).selectOption(test);
      const answered = t.page.waitForResponse((response) =>
        response.url().endsWith("/v1/comparisons") && response.request().method() === "POST");
      await t.page.getByRole("button", { name: /^Compare A with/ }).click();
      t.seen.other_tests[test] = await (await answered).json();
      await t.page.waitForSelector(".comparison .two-lists, .compare-options ~ .notice.error");
      t.seen.other_tests[test].note = await t.page.locator(".comparison .note").textContent();
      await t.shot(test);
    }
  },
  async range() {
    const histogram = t.page.getByRole("img", { name: `Histogram of ${t.order.number}` });
    await histogram.scrollIntoViewIfNeeded();
    const box = await histogram.boundingBox();
    await t.page.mouse.move(box.x + box.width * 0.2, box.y + box.height / 2);
    await t.page.mouse.down();
    await t.page.mouse.move(box.x + box.width * 0.4, box.y + box.height / 2);
    await t.page.mouse.move(box.x + box.width * 0.6, box.y + box.height / 2);
    await t.page.mouse.up();
    const ends = ["least", "greatest"].map((end) => t.page.getByLabel(`${end} ${t.order.number}`));
    t.seen.range = [Number(await ends[0].inputValue()), Number(await ends[1].inputValue())];
    await ends[0].fill(String(t.order.low));
    await ends[1].fill(String(t.order.high));
    t.seen.in_range = await t.selectedCells();
    await t.shot("range");
    await t.page.getByRole("button", { name: "Keep only the selected cells" }).click();
    t.seen.subset = await t.page.locator(".selected-count").textContent();
    await t.page.getByRole("button", { name: "Back to all cells" }).click();
  },
  async figures() {
    await t.page.getByLabel("Gene", { exact: true }).fill(t.order.genes.join(" "));
    await t.page.locator(".gene-search button").click();
    await t.page.getByLabel(`Colour by ${t.order.genes.at(-1)}`).waitFor();
    t.seen.figures = {};
    for (const kind of ["violin", "dots", "heat map", "composition"]) {
      await t.page.getByLabel("Figure", { exact: true }).selectOption(kind);
      const drawing = t.page.locator(".plots .figure-drawing svg");
      await drawing.first().waitFor();
      const download = t.page.waitForEvent("download");
      await t.page.locator(".plots .figure-files button", { hasText: "CSV" }).first().click();
      const csv = readFileSync(await (await download).path(), "utf8");
      t.seen.figures[kind] = { drawings: await drawing.count(), csv,
        marks: await drawing.first().locator("path, rect, circle").count() };
      await drawing.first().scrollIntoViewIfNeeded();
      await t.shot(kind.replace(" ", "-"));
    }
    await t.page.getByLabel("Figure", { exact: true }).selectOption("none");
  },
  async pictures() {
    const download = async (button) => {
      const begun = t.page.waitForEvent("download");
      await button.click();
      const file = await begun;
      return { name: file.suggestedFilename(), begin: readFileSync(await file.path()).subarray(0, 60)
        .toString("latin1") };
    };
    await t.page.getByLabel("Figure", { exact: true }).selectOption("dots");
    const files = t.page.locator(".plots .figure-files").first();
    t.seen.files = [await download(files.getByText("SVG")), await download(files.getByText("PNG")),
      await download(t.page.getByLabel("Save the picture", { exact: true }))];
    await t.page.getByLabel("Figure", { exact: true }).selectOption("none");
    t.seen.figure_gone = await t.page.locator(".plots .figure-drawing").count();
    await t.page.evaluate(() => document.activeElement?.blur());
    await t.page.keyboard.press("Control+z");
    t.seen.figure_back = await t.page.locator(".plots .figure-drawing").count();
    await t.page.keyboard.press("Control+Shift+z");
    t.seen.figure_gone_again = await t.page.locator(".plots .figure-drawing").count();
    await t.page.getByLabel("Dark colours").click();
    t.seen.dark = (await t.colours())[0][0];
    t.seen.violations.dark = await t.violations();
    await t.shot("dark");
    await t.page.getByLabel("Dark colours").click();
  },
  async turn() {
    await t.page.locator(".pane-head select").first().selectOption(t.order.solid);
    t.seen.flat = await t.colours();
    await t.page.getByLabel("Turn in three dimensions").click();
    const box = await t.page.locator(".scatter-plane").boundingBox();
    const [x, y] = [box.x + box.width / 3, box.y + box.height / 2];
    await t.page.mouse.move(x, y);
    await t.page.mouse.down();
    for (let step = 1; step <= 10; step++) await t.page.mouse.move(x + step * 12, y + step * 7);
    await t.page.mouse.up();
    t.seen.turned = await t.colours();
    await t.shot("turned");
  },
  async geneSets() {
    await t.page.getByLabel("Name of the new gene set").fill("mine");
    await t.page.locator(".gene-sets button", { hasText: "Create" }).click();
    await t.page.locator(".gene-sets summary", { hasText: "mine" }).click();
    await t.page.getByLabel("Colour by mine").click();
    await t.page.waitForSelector('.legend :text("mine")');
    const plot = (gene) => t.page.getByRole("button", { name: new RegExp(`^[xy]: ${gene}$`) });
    await plot(t.order.genes[0]).click();
    await plot(t.order.genes[1]).click();
    await t.page.locator(".gene-plane canvas").waitFor();
    await t.shot("gene-set");
  },
  async share() {
    t.seen.selected = await t.selectedCells();
    await t.page.getByRole("button", { name: "Share and reproduce" }).click();
    const field = t.page.getByLabel("Link to exactly this screen");
    await t.page.waitForFunction(() => document.querySelector(".copy-field input").value !== "");
    const link = await field.inputValue();
    t.seen.script = await t.page.getByLabel("In Python").inputValue();
    await t.shot("share");
    const before = await t.page.locator(".legend").textContent();
    t.page = await t.newReader();
    await t.page.goto(link);
    await t.colours();
    await t.page.waitForFunction((count) => document.querySelector(".selected-count strong")
      ?.textContent.replaceAll(",", "") === String(count), t.seen.selected);
    t.seen.restored = { selected: await t.selectedCells(),
      genes: await t.texts(t.page.locator(".number-row .row-name")),
      same_legend: before === await t.page.locator(".legend").textContent() };
    await t.shot("restored");
  },
});
