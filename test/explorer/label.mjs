// Two people's tabs (one person's, in two browsers) label cells at once; prints what they saw:
//   node label.mjs FOLDER_WITH_NODE_MODULES ORDER        ORDER: JSON, see test_label_pages.py
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { pathToFileURL } from "node:url";

const [folder, orderText] = process.argv.slice(2);
const order = JSON.parse(orderText);
const require = createRequire(pathToFileURL(join(folder, "x.js")));
const { chromium } = require("playwright-core");
const axe = readFileSync(require.resolve("axe-core/axe.min.js"), "utf8");

const seen = { errors: [] };
// As root there is no sandbox to be had.
const browser = await chromium.launch({ executablePath: order.chromium, args: ["--no-sandbox"] });
let one, other;
const shot = (page, name) => page.screenshot({ path: join(order.pictures, `labels-${name}.png`) });

/** A browser of its own: no store, no cache. */
async function newReader() {
  const context = await browser.newContext({ viewport: { width: 1440, height: 900 } });
  const page = await context.newPage();
  page.setDefaultTimeout(60_000);
  page.on("pageerror", (problem) => seen.errors.push(problem.message));
  page.on("console", (message) => {
    if (message.type() === "error") seen.errors.push(message.text());
  });
  return page;
}
async function newTab() {
  const page = await newReader();
  await page.goto(`${order.url}/#/explore/${order.dataset}?token=${order.token}`);
  await complete(page);
  return page;
}
const complete = (page) => page.waitForSelector('.scatter-plane[data-complete="true"]');
const own = (page) => page.locator(".own-labels");
const disclosure = (page) => own(page).locator(".disclosure", { hasText: /^kind$/ });
const selectedCells = async (page) =>
  Number((await page.locator(".selected-count strong").textContent()).replaceAll(",", ""));

/** The counts beside each label of the reader's own column. */
const counts = (page) => own(page).locator(".labels > ul > li").evaluateAll((rows) =>
  Object.fromEntries(rows.map((row) => [
    row.querySelector(".own-label").lastChild.textContent,
    Number(row.querySelector(".counts").textContent.replaceAll(",", ""))])));
const waitForCount = (page, label, count) => page.waitForFunction(([name, number]) =>
  [...document.querySelectorAll(".own-labels .labels > ul > li")].some((row) =>
    row.querySelector(".own-label").lastChild.textContent === name &&
    row.querySelector(".counts").textContent.replaceAll(",", "") === String(number)),
[label, count]);

async function selectType(page, type) {
  const row = page.locator(".labels li", { has: page.locator(`label[title="${type}"]`) });
  if (await row.count() === 0)
    await page.locator(".category .disclosure", { hasText: /^cell_type$/ }).click();
  await row.hover();
  await row.locator("button.only").click();
}
async function lasso(page) {
  const box = await page.locator(".scatter-plane").boundingBox();
  const at = (angle) => [box.x + box.width * (0.5 + 0.45 * Math.cos(angle)),
    box.y + box.height * (0.5 - 0.49 * Math.abs(Math.sin(angle)))];
  const all = await selectedCells(page);
  await page.mouse.move(...at(0));
  await page.mouse.down();
  for (let step = 1; step <= 24; step++) await page.mouse.move(...at((step / 24) * Math.PI));
  await page.mouse.up();
  await page.waitForFunction((before) => document.querySelector(".selected-count strong")
    ?.textContent.replaceAll(",", "") !== String(before), all);
}
async function labelSelected(page, label) {
  await own(page).getByLabel("New label in kind").fill(label);
  await own(page).getByRole("button", { name: /^Label [\d,]+ cells$/ }).click();
}
/** Holds the page's next change back; what it gives lets it go. */
async function held(page) {
  let release;
  const gate = new Promise((open) => { release = open; });
  let arrived;
  const came = new Promise((tell) => { arrived = tell; });
  let isNext = true;
  await page.route("**/u/labels/*/history", async (route) => {
    if (isNext && route.request().method() === "POST") {
      isNext = false;
      arrived();
      await gate;
    }
    await route.continue();
  });
  return { came, release };
}

const steps = {
  async create() {
    one = await newTab();
    other = await newTab();
    await own(one).getByLabel("Name of the new labels").fill("kind");
    await own(one).getByRole("button", { name: "Create" }).click();
    await disclosure(one).waitFor();
    await disclosure(other).waitFor();
  },
  async lassoed() {
    await lasso(one);
    seen.lassoed = await selectedCells(one);
    await labelSelected(one, "by lasso");
    await waitForCount(one, "by lasso", seen.lassoed);
    await waitForCount(other, "by lasso", seen.lassoed);
    seen.labels_violations = await one.evaluate(axe).then(() => one.evaluate(async () =>
      (await globalThis.axe.run()).violations
        .filter(({ impact }) => impact === "serious" || impact === "critical")
        .map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html).join(" | ")}`)));
    await shot(one, "lassoed");
    await one.locator(".scatter-tools").getByRole("button", { name: "Undo" }).click();
  },
  /** The other tab's change leaves while it knows nothing of the first one's. */
  async atOnce() {
    const [first, second] = order.types;
    await selectType(one, first);
    await selectType(other, second);
    const late = await held(other);
    await labelSelected(other, "theirs");
    await late.came;
    await labelSelected(one, "mine");
    await waitForCount(one, "mine", order.counts[first]);
    late.release();
    for (const page of [one, other]) {
      await waitForCount(page, "mine", order.counts[first]);
      await waitForCount(page, "theirs", order.counts[second]);
    }
    seen.at_once = [await counts(one), await counts(other)];
  },
  async conflict() {
    const [first] = order.types;
    await selectType(other, first);
    const late = await held(other);
    await labelSelected(other, "late");
    await late.came;
    await labelSelected(one, "early");
    await waitForCount(one, "early", order.counts[first]);
    late.release();
    const notice = own(other).locator(".notice.warning");
    await notice.waitFor();
    seen.conflict = await notice.textContent();
    seen.kept = await counts(other);
    await shot(other, "conflict");
    await notice.getByRole("button", { name: "Label them late" }).click();
    await waitForCount(one, "late", order.counts[first]);
    seen.insisted = await counts(one);
  },
  async history() {
    await own(other).getByRole("button", { name: "History of kind" }).click();
    const entries = own(other).locator(".label-history li");
    await entries.first().waitFor();
    seen.history = await entries.locator("span").allTextContents();
    await shot(other, "history");
    await entries.first().getByRole("button").click();
    await waitForCount(one, "early", order.counts[order.types[0]]);
    await disclosure(other).click();
  },
  async changes() {
    await own(one).getByLabel("Change the label theirs").click();
    await own(one).getByLabel("New name of theirs").fill("renamed");
    await own(one).locator(".label-change button", { hasText: "Rename" }).click();
    await waitForCount(one, "renamed", order.counts[order.types[1]]);
    await own(one).getByLabel("Change the label early").click();
    await own(one).getByLabel("Merge into").selectOption("renamed");
    const both = order.counts[order.types[0]] + order.counts[order.types[1]];
    await waitForCount(one, "renamed", both);
    // By keyboard: the label's number gives it to the selected cells.
    await selectType(one, order.types[2]);
    const number = Object.keys(await counts(one)).indexOf("renamed") + 1;
    await one.keyboard.press(String(number));
    await waitForCount(one, "renamed", both + order.counts[order.types[2]]);
    await one.getByLabel("Colour by kind").click();
    await one.waitForSelector('.legend :text("renamed")');
    await shot(one, "coloured");
  },
  async csv() {
    const before = await counts(one);
    const download = one.waitForEvent("download");
    await own(one).getByRole("button", { name: "Download as CSV" }).click();
    seen.csv = readFileSync(await (await download).path(), "utf8");
    await own(one).getByLabel("Change kind").click();
    await own(one).getByRole("button", { name: "Delete these labels" }).click();
    await own(one).getByRole("button", { name: "Really delete kind" }).click();
    await own(one).getByRole("button", { name: "History of kind" }).waitFor({ state: "detached" });
    await own(one).getByLabel("CSV file of labels").setInputFiles(
      { name: "labels.csv", mimeType: "text/csv", buffer: Buffer.from(seen.csv) });
    await waitForCount(one, "renamed", before.renamed);
    seen.csv_counts = { before, after: await counts(one) };
    await one.reload();
    await complete(one);
    await waitForCount(one, "renamed", before.renamed);
    seen.reloaded = await counts(one);
  },
  async view() {
    await one.getByLabel("Gene", { exact: true }).fill(order.gene);
    await one.locator(".gene-search button").click();
    await one.getByLabel(`Colour by ${order.gene}`).click();
    await one.waitForSelector(`.legend :text("${order.gene}")`);
    const put = one.waitForResponse((answer) => answer.url().includes("/genesets/") &&
      answer.request().method() === "PUT");
    await one.getByLabel("Name of the new gene set").fill("my set");
    await one.locator(".gene-sets button", { hasText: "Create" }).click();
    seen.kept_set = (await (await put).json()).genesets;
    await selectType(one, order.types[0]);
    seen.selected = await selectedCells(one);
    await one.getByRole("button", { name: "Share and reproduce" }).click();
    await one.getByLabel("Name of this view").fill("figure 1");
    await one.getByRole("button", { name: "Save this view" }).click();
    const field = one.getByLabel("Link to the saved view");
    await field.waitFor();
    seen.link = await field.inputValue();
    await shot(one, "view");
    const stranger = await newReader();
    await stranger.goto(seen.link);
    await complete(stranger);
    await stranger.waitForSelector(`.legend :text("${order.gene}")`);
    await stranger.waitForFunction((count) => document.querySelector(".selected-count strong")
      ?.textContent.replaceAll(",", "") === String(count), seen.selected);
    seen.restored = { selected: await selectedCells(stranger),
      genes: await stranger.locator(".number-row .row-name").allTextContents(),
      sets: await stranger.locator(".gene-sets summary").allTextContents() };
    await shot(stranger, "stranger");
    // Another tab of the owner has the gene set without any link.
    await other.reload();
    await other.locator(".gene-sets summary", { hasText: "my set" }).waitFor();
  },
};
try {
  for (const step of order.steps) await steps[step]();
} catch (failure) {
  seen.failure = String(failure);
  if (one) await shot(one, "failed-one");
  if (other) await shot(other, "failed-other");
}
await browser.close();
console.log(JSON.stringify(seen));
