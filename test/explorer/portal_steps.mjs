// What a person does on the portal's pages; see browser.mjs.
import { readFileSync } from "node:fs";

export const portalSteps = (t) => {
  const go = async (hash) => {
    await t.page.goto(`${t.order.url}/#/${hash}`);
  };
  const button = (name) => t.page.getByRole("button", { name, exact: true });
  const link = (name) => t.page.getByRole("link", { name, exact: true });
  const titles = () => t.page.locator(".cards strong").allTextContents();
  return {
    async signIn() {
      await go("sign-in");
      await t.page.getByLabel("Password").waitFor();
      await t.look("sign-in");
      await t.page.getByText("Use an access token").click();
      await t.page.getByLabel("Access token").fill(t.order.token);
      await button("Use this token").click();
      await t.page.locator(".account-name").waitFor();
    },
    async account() {
      const [user, password] = ["ada", "correct horse battery"];
      await go(`setup?secret=${t.order.invitation}`);
      await t.page.getByLabel("Your name").fill(user);
      await t.page.getByLabel("Password, 12 characters or more").fill(password);
      await t.page.getByLabel("The same again").fill(password);
      await t.look("setup");
      await button("Set password and sign in").click();
      await t.page.locator(".account-name").waitFor();
      await t.page.locator(".popover.account summary").click();
      await button("Sign out").click();
      await link("Sign in").first().click();
      await t.page.getByLabel("Name or e-mail address").fill(user);
      await t.page.getByLabel("Password").fill("not the password");
      await button("Sign in").click();
      await t.page.locator(".notice.error").waitFor();
      t.seen.wrong = await t.page.locator(".notice.error").textContent();
      t.seen.refusals = t.seen.refusals.filter((one) => !one.endsWith("/account/sign-in"));
      await t.look("wrong-password");
      await t.page.getByLabel("Password").fill(password);
      await button("Sign in").click();
      await t.page.locator(".account-name").waitFor();
      await go("admin");
      await t.page.getByLabel("Name").fill("rosalind");
      await button("Add user").click();
      await button("Invite rosalind").click();
      t.seen.invited = await t.page.locator(".notice .hash").textContent();
      await button("Disable rosalind").click();
      await button("Enable rosalind").waitFor();
      await link("Audit").click();
      await t.page.locator("table[aria-label=Audit] tbody tr").first().waitFor();
      t.seen.audit = await t.page.locator("table[aria-label=Audit] tbody tr").allTextContents();
      await t.look("audit");
      await t.page.reload();
      t.seen.user = await t.page.locator(".account-name").textContent();
    },
    async upload() {
      await link("Upload").first().click();
      await t.page.getByRole("heading", { name: "Upload a dataset" }).waitFor();
      await t.page.getByLabel("Title").waitFor();
      await t.look("upload");
      await t.page.getByLabel("File to upload").setInputFiles(t.order.file);
      await t.page.getByLabel("Title").fill(t.order.title);
      if (t.order.profile) {
        await t.page.getByLabel("Check against").selectOption(t.order.profile);
        await t.page.getByLabel("Refuse the file when it has errors").check();
      }
      t.seen.name = await t.page.getByLabel("Name in addresses and SQL").inputValue();
      await button("Upload and import").click();
      await t.page.locator(".arrived, .importing .notice.error").waitFor();
      if (t.order.refused) await t.page.locator(".findings tbody tr").first().waitFor();
      t.seen.steps = await t.page.locator(".steps li").evaluateAll((all) =>
        all.map((one) => `${one.className}: ${one.childNodes[1].textContent}`));
      t.seen.findings = await t.page.locator(".findings tbody tr").allTextContents();
      await t.look(t.order.refused ? "refused" : "imported");
    },
    async fetchUrl() {
      await go("upload");
      await t.page.getByLabel("… or fetch it from an address").fill(t.order.address);
      await t.page.getByLabel("Name in addresses and SQL").fill(t.order.dataset);
      await button("Upload and import").click();
      await t.page.locator(".arrived, .importing .notice.error").waitFor();
      t.seen.fetched = await t.page.locator(".importing .notice").textContent();
      await t.look("fetched");
    },
    async datasetPage() {
      await go(`datasets/${t.order.dataset}`);
      await t.page.locator(".report-head").waitFor();
      t.seen.heading = await t.page.locator("h1").textContent();
      t.seen.numbers = await t.page.locator(".numbers dd").allTextContents();
      t.seen.cell_types = await t.texts(t.page.locator(".value-bars a"));
      t.seen.report = await t.page.locator(".report-head").textContent();
      await t.page.getByLabel("Checked against").selectOption("cellxgene");
      await t.page.locator(".findings tbody tr").first().waitFor();
      t.seen.cellxgene = await t.page.locator(".findings tbody tr").allTextContents();
      await t.look("dataset");
    },
    async editCard() {
      await button("Edit metadata").click();
      await t.page.getByLabel("Description").fill(t.order.description);
      await t.page.getByLabel("DOI of the publication").fill(t.order.doi);
      await t.page.getByLabel("Title of the publication").fill("On made-up cells");
      await t.page.getByLabel("Authors, split by semicolons").fill("Franklin R; Lonsdale K");
      await t.page.getByLabel("Year").fill("1953");
      await t.look("edit");
      await button("Save").click();
      await t.page.getByText(t.order.description).waitFor();
      t.seen.citation = await t.page.locator(".prose", { hasText: "doi:" }).textContent();
    },
    async explore() {
      await link("Open in the Explorer").click();
      await t.page.waitForSelector('.scatter-plane[data-complete="true"]');
      t.seen.explored = await t.page.locator(".selected-count").textContent();
      await t.shot("explore");
      await t.page.goBack();
    },
    async publish() {
      await button("Publish").click();
      await button("Unpublish").waitFor();
      await t.look("published");
    },
    async anonymous() {
      t.page = await t.newReader();
      await go("");
      await t.page.locator(".cards strong").first().waitFor();
      t.seen.anonymous = await titles();
      await t.look("anonymous");
      await link(`Details of ${t.order.title}`).click();
      await t.page.locator(".downloads").waitFor();
      t.seen.owner_buttons = await t.page.locator(".owner-actions").count();
      await button("Prepare h5ad").click();
      const ready = t.page.locator(".downloads a.main");
      await ready.waitFor();
      const begun = t.page.waitForEvent("download");
      await ready.click();
      const file = await begun;
      t.seen.download = { name: file.suggestedFilename(),
        begin: readFileSync(await file.path()).subarray(1, 4).toString("latin1") };
      await t.look("download");
    },
    async genes() {
      await go("genes");
      await t.page.getByLabel("Genes", { exact: true }).fill("0, 3 nonsense");
      await button("Show").click();
      const table = t.page.getByRole("table", { name: "Expression in groups" });
      await table.locator("tbody tr").first().waitFor();
      t.seen.dots = await t.page.locator(".figure-drawing svg circle title").allTextContents();
      t.seen.expressed = await table.locator("tbody tr").evaluateAll((rows) =>
        rows.map((row) => Array.from(row.cells, (cell) => cell.textContent)));
      await t.page.getByText("0 in each dataset").click();
      const hits = t.page.getByRole("table", { name: "0 in each dataset" });
      await hits.locator("tbody tr").first().waitFor();
      t.seen.hits = await hits.locator("tbody tr td:first-child").allTextContents();
      await t.look("genes");
    },
    async groups() {
      await go("");
      const tissue = t.page.locator("fieldset", { hasText: "Tissue" });
      await tissue.getByRole("button", { name: /more$/ }).click();
      await tissue.getByLabel("respiratory system").click();
      await t.page.locator(".chosen .chip").first().waitFor();
      t.seen.respiratory = await titles();
      await tissue.getByLabel("Find in Tissue").fill("kidn");
      await tissue.getByRole("button", { name: "kidney", exact: true }).waitFor();
      await t.look("groups");
    },
    async facets() {
      await go("");
      await t.page.locator(".cards strong").first().waitFor();
      t.seen.all = await titles();
      await t.look("home");
      const tick = (facet, value) => t.page.locator("fieldset", { hasText: facet })
        .getByLabel(value).click();
      await tick("Tissue", "lung");
      await t.page.locator(".chosen .chip").first().waitFor();
      t.seen.lung = await titles();
      t.seen.counts = await t.page.locator("fieldset", { hasText: "Disease" }).locator("li").allTextContents();
      await tick("Tissue", "blood");
      await t.page.waitForFunction(() => document.querySelectorAll(".chosen .chip").length === 2);
      t.seen.lung_or_blood = await titles();
      await t.look("facets");
      const address = t.page.url();
      await button("Clear all").click();
      await t.page.waitForFunction(() => !document.querySelector(".chosen"));
      await t.page.getByLabel("Find a dataset").fill("fibrosis");
      await t.page.waitForFunction(() => document.querySelectorAll(".cards > li").length === 1);
      t.seen.words = await titles();
      await t.page.getByLabel("Find a dataset").fill("zebra");
      await t.page.getByText("No dataset is like that").waitFor();
      await t.look("nothing-found");
      t.page = await t.newReader();
      await t.page.goto(address);
      await t.page.locator(".chosen .chip").first().waitFor();
      t.seen.by_link = await titles();
    },
    async collection() {
      await go("collections");
      await t.page.getByText("There is no collection yet").waitFor();
      await t.look("no-collection");
      await button("New collection").click();
      await t.page.getByLabel("Title").fill("Atlas of tissues");
      await button("Create").click();
      await t.page.getByText("No dataset is in it").waitFor();
      await button("Choose datasets").click();
      for (const title of t.order.members) await t.page.getByRole("button", { name: `Add ${title}` }).click();
      await t.look("members");
      await button("Save").click();
      await t.page.locator(".cards > li").nth(t.order.members.length - 1).waitFor();
      await button("Publish").click();
      await button("Begin a revision").waitFor();
      t.seen.collection = await titles();
      await t.look("collection");
      await button("Begin a revision").click();
      await button("Publish the revision").waitFor();
      await t.look("revision");
      await button("Drop the revision").click();
      await button("Begin a revision").waitFor();
      t.page = await t.newReader();
      await go("collections");
      await t.page.locator(".cards strong").first().waitFor();
      t.seen.collections = await titles();
      await t.look("collections");
    },
    async sql() {
      await go("sql");
      await t.page.getByLabel("Statement").fill(t.order.statement);
      await t.page.getByLabel("Statement").press("Control+Enter");
      await t.page.locator(".grid tbody tr").first().waitFor();
      t.seen.rows = await t.page.locator(".grid tbody tr").evaluateAll((rows) =>
        rows.map((row) => [...row.cells].slice(1).map((cell) => cell.textContent)));
      await t.page.locator(".schema .disclosure", { hasText: /^obs$/ }).click();
      await t.page.locator(".schema li ul button").first().waitFor();
      t.seen.columns = await t.page.locator(".schema li ul button").allTextContents();
      await t.look("sql");
      await t.page.getByLabel("Shown as").selectOption("bars");
      await t.page.locator(".chart svg").waitFor();
      t.seen.bars = await t.page.locator(".chart rect.mark").count();
      const begun = t.page.waitForEvent("download");
      await button("Download as csv").click();
      t.seen.csv = readFileSync(await (await begun).path(), "utf8");
      await t.look("sql-chart");
      await button("Save as panel").click();
      await t.page.getByLabel("Title", { exact: true }).fill("Cells of each type");
      await button("Save").click();
      await t.page.locator(".panel-box svg[data-points]").waitFor();
      t.seen.panel = await t.page.locator(".panel-box h2").textContent();
      t.seen.asked = await t.page.locator(".panel-box footer").textContent();
      await t.look("dashboard");
      await go("sql");
      await t.page.getByLabel("Statement").fill("SELECT nonsense FROM obs");
      await button("Run Ctrl Enter").click();
      await t.page.locator(".notice.error").waitFor();
      t.seen.sql_problem = await t.page.locator(".notice.error").textContent();
      t.seen.refusals = t.seen.refusals.filter((one) => !one.endsWith("/v1/sql"));
      await t.look("sql-error");
    },
    async mine() {
      await go("mine");
      await t.page.locator("table[aria-label=Jobs] tbody tr").first().waitFor();
      t.seen.mine = await titles();
      await t.look("mine");
    },
    /** A job that begins while the page is open appears, and its end, without another question. */
    async jobsComing() {
      const asked = [];
      t.page.on("request", (one) => { if (/\/v1\/jobs/.test(one.url())) asked.push(one.url()); });
      await go("mine");
      await t.page.getByText("There was none yet.").waitFor();
      const begun = await t.page.request.post(`${t.order.url}/v1/imports`, {
        headers: { Authorization: `Bearer ${t.order.token}` },
        data: { path: t.order.file, dataset: "late" } });
      t.seen.begun = (await begun.json()).title;
      const row = t.page.locator("table[aria-label=Jobs] tbody tr");
      await row.locator(".badge.good").waitFor();
      t.seen.ended = await row.locator("td").evaluateAll((all) => all.slice(0, 2).map((one) =>
        one.textContent));
      t.seen.asked = asked.map((url) => new URL(url).pathname);
      await t.shot("jobs");
    },
    async admin() {
      await go("admin");
      await t.page.locator("table[aria-label=Users] tbody tr").first().waitFor();
      await t.page.getByLabel("Name").fill("rosalind");
      await button("Add user").click();
      await button("Tokens of rosalind").click();
      await t.page.getByLabel("For", { exact: true }).fill("notebook");
      await button("Create token").click();
      t.seen.secret = await t.page.locator(".notice .hash").textContent();
      await t.page.locator("table[aria-label='Access tokens'] tbody tr").first().waitFor();
      await t.look("users");
      await link("Jobs").click();
      await t.page.locator("table[aria-label=Jobs] tbody tr").first().waitFor();
      await t.look("jobs");
    },
    async bury() {
      await go(`datasets/${t.order.dataset}`);
      await button("Take away …").click();
      await t.page.getByLabel("Reason").fill("Consent was withdrawn");
      await t.page.getByLabel("Type “take away” to confirm").fill("take away");
      await t.look("burial");
      await button("Take away").click();
      await t.page.getByText("Consent was withdrawn").waitFor();
      await t.look("gone");
      t.seen.refusals = t.seen.refusals.filter((one) => !one.startsWith("410 "));
    },
    async darkAndSmall() {
      t.page = await t.newReader({ colorScheme: "dark", viewport: { width: 390, height: 800 } });
      await go(`?token=${t.order.token}`);
      for (const [name, hash, shown] of [["home", "", ".cards strong"], ["sql", "sql", ".sql-editor"],
        ["dataset", `datasets/${t.order.dataset}`, ".report-head"], ["upload", "upload", ".checks select"],
        ["explorer", `explore/${t.order.dataset}`, '.scatter-plane[data-complete="true"]'],
        ["genes", "genes", ".genes-form"]]) {
        await go(hash);
        await t.page.locator(shown).first().waitFor();
        t.seen[`wide_${name}`] = await t.page.evaluate(() =>
          document.documentElement.scrollWidth - document.documentElement.clientWidth);
        await t.look(`small-dark-${name}`);
      }
    },
    async keyboard() {
      await go("");
      await t.page.locator(".cards strong").first().waitFor();
      await t.page.evaluate(() => document.activeElement?.blur());
      const reached = [];
      for (let at = 0; at < 60; at++) {
        await t.page.keyboard.press("Tab");
        reached.push(await t.page.evaluate(() => document.activeElement?.textContent ||
          document.activeElement?.getAttribute("aria-label")));
      }
      t.seen.reached = reached;
    },
};
};
