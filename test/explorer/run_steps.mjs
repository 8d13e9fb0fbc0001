// Pages of pipelines: runs, one run as it goes on, its pictures, review, queues; see browser.mjs.
export const runSteps = (t) => {
  const go = (hash) => t.page.goto(`${t.order.url}/#/${hash}`);
  const button = (name) => t.page.getByRole("button", { name, exact: true });
  const settled = (panes = 1) => t.page.waitForFunction((count) => {
    const drawn = [...document.querySelectorAll(".picture-plane canvas")];
    return drawn.length === count && drawn.every((one) => one.dataset.missing === "0");
  }, panes);
  const canvases = () => t.page.locator(".picture-plane canvas").evaluateAll((all) => all.map((one) =>
    ({ width: one.clientWidth, height: one.clientHeight, image: one.toDataURL("image/png") })));
  /** After another size: pictures are there as a whole, and nothing is wider than the page. */
  const fits = async (name) => {
    await t.page.evaluate(() => new Promise((done) =>
      requestAnimationFrame(() => requestAnimationFrame(done))));
    await t.page.waitForFunction(() => [...document.querySelectorAll(".picture-plane canvas")]
      .every((one) => one.dataset.missing === "0"));
    (t.seen.tooWide ??= {})[name] = await t.page.evaluate(() =>
      document.documentElement.scrollWidth - document.documentElement.clientWidth);
    await t.look(name);
  };
  /** Both sizes and both schemes, with what rules of accessibility are broken. */
  const lookAround = async (name) => {
    await fits(name);
    await t.page.setViewportSize({ width: 390, height: 860 });
    await fits(`${name}-small`);
    await button("Dark colours").click();
    await fits(`${name}-small-dark`);
    await t.page.setViewportSize({ width: 1440, height: 900 });
    await fits(`${name}-dark`);
    await button("Dark colours").click();
  };
  return {
    async runsList() {
      await go("runs");
      await t.page.locator('table[aria-label="Runs"] tbody tr').first().waitFor();
      t.seen.runs = await t.page.locator('table[aria-label="Runs"] tbody tr').allInnerTexts();
      await lookAround("runs");
      await go("pipelines");
      await t.page.locator(".stage-box").first().waitFor();
      t.seen.pipelines = await t.page.locator("section.section h2").allInnerTexts();
      await t.look("pipelines");
    },
    async runStarted() {
      await go("runs/new");
      await t.page.getByLabel("Pipeline", { exact: true }).fill(t.order.definition.replace("step: segment", "step: segmnt"));
      await t.page.getByLabel("Folder (or file) with the input, on the server").fill(t.order.input);
      await t.page.getByLabel("Name; one is made when it is left out").fill(t.order.run);
      await button("Start").click();
      await t.page.locator(".notice.error").first().waitFor();
      t.seen.issues = await t.page.locator(".notice.error").allInnerTexts();
      await lookAround("run-new");
      await t.page.getByLabel("Pipeline", { exact: true }).fill(t.order.definition);
      await button("Start").click();
      await t.page.getByRole("heading", { name: t.order.run }).waitFor();
    },
    /** Waits on the page itself until the run has got so far: it is told by events. */
    async runWaitsForReview() {
      for (const one of [t.order.waits, t.order.rejects])
        await t.page.getByRole("button", { name: `Accept ${one}` }).waitFor();
      t.seen.stages = await t.page.locator(".stage-box").allInnerTexts();
      await t.page.locator(".slide-map img").first().waitFor();
      await lookAround("run-review");
    },
    async runReviewed() {
      await t.page.locator(".review-row", { hasText: t.order.waits }).getByLabel("Comment").fill("sharp");
      await t.page.getByRole("button", { name: `Accept ${t.order.waits}` }).click();
      await t.page.locator(".review-row", { hasText: t.order.rejects }).getByLabel("Comment").fill("too few");
      await t.page.getByRole("button", { name: `Reject ${t.order.rejects}` }).click();
      await t.page.getByRole("link", { name: "Run again with other parameters" }).waitFor();
      await t.page.locator('table[aria-label="Reviews"] tbody tr').nth(1).waitFor();
      t.seen.reviews = await t.page.locator('table[aria-label="Reviews"] tbody tr').allInnerTexts();
      await t.page.locator(".page-head .badge", { hasNotText: "running" }).waitFor();
      t.seen.state = await t.page.locator(".page-head .badge").innerText();
    },
    async runTasks() {
      await t.page.locator("button.stage-box").first().click();
      await t.page.getByRole("button", { name: /^Log and attempts of/ }).first().click();
      await t.page.getByRole("button", { name: "Read", exact: true }).first().click();
      await t.page.locator(".dialog pre.log").first().waitFor();
      t.seen.attempts = await t.page.locator('table[aria-label="Attempts"] tbody tr').allInnerTexts();
      await t.look("run-task");
      await button("Close").click();
    },
    async runAgain() {
      await t.page.getByRole("link", { name: "Run again with other parameters" }).click();
      const parameters = t.page.getByLabel("Parameters, name=value on each line");
      await t.page.waitForFunction(() => [...document.querySelectorAll("textarea")]
        .some((one) => one.value.includes("expand=")));
      await parameters.fill(t.order.again);
      await t.page.getByLabel("Name; one is made when it is left out").fill(t.order.other);
      await button("Start").click();
      await t.page.getByRole("heading", { name: t.order.other }).waitFor();
      await t.page.getByRole("button", { name: `Accept ${t.order.waits}` }).waitFor();
      t.seen.againParameters = await t.page.locator(".run-page .note").first().innerText();
    },
    async runPictures() {
      await go(`runs/${t.order.run}/view?item=${t.order.item}`);
      await settled();
      [t.seen.whole] = await canvases();
      t.seen.bar = await t.page.locator(".scale-bar").innerText();
      await lookAround("viewer");
      await settled();
      const plane = t.page.locator(".picture-plane");
      await plane.focus();
      await t.page.keyboard.press("+");
      await settled();
      [t.seen.closer] = await canvases();
      await button("Whole slide").click();
      await t.page.getByRole("checkbox", { name: /^nuclei\.labels/ }).uncheck();
      await settled();
      [t.seen.bare] = await canvases();
    },
    async twoRuns() {
      await t.page.getByRole("checkbox", { name: /^nuclei\.labels/ }).check();
      await t.page.getByLabel("Beside it").selectOption({ label: t.order.other });
      await settled(2);
      await t.page.getByRole("button", { name: "Differences of nuclei.labels" }).click();
      await t.page.locator(".difference dl").waitFor();
      t.seen.difference = await t.page.locator(".difference dd").allInnerTexts();
      await t.page.locator(".picture-plane").first().focus();
      await t.page.keyboard.press("+");
      await t.page.keyboard.press("ArrowLeft");
      await settled(2);
      t.seen.both = await canvases();
      await lookAround("viewer-two");
    },
    /** The demo's run, its slides, and its cells on the tissue. */
    async demoPages() {
      await go("runs");
      await t.page.locator('table[aria-label="Runs"] tbody tr a').first().click();
      await t.page.locator(".slide-map img").first().waitFor();
      await t.look("run");
      await t.page.locator(".slide-map th a").first().click();
      await settled();
      await t.look("slide");
      t.page = await t.explorerTab();
      await t.page.waitForSelector('.image-canvas[data-missing="0"]');
      await t.shot("explorer");
    },
    /** Cells are chosen on the picture and joined; one is drawn; the last change is undone. */
    async runEdited() {
      await go(`runs/${t.order.run}/view?item=${t.order.item}`);
      await settled();
      [t.seen.unedited] = await canvases();
      await button("Edit cells").click();
      const changes = t.page.getByRole("list", { name: "Changes by hand" }).locator("li");
      const clickOn = async ([x, y]) => {
        const box = await t.page.locator(".picture-plane").boundingBox();
        const [width, height] = t.order.size;
        const short = Math.min(box.width, box.height);
        const unit = Math.max(width * 1.08 * short / box.width, height * 1.08 * short / box.height) / short;
        await t.page.mouse.click(box.x + (x - width / 2) / unit + box.width / 2,
          box.y + (y - height / 2) / unit + box.height / 2);
      };
      const chosen = t.page.getByLabel("Chosen cells");
      for (const [at, place] of t.order.cells.entries()) {
        await clickOn(place);
        await t.page.waitForFunction((count) => [...document.querySelectorAll(".edit-panel input")]
          .some(({ value }) => value.split(",").filter(Boolean).length === count), at + 1);
      }
      t.seen.chosen = await chosen.inputValue();
      await settled();
      await lookAround("edit-chosen");
      await button("Merge").click();
      await changes.first().waitFor();
      await settled();
      await button("Draw …").click();
      for (const place of t.order.outline) await clickOn(place);
      await t.look("edit-outline");
      await button("Close the outline").click();
      await changes.nth(1).waitFor();
      await settled();
      t.seen.changes = await changes.allInnerTexts();
      [t.seen.edited] = await canvases();
      await button("Undo the last").click();
      await t.page.locator(".edit-list .undone").waitFor();
      await settled();
      t.seen.undone = await changes.allInnerTexts();
      await t.look("edit-undone");
    },
    /** Cells of a run become a dataset, which the Explorer opens. */
    async runToDataset() {
      await go(`runs/${t.order.run}`);
      await button("Make a dataset …").click();
      await t.look("run-dataset");
      await t.page.getByLabel("Name in addresses and SQL").fill(t.order.dataset);
      await button("Make it").click();
      await t.page.getByRole("link", { name: "Open it in the Explorer" }).click();
      await t.drawn();
      await t.page.waitForSelector('.image-canvas[data-missing="0"]');
      await t.shot("run-explorer");
    },
    /** What lies in the archive is offered, and shown when it is back. */
    async runArchived() {
      const archive = t.page.getByRole("group", { name: "Archive" });
      await go(`runs/${t.order.run}`);
      t.seen.told = await archive.innerText();
      await lookAround("run-archived");
      await go(`runs/${t.order.run}/view?item=${t.order.item}`);
      t.seen.offer = await archive.innerText();
      await settled();
      [t.seen.before] = await canvases();
      await lookAround("viewer-archived");
      await t.page.getByLabel("Days to stay").fill("3");
      await button("Restore").click();
      await archive.waitFor({ state: "detached" });
      await t.page.getByText("outlines").first().waitFor();
      await t.page.waitForFunction((old) => document.querySelector(".picture-plane canvas")
        .toDataURL("image/png") !== old, t.seen.before.image);
      await settled();
      [t.seen.after] = await canvases();
    },
    async queues() {
      await go("watch");
      await t.page.locator('table[aria-label="Stages"] tbody tr').first().waitFor();
      t.seen.queues = await t.page.locator('table[aria-label="Stages"] tbody tr').allInnerTexts();
      // A line that lies flat isn't seen by Playwright as visible.
      await t.page.waitForSelector('table[aria-label="Stages"] .sparkline path', { state: "attached" });
      await t.page.getByRole("heading", { name: "Streams, deliveries, queues and rules" }).waitFor();
      await lookAround("watch");
    },
  };
};
