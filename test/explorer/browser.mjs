// Drives headless Chromium through the pages as a person would, and prints what it saw as JSON:
//   node browser.mjs FOLDER_WITH_NODE_MODULES ORDER        ORDER: JSON, see conftest.py
// Each step is a function of one of the *_steps.mjs files; they share what is below.
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { pathToFileURL } from "node:url";

import { dashboardSteps } from "./dashboard_steps.mjs";
import { explorerSteps } from "./explorer_steps.mjs";
import { imageSteps } from "./image_steps.mjs";
import { labelSteps } from "./label_steps.mjs";
import { portalSteps } from "./portal_steps.mjs";
import { runSteps } from "./run_steps.mjs";
import { selectingSteps } from "./selecting_steps.mjs";
import { sharingSteps } from "./sharing_steps.mjs";

const [folder, orderText] = process.argv.slice(2);
const order = JSON.parse(orderText);
const require = createRequire(pathToFileURL(join(folder, "x.js")));
const { chromium } = require("playwright-core");
const axe = readFileSync(require.resolve("axe-core/axe.min.js"), "utf8");

// As root there is no sandbox to be had.
const browser = await chromium.launch({ executablePath: order.chromium, args: ["--no-sandbox"] });
const readerOfPictures = await browser.newPage();

/** How often each colour is in a picture, the most frequent first. */
const coloursOf = (picture) => readerOfPictures.evaluate(async (base64) => {
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

const t = {
  order,
  seen: { errors: [], refusals: [], violations: {} },
  page: null,

  /** A browser of its own: no store, no cache, nobody signed in. */
  async newReader(options = {}) {
    const context = await browser.newContext({ viewport: { width: 1440, height: 900 }, ...options });
    const made = await context.newPage();
    // The machine may be slow and busy; what comes is waited for, however long it takes.
    made.setDefaultTimeout(90_000);
    made.on("pageerror", (problem) => t.seen.errors.push(problem.message));
    made.on("console", (message) => {
      // What was refused is told below, with its address.
      if (message.type() === "error" && !message.text().startsWith("Failed to load resource"))
        t.seen.errors.push(message.text());
    });
    made.on("response", (response) => {
      if (response.status() >= 400) t.seen.refusals.push(`${response.status()} ${response.url()}`);
    });
    return made;
  },
  shot: (name, page = t.page) =>
    page.screenshot({ path: join(order.pictures, `${order.name}-${name}.png`) }),
  /** What accessibility rules are broken seriously. */
  async violations(page = t.page) {
    await page.evaluate(axe);
    return page.evaluate(async () => (await globalThis.axe.run()).violations
      .filter(({ impact }) => impact === "serious" || impact === "critical")
      .map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html.slice(0, 140)).join(" | ")}`));
  },
  /** Keeps a picture of the whole page, and what rules of accessibility it breaks seriously. */
  async look(name) {
    await t.page.screenshot({ path: join(order.pictures, `${order.name}-${name}.png`),
      fullPage: true });
    t.seen.violations[name] = await t.violations();
  },

  /** The Explorer with its cells drawn, as whoever has the order's token. */
  async explorerTab(dataset = order.dataset, token = order.token) {
    const page = await t.newReader();
    await page.goto(`${order.url}/#/explore/${dataset}${token ? `?token=${token}` : ""}`);
    await t.drawn(page);
    return page;
  },
  drawn: (page = t.page) => page.waitForSelector('.scatter-plane[data-complete="true"]'),
  /** The colours in the picture of the cells. */
  async colours(page = t.page) {
    await t.drawn(page);
    return coloursOf(await page.locator(".scatter-plane").first().screenshot());
  },
  coloursIn: async (locator) => coloursOf(await locator.screenshot()),
  /** The texts of what a page shows, which may come a moment after the click that asked for it. */
  async texts(locator) {
    await locator.first().waitFor();
    return locator.allTextContents();
  },
  selectedCells: async (page = t.page) =>
    Number((await page.locator(".selected-count strong").textContent()).replaceAll(",", "")),
  waitForSelected: (count, page = t.page) => page.waitForFunction((wanted) =>
    document.querySelector(".selected-count strong")?.textContent.replaceAll(",", "") === wanted,
  String(count)),
  /** Draws around the upper half of the picture, and waits until that has selected cells. */
  async lasso(page = t.page) {
    const before = await page.locator(".selected-count strong").textContent();
    const box = await page.locator(".scatter-plane").first().boundingBox();
    const at = (angle) => [box.x + box.width * (0.5 + 0.45 * Math.cos(angle)),
      box.y + box.height * (0.5 - 0.49 * Math.abs(Math.sin(angle)))];
    await page.mouse.move(...at(0));
    await page.mouse.down();
    for (let step = 1; step <= 24; step++) await page.mouse.move(...at((step / 24) * Math.PI));
    await page.mouse.up();
    await page.waitForFunction((all) =>
      document.querySelector(".selected-count strong")?.textContent !== all, before);
  },
  /** Draws a box over a part of the picture, given in shares of its width and height. */
  async box([left, top, right, bottom], keys = [], plane = t.page.locator(".scatter-plane").first()) {
    const { x, y, width, height } = await plane.boundingBox();
    for (const key of keys) await t.page.keyboard.down(key);
    await t.page.mouse.move(x + width * left, y + height * top);
    await t.page.mouse.down();
    await t.page.mouse.move(x + width * ((left + right) / 2), y + height * bottom);
    await t.page.mouse.move(x + width * right, y + height * bottom);
    await t.page.mouse.up();
    for (const key of keys) await t.page.keyboard.up(key);
  },
  async addGenes(names, page = t.page) {
    await page.getByLabel("Gene", { exact: true }).fill(names);
    await page.locator(".gene-search button").click();
  },
  /** What a click downloads: the name, and the text or the bytes. */
  async downloaded(click, encoding = "utf8") {
    const begun = t.page.waitForEvent("download");
    await click();
    const file = await begun;
    return { name: file.suggestedFilename(), path: await file.path(),
      text: readFileSync(await file.path()).toString(encoding) };
  },
};

const steps = { ...portalSteps(t), ...explorerSteps(t), ...labelSteps(t), ...selectingSteps(t),
  ...sharingSteps(t), ...imageSteps(t), ...runSteps(t), ...dashboardSteps(t) };
try {
  t.page = await t.newReader();
  for (const step of order.steps) await steps[step]();
} catch (failure) {
  t.seen.failure = String(failure);
  await t.shot("failed");
}
await browser.close();
console.log(JSON.stringify(t.seen));
