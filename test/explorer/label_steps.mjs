// Two tabs of one person label cells at once; see browser.mjs.
import { readFileSync } from "node:fs";

export const labelSteps = (t) => {
  let one, other;
  const own = (page) => page.locator(".own-labels");
  const disclosure = (page) => own(page).locator(".disclosure", { hasText: /^kind$/ });

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
  return {
    /** Who isn't signed in labels in the browser: kept over a reload, taken back, taken along. */
    async anonymousLabels() {
      one = t.page = await t.explorerTab(t.order.dataset, "");
      await own(one).getByLabel("Name of the new labels").fill("kind");
      await own(one).getByRole("button", { name: "Create" }).click();
      await disclosure(one).waitFor();
      const [first, second] = t.order.types;
      await selectType(one, first);
      await labelSelected(one, "mine");
      await waitForCount(one, "mine", t.order.counts[first]);
      await selectType(one, second);
      await labelSelected(one, "others");
      await waitForCount(one, "others", t.order.counts[second]);
      await own(one).getByRole("button", { name: "Change the label others" }).click();
      await own(one).getByLabel("Merge into").selectOption("mine");
      await waitForCount(one, "mine", t.order.counts[first] + t.order.counts[second]);
      await t.look("anonymous-labels");
      await own(one).getByRole("button", { name: "History of kind" }).click();
      t.seen.history = await t.texts(own(one).locator(".label-history li > span"));
      await own(one).getByRole("button", { name: "Take back change 4" }).click();
      await disclosure(one).click();
      await waitForCount(one, "others", t.order.counts[second]);
      await one.reload();
      await t.drawn(one);
      await waitForCount(one, "mine", t.order.counts[first]);
      t.seen.reloaded = await counts(one);
      t.seen.csv = (await t.downloaded(() =>
        own(one).getByRole("button", { name: "Download as CSV" }).click())).text;
      await own(one).getByLabel("CSV file of labels").setInputFiles({ name: "labels.csv",
        mimeType: "text/csv", buffer: Buffer.from(t.seen.csv.replaceAll(",mine", ',"theirs, too"')) });
      await waitForCount(one, "theirs, too", t.order.counts[first]);
    },
    async create() {
      one = await t.explorerTab();
      other = await t.explorerTab();
      await own(one).getByLabel("Name of the new labels").fill("kind");
      await own(one).getByRole("button", { name: "Create" }).click();
      await disclosure(one).waitFor();
      await disclosure(other).waitFor();
    },
    async lassoed() {
      await t.lasso(one);
      t.seen.lassoed = await t.selectedCells(one);
      await labelSelected(one, "by lasso");
      await waitForCount(one, "by lasso", t.seen.lassoed);
      await waitForCount(other, "by lasso", t.seen.lassoed);
      t.seen.violations.labels = await t.violations(one);
      await t.shot("lassoed", one);
      await one.locator(".scatter-tools").getByRole("button", { name: "Undo" }).click();
    },
    /** The other tab's change leaves while it knows nothing of the first one's. */
    async atOnce() {
      const [first, second] = t.order.types;
      await selectType(one, first);
      await selectType(other, second);
      const late = await held(other);
      await labelSelected(other, "theirs");
      await late.came;
      await labelSelected(one, "mine");
      await waitForCount(one, "mine", t.order.counts[first]);
      late.release();
      for (const page of [one, other]) {
        await waitForCount(page, "mine", t.order.counts[first]);
        await waitForCount(page, "theirs", t.order.counts[second]);
      }
      t.seen.at_once = [await counts(one), await counts(other)];
    },
    async conflict() {
      const [first] = t.order.types;
      await selectType(other, first);
      const late = await held(other);
      await labelSelected(other, "late");
      await late.came;
      await labelSelected(one, "early");
      await waitForCount(one, "early", t.order.counts[first]);
      late.release();
      const notice = own(other).locator(".notice.warning");
      await notice.waitFor();
      t.seen.conflict = await notice.textContent();
      t.seen.kept = await counts(other);
      await t.shot("conflict", other);
      await notice.getByRole("button", { name: "Label them late" }).click();
      await waitForCount(one, "late", t.order.counts[first]);
      t.seen.insisted = await counts(one);
    },
    async history() {
      await own(other).getByRole("button", { name: "History of kind" }).click();
      const entries = own(other).locator(".label-history li");
      t.seen.history = await t.texts(entries.locator("span"));
      await t.shot("history", other);
      await entries.first().getByRole("button").click();
      await waitForCount(one, "early", t.order.counts[t.order.types[0]]);
      await disclosure(other).click();
    },
    async changes() {
      await own(one).getByLabel("Change the label theirs").click();
      await own(one).getByLabel("New name of theirs").fill("renamed");
      await own(one).locator(".label-change button", { hasText: "Rename" }).click();
      await waitForCount(one, "renamed", t.order.counts[t.order.types[1]]);
      await own(one).getByLabel("Change the label early").click();
      await own(one).getByLabel("Merge into").selectOption("renamed");
      const both = t.order.counts[t.order.types[0]] + t.order.counts[t.order.types[1]];
      await waitForCount(one, "renamed", both);
      // By keyboard: the label's number gives it to the selected cells.
      await selectType(one, t.order.types[2]);
      const number = Object.keys(await counts(one)).indexOf("renamed") + 1;
      await one.keyboard.press(String(number));
      await waitForCount(one, "renamed", both + t.order.counts[t.order.types[2]]);
      await one.getByLabel("Colour by kind").click();
      await one.waitForSelector('.legend :text("renamed")');
      await t.shot("coloured", one);
    },
    async csv() {
      const before = await counts(one);
      const download = one.waitForEvent("download");
      await own(one).getByRole("button", { name: "Download as CSV" }).click();
      t.seen.csv = readFileSync(await (await download).path(), "utf8");
      await own(one).getByLabel("Change kind").click();
      await own(one).getByRole("button", { name: "Delete these labels" }).click();
      await own(one).getByRole("button", { name: "Really delete kind" }).click();
      await own(one).getByRole("button", { name: "History of kind" }).waitFor({ state: "detached" });
      await own(one).getByLabel("CSV file of labels").setInputFiles(
        { name: "labels.csv", mimeType: "text/csv", buffer: Buffer.from(t.seen.csv) });
      await waitForCount(one, "renamed", before.renamed);
      t.seen.csv_counts = { before, after: await counts(one) };
      await one.reload();
      await t.drawn(one);
      await waitForCount(one, "renamed", before.renamed);
      t.seen.reloaded = await counts(one);
    },
    async view() {
      await one.getByLabel("Gene", { exact: true }).fill(t.order.gene);
      await one.locator(".gene-search button").click();
      await one.getByLabel(`Colour by ${t.order.gene}`).click();
      await one.waitForSelector(`.legend :text("${t.order.gene}")`);
      const put = one.waitForResponse((answer) => answer.url().includes("/genesets/") &&
        answer.request().method() === "PUT");
      await one.getByLabel("Name of the new gene set").fill("my set");
      await one.locator(".gene-sets button", { hasText: "Create" }).click();
      t.seen.kept_set = (await (await put).json()).genesets;
      await selectType(one, t.order.types[0]);
      t.seen.selected = await t.selectedCells(one);
      await one.getByRole("button", { name: "Share and reproduce" }).click();
      await one.getByLabel("Name of this view").fill("figure 1");
      await one.getByRole("button", { name: "Save this view" }).click();
      const field = one.getByLabel("Link to the saved view");
      await field.waitFor();
      t.seen.link = await field.inputValue();
      await t.shot("view", one);
      const stranger = await t.newReader();
      await stranger.goto(t.seen.link);
      await t.drawn(stranger);
      await stranger.waitForSelector(`.legend :text("${t.order.gene}")`);
      await stranger.waitForFunction((count) => document.querySelector(".selected-count strong")
        ?.textContent.replaceAll(",", "") === String(count), t.seen.selected);
      t.seen.restored = { selected: await t.selectedCells(stranger),
        genes: await t.texts(stranger.locator(".number-row .row-name")),
        sets: await t.texts(stranger.locator(".gene-sets summary")) };
      await t.shot("stranger", stranger);
      // Another tab of the owner has the gene set without any link.
      await other.reload();
      await other.locator(".gene-sets summary", { hasText: "my set" }).waitFor();
    },
};
};
