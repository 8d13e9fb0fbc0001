// Spaces that are shared, uploads that break off, other ways to sign in, frames, and the way of a
// dataset from its upload to what anonymous sees; see browser.mjs.
export const sharingSteps = (t) => {
  const button = (name, page = t.page) => page.getByRole("button", { name, exact: true });
  const own = (page) => page.locator(".own-labels");
  /** The counts beside each label of the chosen space's column. */
  const counted = (page, label, count) => page.waitForFunction(([name, number]) =>
    [...document.querySelectorAll(".own-labels .labels > ul > li")].some((row) =>
      row.querySelector(".own-label").lastChild.textContent === name &&
      row.querySelector(".counts").textContent.replaceAll(",", "") === String(number)),
  [label, count]);
  async function only(page, column, name) {
    const row = page.locator(".labels li", { has: page.locator(`label[title="${name}"]`) });
    if (await row.count() === 0)
      await page.locator(".category .disclosure", { hasText: new RegExp(`^${column}$`) }).first().click();
    await row.hover();
    await row.locator("button.only").click();
  }
  const words = (page) => page.locator(".groups .group span").allTextContents();
  /** By who administers, in no browser. */
  const importRevision = (path) => t.page.request.post(`${t.order.url}/v1/imports`, {
    headers: { Authorization: `Bearer ${t.order.token}` },
    data: { path, dataset: t.order.dataset } });

  return {
    /** Ada shares what she labels with Rosalind, who has a space of her own, too. */
    async shareSpace() {
      const [ada, rosalind] = t.order.people;
      const one = t.page = await t.explorerTab(t.order.dataset, ada.token);
      await own(one).getByLabel("Name of the new labels").fill("kind");
      await own(one).getByLabel("Begin with").selectOption("cell_type");
      await button("Create", own(one)).click();
      await counted(one, t.order.label, t.order.count);
      await own(one).locator("summary", { hasText: "Shared with" }).click();
      await own(one).getByLabel("Whom to share with").fill(rosalind.name);
      await own(one).getByLabel("What they may do").selectOption("write");
      await button("Share", own(one)).click();
      await own(one).getByLabel(`Stop sharing with ${rosalind.name}`).waitFor();
      await t.shot("shared");

      const other = await t.explorerTab(t.order.dataset, rosalind.token);
      const spaces = own(other).getByLabel("In", { exact: true });
      t.seen.spaces = await spaces.locator("option").allTextContents();
      t.seen.first_columns = await own(other).locator(".disclosure").count();
      await spaces.selectOption({ label: "My labels (write)" });
      await counted(other, t.order.label, t.order.count);
      await only(other, "cell_type", t.order.label);
      await own(other).getByLabel("New label in kind").fill("plasma cell");
      await own(other).getByRole("button", { name: /^Label [\d,]+ cells$/ }).click();
      for (const page of [one, other]) {
        await counted(page, "plasma cell", t.order.count);
        await counted(page, t.order.label, 0);
      }
      await own(one).getByRole("button", { name: "History of kind" }).click();
      await own(one).locator(".label-history li").first().waitFor();
      t.seen.history = await own(one).locator(".label-history li strong").allTextContents();
      await t.shot("shared-history");
      await own(one).getByLabel(`Stop sharing with ${rosalind.name}`).click();
      await own(one).getByLabel(`Stop sharing with ${rosalind.name}`).waitFor({ state: "detached" });
      await own(other).locator(".notice.error").waitFor();
      t.seen.ended = await own(other).locator(".notice.error").textContent();
      t.seen.spaces_after = await spaces.count();
      t.seen.columns_after = await own(other).locator(".disclosure").count();
    },
    /** An owner makes a link to a saved view; who has it looks, and says something of the view. */
    async guest() {
      const owner = t.page = await t.explorerTab();
      await only(owner, "cell_type", t.order.label);
      await button("Share and reproduce").click();
      await owner.getByLabel("Name of this view").fill("Figure 1");
      await owner.getByLabel("for who has the link").uncheck();
      await button("Save this view").click();
      await button("Links for guests to Figure 1").click();
      const links = owner.getByRole("dialog", { name: "Links for guests to Figure 1" });
      await links.getByLabel("For", { exact: true }).fill("Reviewer 2");
      await links.getByLabel("They may").selectOption("comment");
      await button("Make a link", links).click();
      const made = links.getByLabel("Copy it now, it is not shown again");
      await made.waitFor();
      await t.look("guest-link");
      const url = await made.inputValue();

      const guest = t.page = await t.newReader();
      await guest.goto(url);
      await t.drawn();
      t.seen.guest_count = await guest.locator(".selected-count").textContent();
      await button("Comments on Figure 1").click();
      await guest.getByLabel("Your name").fill("Rosalind");
      await guest.getByLabel("Your comment").fill("Which donors are these?");
      await button("Comment").click();
      await guest.locator(".comments li").waitFor();
      await t.look("guest-comment");
      await guest.goto(`${t.order.url}/#/datasets/${t.order.dataset}`);
      await guest.getByRole("heading", { name: "Comments" }).waitFor();
      await guest.locator(".comments .note").waitFor();
      t.seen.guest_may_comment_dataset = await guest.getByLabel("Your comment").count();

      await links.getByRole("button", { name: "Close" }).click();
      await owner.getByRole("dialog", { name: "Share and reproduce" })
        .getByRole("link", { name: "Figure 1" }).click();
      t.page = owner;
      await button("Comments on Figure 1").click();
      await owner.locator(".comments li").waitFor();
      t.seen.comments = await owner.locator(".comments li").evaluateAll((all) =>
        all.map((one) => [one.querySelector("strong").textContent,
          one.querySelector(".prose").textContent]));
      await owner.getByRole("dialog").getByRole("button", { name: "Close" }).click();
      await owner.locator("h1 a").click();
      await button("Links for guests").click();
      t.seen.dataset_dialog = await owner.getByRole("dialog").getAttribute("aria-label");
      await t.look("dataset-links");
    },
    /** While somebody looks, a new revision comes; the view goes on there. */
    async newRevision() {
      t.page = await t.explorerTab();
      await only(t.page, "cell_type", t.order.label);
      t.seen.before = await t.page.locator(".selected-count").textContent();
      await importRevision(t.order.file);
      const notice = t.page.locator(".explorer-news .notice");
      await notice.waitFor();
      await t.shot("newer");
      await button("Go on there").click();
      await t.page.waitForFunction((before) => {
        const now = document.querySelector(".selected-count")?.textContent;
        return now && now !== before && !/^0 of/.test(now);
      }, t.seen.before);
      await t.drawn();
      t.seen.after = await t.page.locator(".selected-count").textContent();
      t.seen.words = await t.page.locator(".filters li").allTextContents();
    },
    /** Who follows sees the next revision's cells without a click or a reload. */
    async followed() {
      await importRevision(t.order.next);
      await t.page.locator(".explorer-news").getByRole("button", { name: "Follow" }).click();
      await t.waitForSelected(t.order.next_count);
      await t.page.evaluate(() => { window.same = true; });
      await importRevision(t.order.last);
      await t.waitForSelected(t.order.last_count);
      t.seen.same_page = await t.page.evaluate(() => window.same);
      t.seen.following = await t.page.locator(".explorer-news").textContent();
      t.seen.violations.following = await t.violations();
      await t.shot("following");
      await button("Stop following").click();
      await t.page.locator(".explorer-news .notice").waitFor({ state: "detached" });
    },
    /** Two private datasets become one, whose cells are told apart by where they are from. */
    async joined() {
      await t.page.goto(`${t.order.url}/#/mine?token=${t.order.token}`);
      await t.page.locator("summary", { hasText: "Several datasets in one view" }).click();
      for (const title of t.order.titles)
        await t.page.getByLabel("Datasets to join").getByText(title).click();
      await t.page.getByLabel("Title of the new dataset").fill("Both bloods");
      await t.look("join");
      await button("Join 2 datasets").click();
      await t.page.getByRole("link", { name: "Explore Both bloods" }).click();
      await t.drawn();
      t.seen.joined = await t.page.locator(".selected-count").textContent();
      await only(t.page, "dataset", t.order.one);
      t.seen.of_one = await t.page.locator(".selected-count").textContent();
      await t.addGenes(t.order.gene);
      await t.page.getByLabel(`Colour by ${t.order.gene}`).click();
      await t.page.waitForSelector(`.legend :text("${t.order.gene}")`);
      await t.shot("joined");
    },
    /** Labels over one revision are taken over to the next by the cells' ids, lost ones told. */
    async carriedOver() {
      await t.explorerTab(t.order.dataset, t.order.by).then((page) => { t.page = page; });
      await own(t.page).getByLabel("Name of the new labels").fill("kind");
      await own(t.page).getByLabel("Begin with").selectOption("cell_type");
      await button("Create", own(t.page)).click();
      await counted(t.page, t.order.label, t.order.before);
      await importRevision(t.order.next);
      await button("Go on there").click();
      const offer = own(t.page).locator(".notice", { hasText: "An earlier revision has labels: kind" });
      await offer.waitFor();
      t.seen.violations[`carry ${t.order.name}`] = await t.violations();
      const unfit = t.page.locator(".explorer-news .notice.warning");
      t.seen.unfit = await unfit.textContent();
      await button("Good", unfit).click();
      await button("Take them over", offer).click();
      await counted(t.page, t.order.label, t.order.after);
      t.seen.carried = await own(t.page).locator(".carried").textContent();
      t.seen.lost = (await t.downloaded(() => button("Their ids", own(t.page)).click())).text
        .split("\n").filter(Boolean);
      await t.shot("carried");
      await button("Good", own(t.page)).click();
      await t.page.reload();
      await t.drawn();
      await counted(t.page, t.order.label, t.order.after);
      t.seen.notices = await own(t.page).locator(".notice").count();
    },
    /** An ontology's names are offered for a new label. */
    async offeredNames() {
      const one = t.page = await t.explorerTab();
      await own(one).getByLabel("Name of the new labels").fill("kind");
      await button("Create", own(one)).click();
      await own(one).getByLabel("New label in kind").fill(t.order.typed);
      const offered = own(one).locator(".new-label option");
      await offered.first().waitFor({ state: "attached" });
      t.seen.offered = await offered.evaluateAll((all) =>
        all.map((option) => [option.value, option.textContent]));
    },
    /** The second piece breaks off and is sent again; the third is never answered, the page is
     *  opened anew, and the same file goes on where the server stands. */
    async brokenUpload() {
      const sent = [];
      let mode = "passing";
      let heldBack;
      const held = new Promise((tell) => { heldBack = tell; });
      await t.page.route("**/v1/uploads/*", async (route) => {
        if (route.request().method() !== "PUT") return route.continue();
        const range = route.request().headers()["content-range"];
        sent.push(`${range} ${mode}`);
        if (mode === "passing" && sent.length === 2) return route.abort("connectionreset");
        if (mode === "passing" && sent.length === 4) return heldBack();
        return route.continue();
      });
      const begin = async () => {
        await t.page.getByRole("heading", { name: "Upload a dataset" }).waitFor();
        await t.page.getByLabel("File to upload").setInputFiles(t.order.file);
        await t.page.getByLabel("Title").fill(t.order.title);
        await button("Upload and import").click();
      };
      await t.page.goto(`${t.order.url}/#/upload`);
      await begin();
      await held;
      mode = "after";
      await t.page.reload();
      await begin();
      await t.page.locator(".arrived").waitFor();
      t.seen.sent = sent;
      await t.shot("resumed");
    },
    async providerSignIn() {
      await t.page.goto(`${t.order.url}/#/sign-in`);
      const way = t.page.locator("a.button.wide");
      t.seen.provider_button = await way.textContent();
      t.seen.violations.sign_in = await t.violations();
      await t.shot("sign-in");
      await way.click();
      await t.page.locator("input[name=login]").fill(t.order.login);
      await t.page.locator("input[name=password]").fill("any");
      await t.page.locator("button[type=submit]").click();
      await t.page.getByRole("button", { name: "Continue" }).click();
      await t.page.locator(".account-name").waitFor();
      t.seen.user = await t.page.locator(".account-name").textContent();
      t.seen.back_at = t.page.url();
      await t.shot("signed-in");
    },
    async frames() {
      await t.page.goto(t.order.page_allowed);
      const frame = t.page.frameLocator("iframe");
      await frame.locator(".cards strong").first().waitFor();
      await frame.getByRole("link", { name: `Explore ${t.order.title}`, exact: true }).click();
      await frame.locator('.scatter-plane[data-complete="true"]').waitFor();
      t.seen.framed = await frame.locator(".selected-count").textContent();
      await t.shot("framed");
      const refused = t.page.waitForEvent("console",
        (message) => /frame-ancestors/.test(message.text()));
      await t.page.goto(t.order.page_refused);
      t.seen.frame_refused = (await refused).text();
      t.seen.errors = t.seen.errors.filter((one) => !one.includes("frame-ancestors"));
    },

    /** Two regions, compared. */
    async twoGroups() {
      await t.page.goto(`${t.order.url}/#/explore/${t.order.dataset}`);
      await t.drawn();
      await t.shot("way-1-explorer");
      await t.lasso();
      await t.page.locator(".group-a button", { hasText: "Set from selection" }).click();
      await t.shot("way-2-lasso");
      await t.page.getByLabel("Box (B)", { exact: true }).click();
      await t.box([0.02, 0.55, 0.98, 0.98]);
      await t.page.locator(".group-b button", { hasText: "Set from selection" }).click();
      await button("Compare A with B").click();
      await t.page.locator(".comparison .two-lists").waitFor();
      t.seen.compared = await t.page.locator(".comparison > .note").textContent();
      t.seen.strongest = await t.page.locator(".two-lists li button").allTextContents();
      await t.page.locator(".comparison").scrollIntoViewIfNeeded();
      await t.shot("way-3-compared");
    },
    /** The first group gets a label of one's own. */
    async labelGroup() {
      await t.page.locator(".group-a button", { hasText: "Show" }).click();
      t.seen.labelled = await t.selectedCells();
      await own(t.page).getByLabel("Name of the new labels").fill("halves");
      await button("Create", own(t.page)).click();
      await own(t.page).getByLabel("New label in halves").fill("upper half");
      await own(t.page).getByRole("button", { name: /^Label [\d,]+ cells$/ }).click();
      await counted(t.page, "upper half", t.seen.labelled);
      await t.shot("way-4-labelled");
    },
    async shareLink() {
      await t.addGenes(t.seen.strongest[0]);
      await t.page.getByLabel(`Colour by ${t.seen.strongest[0]}`).click();
      await t.page.waitForSelector(`.legend :text("${t.seen.strongest[0]}")`);
      t.seen.screen = { selected: await t.selectedCells(), groups: await words(t.page),
        colours: (await t.colours()).slice(0, 8) };
      await button("Share and reproduce").click();
      await t.page.getByLabel("Name of this view").fill("the halves");
      await button("Save this view").click();
      const field = t.page.getByLabel("Link to the saved view");
      await field.waitFor();
      t.seen.link = await field.inputValue();
      await t.shot("way-5-share");
      await button("Close").click();
    },
    /** In a fresh browser of somebody who may see it. */
    async restored() {
      const reader = await t.newReader();
      await reader.goto(`${t.order.url}/#/?token=${t.order.token}`);
      await reader.locator(".account-name").waitFor();
      t.seen.restored = await seenByLink(reader);
      await t.shot("way-6-restored", reader);
      await reader.close();
      await t.page.goto(`${t.order.url}/#/datasets/${t.order.dataset}`);
      await t.page.locator(".report-head").waitFor();
    },
    /** After it was published: who has the link and no account. */
    async anonymousByLink() {
      const reader = await t.newReader();
      t.seen.anonymous_screen = await seenByLink(reader);
      await t.shot("way-7-anonymous", reader);
      await reader.close();
    },
  };

  async function seenByLink(reader) {
    await reader.goto(t.seen.link);
    await t.drawn(reader);
    await t.waitForSelected(t.seen.screen.selected, reader);
    await reader.waitForSelector(`.legend :text("${t.seen.strongest[0]}")`);
    return { selected: await t.selectedCells(reader), groups: await words(reader),
      colours: (await t.colours(reader)).slice(0, 8) };
  }
};
