// Opens one dataset in headless Chromium, moves and selects, and prints how long frames took:
//   node frames.mjs FOLDER_WITH_NODE_MODULES ORDER   ORDER: JSON with url, dataset, chromium, pages
// `pages`: a folder of built pages that are taken instead of the server's own.
import { existsSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { pathToFileURL } from "node:url";

const [folder, orderText] = process.argv.slice(2);
const order = JSON.parse(orderText);
const require = createRequire(pathToFileURL(join(folder, "x.js")));
const { chromium } = require("playwright-core");
const browser = await chromium.launch({ executablePath: order.chromium,
  args: ["--no-sandbox", "--use-angle=swiftshader", "--enable-unsafe-swiftshader"] });

/** A page that counts its frames: the gaps between those of one phase. */
async function newPage() {
  const context = await browser.newContext({ viewport: { width: 1440, height: 900 } });
  const page = await context.newPage();
  page.setDefaultTimeout(60_000);
  await page.addInitScript(() => {
    globalThis.frames_seen = [];
    const next = (time) => {
      globalThis.frames_seen.push(time);
      requestAnimationFrame(next);
    };
    requestAnimationFrame(next);
  });
  if (order.pages)
    await page.route((url) => existsSync(join(order.pages, url.pathname)) && url.pathname !== "/",
      (route) => route.fulfill({ path: join(order.pages, new URL(route.request().url()).pathname) }));
  if (order.pages)
    await page.route((url) => url.pathname === "/", (route) => route.fulfill({
      contentType: "text/html", body: readFileSync(join(order.pages, "index.html")) }));
  return page;
}

/** Milliseconds from the call to the first and the last point of the picture. */
async function open(page) {
  const begin = performance.now();
  await page.goto(`${order.url}/#/explore/${order.dataset}`, { waitUntil: "commit" });
  await page.waitForSelector('.scatter-plane[data-drawn="true"]', { state: "attached" });
  const first = performance.now() - begin;
  await page.waitForSelector('.scatter-plane[data-complete="true"]', { state: "attached" });
  return { first, whole: performance.now() - begin };
}

/** The longest gap between frames while `act` went on and until the picture rested. */
async function phase(page, act) {
  await page.waitForSelector('.scatter-plane[data-complete="true"]', { state: "attached" });
  await page.evaluate(() => { globalThis.frames_seen.length = 0; });
  await act();
  await page.evaluate(() => new Promise((done) => {
    let calm = 0;
    const look = () => {
      calm = document.querySelector('.scatter-plane[data-complete="true"]') ? calm + 1 : 0;
      if (calm > 20) done();
      else requestAnimationFrame(look);
    };
    look();
  }));
  const times = await page.evaluate(() => globalThis.frames_seen);
  const gaps = times.slice(1).map((time, at) => time - times[at]).sort((a, b) => a - b);
  return { longest: gaps.at(-1), p95: gaps[Math.floor(gaps.length * 0.95)], frames: gaps.length };
}

const seen = { opened: [] };
let page;
for (let run = 0; run < order.runs; run++) {
  await page?.context().close();
  page = await newPage();
  seen.opened.push(await open(page));
}
const box = await page.locator(".scatter-plane").boundingBox();
const at = (right, down) => [box.x + box.width * right, box.y + box.height * down];
const settle = (ms) => page.waitForTimeout(ms);
await settle(1500);

seen.hovering = await phase(page, async () => {
  for (let step = 0; step < 40; step++) await page.mouse.move(...at(0.2 + step * 0.015, 0.5));
});
seen.zooming = await phase(page, async () => {
  await page.mouse.move(...at(0.5, 0.5));
  for (let step = 0; step < 24; step++) {
    await page.mouse.wheel(0, step < 14 ? -120 : 120);
    await settle(16);
  }
});
seen.panning = await phase(page, async () => {
  await page.mouse.move(...at(0.5, 0.5));
  await page.mouse.down({ button: "middle" });
  for (let step = 0; step < 40; step++)
    await page.mouse.move(...at(0.5 + 0.2 * Math.sin(step / 5), 0.5 + 0.2 * Math.sin(step / 7)));
  await page.mouse.up({ button: "middle" });
});
seen.selecting = await phase(page, async () => {
  await page.mouse.move(...at(0.9, 0.5));
  await page.mouse.down();
  for (let step = 1; step <= 60; step++) {
    const angle = (step / 60) * 2 * Math.PI;
    await page.mouse.move(...at(0.5 + 0.4 * Math.cos(angle), 0.5 + 0.4 * Math.sin(angle)));
  }
  await page.mouse.up();
});
seen.selected = await page.locator(".selected-count strong").textContent();
if (order.picture) await page.screenshot({ path: order.picture });
console.log(JSON.stringify(seen));
await browser.close();
