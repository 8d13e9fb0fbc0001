// Looks at a dataset's images in the Explorer; prints what was drawn:
//   node images.mjs FOLDER_WITH_NODE_MODULES ORDER       ORDER: JSON, see test_image_pages.py
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
const page = await (await browser.newContext({ viewport: { width: 1440, height: 900 } })).newPage();
page.setDefaultTimeout(60_000);
page.on("pageerror", (problem) => seen.errors.push(problem.message));
page.on("console", (message) => {
  if (message.type() === "error") seen.errors.push(message.text());
});

const settled = async () => {
  await page.waitForSelector('.scatter-plane[data-complete="true"]');
  await page.waitForSelector('.image-canvas[data-missing="0"]');
};
/** Both canvases as PNGs, with their size on the page. */
const drawn = () => page.evaluate(() => {
  const [image, cells] = [".image-canvas", ".scatter-plane canvas:not(.image-canvas)"]
    .map((name) => document.querySelector(name));
  return { width: image.clientWidth, height: image.clientHeight,
    image: image.toDataURL("image/png"), cells: cells.toDataURL("image/png") };
});
const panel = page.getByRole("region", { name: "Images" });
const steps = {
  async open() {
    await page.goto(`${order.url}/#/explore/${order.dataset}?token=${order.token}`);
    await settled();
    seen.open = await drawn();
    seen.panel = await panel.innerText();
    seen.bar = await page.locator(".scale-bar").evaluateAll((bars) =>
      bars.map((bar) => [bar.textContent, bar.getBoundingClientRect().width]));
    await page.screenshot({ path: join(order.pictures, `images-${order.dataset}.png`) });
  },
  async hide() {
    await panel.getByRole("checkbox", { name: order.image }).uncheck();
    await page.waitForSelector('.image-canvas[aria-label="No image"]');
    await settled();
    seen.hidden = await drawn();
    await panel.getByRole("checkbox", { name: order.image }).check();
  },
  async zoom() {
    const box = await page.locator(".scatter-plane").boundingBox();
    await page.mouse.move(box.x + box.width / 2, box.y + box.height / 2);
    await page.mouse.wheel(0, -900);
    await settled();
    await page.screenshot({ path: join(order.pictures, `images-${order.dataset}-zoom.png`) });
  },
  async channels() {
    for (const name of order.off) await panel.getByRole("checkbox", { name }).uncheck();
    await settled();
    seen.channels = await drawn();
    await page.screenshot({ path: join(order.pictures, `images-${order.dataset}-channels.png`) });
  },
  async accessible() {
    await page.evaluate(axe);
    seen.violations = await page.evaluate(async () => (await globalThis.axe.run()).violations
      .filter(({ impact }) => impact === "serious" || impact === "critical")
      .map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html.slice(0, 120)).join(" | ")}`));
  },
  async click() {
    const box = await page.locator(".scatter-plane").boundingBox();
    await page.getByRole("button", { name: "Pick a cell by its outline" }).click();
    await page.mouse.click(box.x + order.at[0], box.y + order.at[1]);
    await page.waitForFunction(() =>
      document.querySelector(".selected-count strong")?.textContent === "1");
    // Its id takes its number's place when the ids have come.
    await page.locator(".picked-cell dd").first().filter({ hasText: order.cell }).waitFor();
    seen.picked = await page.locator(".picked-cell").innerText();
    await page.screenshot({ path: join(order.pictures, `images-${order.dataset}-picked.png`) });
  },
};
try {
  for (const step of order.steps) await steps[step]();
} catch (problem) {
  seen.failure = String(problem);
  await page.screenshot({ path: join(order.pictures, `images-${order.dataset}-failed.png`) })
    .catch(() => {});
} finally {
  await browser.close();
}
process.stdout.write(JSON.stringify(seen));
