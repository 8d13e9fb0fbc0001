// Drives headless Chromium through the portal's pages as a person would, and prints what it saw:
//   node browse.mjs FOLDER_WITH_NODE_MODULES ORDER     ORDER: JSON, see test_portal_pages.py
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { pathToFileURL } from "node:url";

const [folder, orderText] = process.argv.slice(2);
const order = JSON.parse(orderText);
const require = createRequire(pathToFileURL(join(folder, "x.js")));
const { chromium } = require("playwright-core");
const axe = readFileSync(require.resolve("axe-core/axe.min.js"), "utf8");

const seen = { errors: [], refusals: [], violations: {} };
// As root there is no sandbox to be had.
const browser = await chromium.launch({ executablePath: order.chromium, args: ["--no-sandbox"] });
let page = await newReader();

/** A browser of its own: no store, no cache, nobody signed in. */
async function newReader(options = {}) {
  const context = await browser.newContext({ viewport: { width: 1360, height: 900 }, ...options });
  const made = await context.newPage();
  made.setDefaultTimeout(60_000);
  made.on("pageerror", (problem) => seen.errors.push(problem.message));
  made.on("response", (response) => {
    if (response.status() >= 400) seen.refusals.push(`${response.status()} ${response.url()}`);
  });
  return made;
}

/** Keeps a picture of the whole page, and what rules of accessibility it breaks seriously. */
async function look(name) {
  await page.screenshot({ path: join(order.pictures, `${order.name}-${name}.png`), fullPage: true });
  await page.evaluate(axe);
  seen.violations[name] = await page.evaluate(async () => (await globalThis.axe.run()).violations
    .filter(({ impact }) => impact === "serious" || impact === "critical")
    .map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html.slice(0, 140)).join(" | ")}`));
}

const go = async (hash) => {
  await page.goto(`${order.url}/#/${hash}`);
};
const button = (name) => page.getByRole("button", { name, exact: true });
const link = (name) => page.getByRole("link", { name, exact: true });
const titles = () => page.locator(".cards strong").allTextContents();

const steps = {
  async signIn() {
    await go("sign-in");
    await page.getByLabel("Password").waitFor();
    await look("sign-in");
    await page.getByText("Use an access token").click();
    await page.getByLabel("Access token").fill(order.token);
    await button("Use this token").click();
    await page.locator(".account-name").waitFor();
  },
  async account() {
    const [user, password] = ["ada", "correct horse battery"];
    await go(`setup?secret=${order.invitation}`);
    await page.getByLabel("Your name").fill(user);
    await page.getByLabel("Password, 12 characters or more").fill(password);
    await page.getByLabel("The same again").fill(password);
    await look("setup");
    await button("Set password and sign in").click();
    await page.locator(".account-name").waitFor();
    await page.locator(".popover.account summary").click();
    await button("Sign out").click();
    await link("Sign in").first().click();
    await page.getByLabel("Name or e-mail address").fill(user);
    await page.getByLabel("Password").fill("not the password");
    await button("Sign in").click();
    await page.locator(".notice.error").waitFor();
    seen.wrong = await page.locator(".notice.error").textContent();
    seen.refusals = seen.refusals.filter((one) => !one.endsWith("/account/sign-in"));
    await look("wrong-password");
    await page.getByLabel("Password").fill(password);
    await button("Sign in").click();
    await page.locator(".account-name").waitFor();
    await go("admin");
    await page.getByLabel("Name").fill("rosalind");
    await button("Add user").click();
    await button("Invite rosalind").click();
    seen.invited = await page.locator(".notice .hash").textContent();
    await button("Disable rosalind").click();
    await button("Enable rosalind").waitFor();
    await link("Audit").click();
    await page.locator("table[aria-label=Audit] tbody tr").first().waitFor();
    seen.audit = await page.locator("table[aria-label=Audit] tbody tr").allTextContents();
    await look("audit");
    await page.reload();
    seen.user = await page.locator(".account-name").textContent();
  },
  async upload() {
    await link("Upload").first().click();
    await page.getByRole("heading", { name: "Upload a dataset" }).waitFor();
    await page.getByLabel("Title").waitFor();
    await look("upload");
    await page.getByLabel("File to upload").setInputFiles(order.file);
    await page.getByLabel("Title").fill(order.title);
    if (order.profile) {
      await page.getByLabel("Check against").selectOption(order.profile);
      await page.getByLabel("Refuse the file when it has errors").check();
    }
    seen.name = await page.getByLabel("Name in addresses and SQL").inputValue();
    await button("Upload and import").click();
    await page.locator(".arrived, .importing .notice.error").waitFor();
    if (order.refused) await page.locator(".findings tbody tr").first().waitFor();
    seen.steps = await page.locator(".steps li").evaluateAll((all) =>
      all.map((one) => `${one.className}: ${one.childNodes[1].textContent}`));
    seen.findings = await page.locator(".findings tbody tr").allTextContents();
    await look(order.refused ? "refused" : "imported");
  },
  async fetchUrl() {
    await go("upload");
    await page.getByLabel("… or fetch it from an address").fill(order.address);
    await page.getByLabel("Name in addresses and SQL").fill(order.dataset);
    await button("Upload and import").click();
    await page.locator(".arrived, .importing .notice.error").waitFor();
    seen.fetched = await page.locator(".importing .notice").textContent();
    await look("fetched");
  },
  async datasetPage() {
    await go(`datasets/${order.dataset}`);
    await page.locator(".report-head").waitFor();
    seen.heading = await page.locator("h1").textContent();
    seen.numbers = await page.locator(".numbers dd").allTextContents();
    seen.cell_types = await page.locator(".value-bars a").allTextContents();
    seen.report = await page.locator(".report-head").textContent();
    await page.getByLabel("Checked against").selectOption("cellxgene");
    await page.locator(".findings tbody tr").first().waitFor();
    seen.cellxgene = await page.locator(".findings tbody tr").allTextContents();
    await look("dataset");
  },
  async editCard() {
    await button("Edit metadata").click();
    await page.getByLabel("Description").fill(order.description);
    await page.getByLabel("DOI of the publication").fill(order.doi);
    await page.getByLabel("Title of the publication").fill("On made-up cells");
    await page.getByLabel("Authors, split by semicolons").fill("Franklin R; Lonsdale K");
    await page.getByLabel("Year").fill("1953");
    await look("edit");
    await button("Save").click();
    await page.getByText(order.description).waitFor();
    seen.citation = await page.locator(".prose", { hasText: "doi:" }).textContent();
  },
  async explore() {
    await link("Open in the Explorer").click();
    await page.waitForSelector('.scatter-plane[data-complete="true"]');
    seen.explored = await page.locator(".selected-count").textContent();
    await page.screenshot({ path: join(order.pictures, `${order.name}-explore.png`) });
    await page.goBack();
  },
  async publish() {
    await button("Publish").click();
    await button("Unpublish").waitFor();
    await look("published");
  },
  async anonymous() {
    page = await newReader();
    await go("");
    await page.locator(".cards strong").first().waitFor();
    seen.anonymous = await titles();
    await look("anonymous");
    await link(`Details of ${order.title}`).click();
    await page.locator(".downloads").waitFor();
    seen.owner_buttons = await page.locator(".owner-actions").count();
    await button("Prepare h5ad").click();
    const ready = page.locator(".downloads a.main");
    await ready.waitFor();
    const begun = page.waitForEvent("download");
    await ready.click();
    const file = await begun;
    seen.download = { name: file.suggestedFilename(),
      begin: readFileSync(await file.path()).subarray(1, 4).toString("latin1") };
    await look("download");
  },
  async genes() {
    await go("genes");
    await page.getByLabel("Genes", { exact: true }).fill("0, 3 nonsense");
    await button("Show").click();
    const table = page.getByRole("table", { name: "Expression in groups" });
    await table.locator("tbody tr").first().waitFor();
    seen.dots = await page.locator(".figure-drawing svg circle title").allTextContents();
    seen.expressed = await table.locator("tbody tr").evaluateAll((rows) =>
      rows.map((row) => Array.from(row.cells, (cell) => cell.textContent)));
    await page.getByText("0 in each dataset").click();
    const hits = page.getByRole("table", { name: "0 in each dataset" });
    await hits.locator("tbody tr").first().waitFor();
    seen.hits = await hits.locator("tbody tr td:first-child").allTextContents();
    await look("genes");
  },
  async groups() {
    await go("");
    const tissue = page.locator("fieldset", { hasText: "Tissue" });
    await tissue.getByRole("button", { name: /more$/ }).click();
    await tissue.getByLabel("respiratory system").click();
    await page.locator(".chosen .chip").first().waitFor();
    seen.respiratory = await titles();
    await tissue.getByLabel("Find in Tissue").fill("kidn");
    await tissue.getByRole("button", { name: "kidney", exact: true }).waitFor();
    await look("groups");
  },
  async facets() {
    await go("");
    await page.locator(".cards strong").first().waitFor();
    seen.all = await titles();
    await look("home");
    const tick = (facet, value) => page.locator("fieldset", { hasText: facet })
      .getByLabel(value).click();
    await tick("Tissue", "lung");
    await page.locator(".chosen .chip").first().waitFor();
    seen.lung = await titles();
    seen.counts = await page.locator("fieldset", { hasText: "Disease" }).locator("li").allTextContents();
    await tick("Tissue", "blood");
    await page.waitForFunction(() => document.querySelectorAll(".chosen .chip").length === 2);
    seen.lung_or_blood = await titles();
    await look("facets");
    const address = page.url();
    await button("Clear all").click();
    await page.waitForFunction(() => !document.querySelector(".chosen"));
    await page.getByLabel("Find a dataset").fill("fibrosis");
    await page.waitForFunction(() => document.querySelectorAll(".cards > li").length === 1);
    seen.words = await titles();
    await page.getByLabel("Find a dataset").fill("zebra");
    await page.getByText("No dataset is like that").waitFor();
    await look("nothing-found");
    page = await newReader();
    await page.goto(address);
    await page.locator(".chosen .chip").first().waitFor();
    seen.by_link = await titles();
  },
  async collection() {
    await go("collections");
    await page.getByText("There is no collection yet").waitFor();
    await look("no-collection");
    await button("New collection").click();
    await page.getByLabel("Title").fill("Atlas of tissues");
    await button("Create").click();
    await page.getByText("No dataset is in it").waitFor();
    await button("Choose datasets").click();
    for (const title of order.members) await page.getByRole("button", { name: `Add ${title}` }).click();
    await look("members");
    await button("Save").click();
    await page.locator(".cards > li").nth(order.members.length - 1).waitFor();
    await button("Publish").click();
    await button("Begin a revision").waitFor();
    seen.collection = await titles();
    await look("collection");
    await button("Begin a revision").click();
    await button("Publish the revision").waitFor();
    await look("revision");
    await button("Drop the revision").click();
    await button("Begin a revision").waitFor();
    page = await newReader();
    await go("collections");
    await page.locator(".cards strong").first().waitFor();
    seen.collections = await titles();
    await look("collections");
  },
  async sql() {
    await go("sql");
    await page.getByLabel("Statement").fill(order.statement);
    await page.getByLabel("Statement").press("Control+Enter");
    await page.locator(".grid tbody tr").first().waitFor();
    seen.rows = await page.locator(".grid tbody tr").evaluateAll((rows) =>
      rows.map((row) => [...row.cells].slice(1).map((cell) => cell.textContent)));
    await page.locator(".schema .disclosure", { hasText: /^obs$/ }).click();
    await page.locator(".schema li ul button").first().waitFor();
    seen.columns = await page.locator(".schema li ul button").allTextContents();
    await look("sql");
    await page.getByLabel("Shown as").selectOption("bars");
    await page.locator(".chart svg").waitFor();
    seen.bars = await page.locator(".chart rect.mark").count();
    const begun = page.waitForEvent("download");
    await button("Download as csv").click();
    seen.csv = readFileSync(await (await begun).path(), "utf8");
    await look("sql-chart");
    await button("Save as tile").click();
    await page.getByLabel("Title").fill("Cells of each type");
    await button("Save").click();
    await page.locator(".tile .chart svg").waitFor();
    seen.tile = await page.locator(".tile h2").textContent();
    seen.as_of = await page.locator(".tile footer small").textContent();
    await look("dashboard");
    await go("sql");
    await page.getByLabel("Statement").fill("SELECT nonsense FROM obs");
    await button("Run Ctrl Enter").click();
    await page.locator(".notice.error").waitFor();
    seen.sql_problem = await page.locator(".notice.error").textContent();
    seen.refusals = seen.refusals.filter((one) => !one.endsWith("/v1/sql"));
    await look("sql-error");
  },
  async mine() {
    await go("mine");
    await page.locator("table[aria-label=Jobs] tbody tr").first().waitFor();
    seen.mine = await titles();
    await look("mine");
  },
  async admin() {
    await go("admin");
    await page.locator("table[aria-label=Users] tbody tr").first().waitFor();
    await page.getByLabel("Name").fill("rosalind");
    await button("Add user").click();
    await button("Tokens of rosalind").click();
    await page.getByLabel("For", { exact: true }).fill("notebook");
    await button("Create token").click();
    seen.secret = await page.locator(".notice .hash").textContent();
    await page.locator("table[aria-label='Access tokens'] tbody tr").first().waitFor();
    await look("users");
    await link("Jobs").click();
    await page.locator("table[aria-label=Jobs] tbody tr").first().waitFor();
    await look("jobs");
  },
  async bury() {
    await go(`datasets/${order.dataset}`);
    await button("Take away …").click();
    await page.getByLabel("Reason").fill("Consent was withdrawn");
    await page.getByLabel("Type “take away” to confirm").fill("take away");
    await look("burial");
    await button("Take away").click();
    await page.getByText("Consent was withdrawn").waitFor();
    await look("gone");
    seen.refusals = seen.refusals.filter((one) => !one.startsWith("410 "));
  },
  async darkAndSmall() {
    page = await newReader({ colorScheme: "dark", viewport: { width: 390, height: 800 } });
    for (const [name, hash] of [["home", ""], ["dataset", `datasets/${order.dataset}`], ["sql", "sql"]]) {
      await go(hash);
      await page.locator(name === "home" ? ".cards strong" : name === "sql" ? ".sql-editor"
        : ".report-head").first().waitFor();
      seen[`wide_${name}`] = await page.evaluate(() =>
        document.documentElement.scrollWidth - document.documentElement.clientWidth);
      await look(`small-dark-${name}`);
    }
  },
  async keyboard() {
    await go("");
    await page.locator(".cards strong").first().waitFor();
    await page.evaluate(() => document.activeElement?.blur());
    const reached = [];
    for (let at = 0; at < 60; at++) {
      await page.keyboard.press("Tab");
      reached.push(await page.evaluate(() => document.activeElement?.textContent ||
        document.activeElement?.getAttribute("aria-label")));
    }
    seen.reached = reached;
  },
};
try {
  for (const step of order.steps) await steps[step]();
} catch (failure) {
  seen.failure = String(failure);
  await page.screenshot({ path: join(order.pictures, `${order.name}-failed.png`), fullPage: true });
}
await browser.close();
console.log(JSON.stringify(seen));
