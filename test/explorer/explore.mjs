// Drives headless Chromium through the Explorer as a person would, and prints what it saw as JSON:
//   node explore.mjs FOLDER_WITH_NODE_MODULES ORDER     ORDER: JSON, see test_explorer_pages.py
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { pathToFileURL } from "node:url";

const [folder, orderText] = process.argv.slice(2);
const order = JSON.parse(orderText);
const require = createRequire(pathToFileURL(join(folder, "x.js")));
const { chromium } = require("playwright-core");
const axe = readFileSync(require.resolve("axe-core/axe.min.js"), "utf8");

const seen = { errors: [], refusals: [] };
// As root there is no sandbox to be had.
const browser = await chromium.launch({ executablePath: order.chromium, args: ["--no-sandbox"] });
const readerOfPictures = await browser.newPage();
let page = await newReader();
const shot = (name) =>
  page.screenshot({ path: join(order.pictures, `${order.name}-${name}.png`) });

/** A browser of its own: no store, no cache. */
async function newReader() {
  const context = await browser.newContext({ viewport: { width: 1440, height: 900 } });
  const made = await context.newPage();
  made.setDefaultTimeout(30_000);
  made.on("pageerror", (problem) => seen.errors.push(problem.message));
  made.on("console", (message) => {
    // What was refused is told below, with its address.
    if (message.type() === "error" && !message.text().startsWith("Failed to load resource"))
      seen.errors.push(message.text());
  });
  made.on("response", (response) => {
    if (response.status() >= 400) seen.refusals.push(`${response.status()} ${response.url()}`);
  });
  return made;
}

/** How often each colour is in the picture of the cells, the most frequent first. */
async function colours() {
  await page.waitForSelector('.scatter-plane[data-complete="true"]');
  const picture = await page.locator(".scatter-plane").screenshot();
  return readerOfPictures.evaluate(async (base64) => {
    const answer = await fetch(`data:image/png;base64,${base64}`);
    const bitmap = await createImageBitmap(await answer.blob());
    const canvas = new OffscreenCanvas(bitmap.width, bitmap.height);
    const draw = canvas.getContext("2d");
    draw.drawImage(bitmap, 0, 0);
    const { data } = draw.getImageData(0, 0, bitmap.width, bitmap.height);
    const counts = new Map();
    for (let at = 0; at < data.length; at += 4) {
      const channels = [0, 1, 2].map((k) => data[at + k].toString(16).padStart(2, "0"));
      const colour = `#${channels.join("")}`;
      counts.set(colour, (counts.get(colour) ?? 0) + 1);
    }
    return [...counts].sort((one, other) => other[1] - one[1]);
  }, picture.toString("base64"));
}

/** What accessibility rules are broken seriously. */
async function violations() {
  await page.evaluate(axe);
  return page.evaluate(async () => (await globalThis.axe.run()).violations
    .filter(({ impact }) => impact === "serious" || impact === "critical")
    .map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html.slice(0, 120)).join(" | ")}`));
}

const selectedCells = async () =>
  Number((await page.locator(".selected-count strong").textContent()).replaceAll(",", ""));

const steps = {
  async home() {
    await page.goto(order.url);
    await page.waitForSelector(order.empty ? ".empty" : ".cards a strong");
    seen.address = page.url();
    seen.datasets = await page.locator(".cards a strong").allTextContents();
    seen.home_violations = await violations();
    await shot("home");
  },
  async open() {
    await page.getByRole("link", { name: `Explore ${order.title}`, exact: true }).click();
    seen.opened = await colours();
    seen.legend = await page.locator(".legend li").allTextContents();
    seen.explorer_violations = await violations();
    await shot("opened");
  },
  async gene() {
    await page.getByLabel("Gene", { exact: true }).fill(order.gene);
    await page.locator(".gene-search button").click();
    await page.getByLabel(`Colour by ${order.gene}`).click();
    await page.waitForSelector(`.legend :text("${order.gene}")`);
    seen.gene = await colours();
    await shot("gene");
  },
  async lasso() {
    const box = await page.locator(".scatter-plane").boundingBox();
    const at = (angle) => [box.x + box.width * (0.5 + 0.45 * Math.cos(angle)),
      box.y + box.height * (0.5 - 0.49 * Math.abs(Math.sin(angle)))];
    await page.mouse.move(...at(0));
    await page.mouse.down();
    for (let step = 1; step <= 24; step++) await page.mouse.move(...at((step / 24) * Math.PI));
    await page.mouse.up();
    await page.waitForFunction((all) => document.querySelector(".selected-count strong")
      ?.textContent !== all, order.cells.toLocaleString("en"));
    seen.lassoed = await selectedCells();
    await shot("lasso");
    await page.getByRole("button", { name: "Undo" }).click();
  },
  async category() {
    const column = new RegExp(`^${order.column}$`);
    await page.locator(".category .disclosure", { hasText: column }).click();
    await page.locator(".labels li", { hasText: order.label }).hover();
    await page.locator(".labels li", { hasText: order.label }).locator("button.only").click();
    seen.selected = await selectedCells();
    await shot("category");
  },
  async compare() {
    await page.locator(".group-a button", { hasText: "Set from selection" }).click();
    const answered = page.waitForResponse((response) =>
      response.url().endsWith("/v1/comparisons") && response.request().method() === "POST");
    await page.getByRole("button", { name: /^Compare A with/ }).click();
    seen.comparison = await (await answered).json();
    await page.waitForSelector(".comparison .two-lists");
    const higher = page.locator(".two-lists ol").first().locator("li button");
    seen.higher = await higher.allTextContents();
    await page.locator(".comparison").scrollIntoViewIfNeeded();
    await shot("compared");
    await page.getByRole("button", { name: "All genes" }).click();
    const table = page.locator("dialog table");
    await table.locator("tbody tr").first().waitFor();
    seen.head = await table.locator("thead th").allTextContents();
    seen.first = await table.locator("tbody tr").first().locator("td, th").allTextContents();
    seen.table_violations = await violations();
    await shot("table");
    await page.keyboard.press("Escape");
    await page.getByRole("button", { name: "Volcano" }).click();
    await page.locator("dialog .figure-drawing svg").waitFor();
    seen.volcano = await page.locator("dialog svg circle, dialog svg path").count();
    await shot("volcano");
    await page.keyboard.press("Escape");
  },
  async otherTests() {
    seen.other_tests = {};
    for (const test of ["wilcoxon", "pseudobulk"]) {
      await page.getByLabel("Test", { exact: true }).selectOption(test);
      const answered = page.waitForResponse((response) =>
        response.url().endsWith("/v1/comparisons") && response.request().method() === "POST");
      await page.getByRole("button", { name: /^Compare A with/ }).click();
      seen.other_tests[test] = await (await answered).json();
      await page.waitForSelector(".comparison .two-lists, .compare-options ~ .notice.error");
      seen.other_tests[test].note = await page.locator(".comparison .note").textContent();
      await shot(test);
    }
  },
  async range() {
    const histogram = page.getByRole("img", { name: `Histogram of ${order.number}` });
    const box = await histogram.boundingBox();
    await page.mouse.move(box.x + box.width * 0.2, box.y + box.height / 2);
    await page.mouse.down();
    await page.mouse.move(box.x + box.width * 0.4, box.y + box.height / 2);
    await page.mouse.move(box.x + box.width * 0.6, box.y + box.height / 2);
    await page.mouse.up();
    const ends = page.locator(".thresholds input");
    seen.range = [Number(await ends.nth(0).inputValue()), Number(await ends.nth(1).inputValue())];
    await ends.nth(0).fill(String(order.low));
    await ends.nth(1).fill(String(order.high));
    seen.in_range = await selectedCells();
    await shot("range");
    await page.getByRole("button", { name: "Keep only the selected cells" }).click();
    seen.subset = await page.locator(".selected-count").textContent();
    await page.getByRole("button", { name: "Back to all cells" }).click();
  },
  async figures() {
    await page.getByLabel("Gene", { exact: true }).fill(order.genes.join(" "));
    await page.locator(".gene-search button").click();
    await page.getByLabel(`Colour by ${order.genes.at(-1)}`).waitFor();
    seen.figures = {};
    for (const kind of ["violin", "dots", "heat map", "composition"]) {
      await page.getByLabel("Figure", { exact: true }).selectOption(kind);
      const drawing = page.locator(".plots .figure-drawing svg");
      await drawing.first().waitFor();
      const download = page.waitForEvent("download");
      await page.locator(".plots .figure-files button", { hasText: "CSV" }).first().click();
      const csv = readFileSync(await (await download).path(), "utf8");
      seen.figures[kind] = { drawings: await drawing.count(), csv,
        marks: await drawing.first().locator("path, rect, circle").count() };
      await drawing.first().scrollIntoViewIfNeeded();
      await shot(kind.replace(" ", "-"));
    }
    await page.getByLabel("Figure", { exact: true }).selectOption("none");
  },
  async pictures() {
    const download = async (button) => {
      const begun = page.waitForEvent("download");
      await button.click();
      const file = await begun;
      return { name: file.suggestedFilename(), begin: readFileSync(await file.path()).subarray(0, 60)
        .toString("latin1") };
    };
    await page.getByLabel("Figure", { exact: true }).selectOption("dots");
    const files = page.locator(".plots .figure-files").first();
    seen.files = [await download(files.getByText("SVG")), await download(files.getByText("PNG")),
      await download(page.getByLabel("Save the picture"))];
    await page.getByLabel("Figure", { exact: true }).selectOption("none");
    seen.figure_gone = await page.locator(".plots .figure-drawing").count();
    await page.evaluate(() => document.activeElement?.blur());
    await page.keyboard.press("Control+z");
    seen.figure_back = await page.locator(".plots .figure-drawing").count();
    await page.keyboard.press("Control+Shift+z");
    seen.figure_gone_again = await page.locator(".plots .figure-drawing").count();
    await page.getByLabel("Dark colours").click();
    seen.dark = (await colours())[0][0];
    seen.dark_violations = await violations();
    await shot("dark");
    await page.getByLabel("Dark colours").click();
  },
  async turn() {
    await page.locator(".scatter-tools select").first().selectOption(order.solid);
    seen.flat = await colours();
    await page.getByLabel("Turn in three dimensions").click();
    const box = await page.locator(".scatter-plane").boundingBox();
    const [x, y] = [box.x + box.width / 3, box.y + box.height / 2];
    await page.mouse.move(x, y);
    await page.mouse.down();
    for (let step = 1; step <= 10; step++) await page.mouse.move(x + step * 12, y + step * 7);
    await page.mouse.up();
    seen.turned = await colours();
    await shot("turned");
  },
  async geneSets() {
    await page.getByLabel("Name of the new gene set").fill("mine");
    await page.locator(".gene-sets button", { hasText: "Create" }).click();
    await page.locator(".gene-sets summary", { hasText: "mine" }).click();
    await page.getByLabel("Colour by mine").click();
    await page.waitForSelector('.legend :text("mine")');
    const plot = (gene) => page.locator(".number-row", { hasText: gene }).first()
      .getByRole("button", { name: /^[xy]$/ });
    await plot(order.genes[0]).click();
    await plot(order.genes[1]).click();
    await page.locator(".gene-plane canvas").waitFor();
    await shot("gene-set");
  },
  async share() {
    seen.selected = await selectedCells();
    await page.getByRole("button", { name: "Share and reproduce" }).click();
    const field = page.getByLabel("Link to exactly this screen");
    await page.waitForFunction(() => document.querySelector(".copy-field input").value !== "");
    const link = await field.inputValue();
    seen.script = await page.getByLabel("In Python").inputValue();
    await shot("share");
    const before = await page.locator(".legend").textContent();
    page = await newReader();
    await page.goto(link);
    await colours();
    await page.waitForFunction((count) => document.querySelector(".selected-count strong")
      ?.textContent.replaceAll(",", "") === String(count), seen.selected);
    seen.restored = { selected: await selectedCells(),
      genes: await page.locator(".number-row .row-name").allTextContents(),
      same_legend: before === await page.locator(".legend").textContent() };
    await shot("restored");
  },
};
try {
  for (const step of order.steps) await steps[step]();
} catch (failure) {
  seen.failure = String(failure);
  await shot("failed");
}
await browser.close();
console.log(JSON.stringify(seen));
