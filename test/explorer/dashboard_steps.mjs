// Dashboards, as a person makes and looks at them.

export function dashboardSteps(t) {
  const button = (name) => t.page.getByRole("button", { name, exact: true });
  const panel = (title) => t.page.getByRole("region", { name: title, exact: true });
  const drawn = (title) => panel(title).locator("svg[data-points]").first().waitFor();
  return {
    async makeDashboard() {
      await t.page.goto(`${t.order.url}/#/dashboards`);
      await button("New dashboard").click();
      await t.page.getByLabel("Title").fill("Blood");
      await button("Create").click();
      await button("Add a panel").click();
      await t.page.getByLabel("Title").fill("Cells of each type");
      await t.page.getByLabel("Drawn as").selectOption("bar");
      await t.page.getByLabel("Statement").fill(t.order.statement);
      await t.page.locator(".panel-preview rect").first().waitFor();
      t.seen.preview = await t.page.locator(".panel-preview rect").count();
      await t.look("editor");
      await button("Keep").click();
      await drawn("Cells of each type");
      t.seen.bars = await panel("Cells of each type").locator(".plot-bars rect").count();
      const widthBefore = (await panel("Cells of each type").boundingBox()).width;
      const corner = t.page.getByRole("button", { name: "Resize Cells of each type" });
      await corner.press("ArrowRight");
      await corner.press("ArrowRight");
      t.seen.wider = (await panel("Cells of each type").boundingBox()).width > widthBefore;
      await t.page.getByRole("button", { name: "Duplicate Cells of each type" }).click();
      t.seen.copied = await t.page.locator(".panel-box").count();
      // The copy is dragged above the first one.
      const [, second] = await t.page.locator(".panel-handle").all();
      const box = await second.boundingBox();
      await t.page.mouse.move(box.x + 4, box.y + 8);
      await t.page.mouse.down();
      await t.page.mouse.move(box.x + 4, box.y - 250, { steps: 8 });
      await t.page.mouse.move(box.x + 4, box.y - 420, { steps: 8 });
      await t.page.mouse.up();
      t.seen.tops = await t.page.locator(".panel-cell").evaluateAll((cells) =>
        cells.map((one) => one.getBoundingClientRect().top));
      await t.page.getByRole("button", { name: "Remove Cells of each type" }).last().click();
      await button("Save").click();
      await button("Edit").waitFor();
      await drawn("Cells of each type");
      t.seen.dashboard = new URL(t.page.url()).hash.split("/").at(-1);
    },
    /** A dashboard of every kind of panel, in two sizes and both colour schemes. */
    async gallery() {
      const made = await t.page.request.post(`${t.order.url}/v1/dashboards`, {
        headers: { Authorization: `Bearer ${t.order.token}` }, data: t.order.gallery });
      t.seen.made = made.status();
      const { id } = await made.json();
      await t.page.goto(`${t.order.url}/#/dashboards/${id}`);
      for (const title of t.order.charts) await drawn(title);
      await t.page.locator(".number-panel strong").first().waitFor();
      t.seen.number = await t.page.locator(".number-panel strong").first().textContent();
      t.seen.change = await t.page.locator(".number-panel .change").first().textContent();
      t.seen.empty = await panel("Nothing").locator(".panel-empty").textContent();
      t.seen.problem = await panel("Wrong").locator(".panel-problem").textContent();
      t.seen.refusals = t.seen.refusals.filter((one) => !one.endsWith("/panels/wrong/rows"));
      const gaps = panel("Gaps");
      t.seen.gaps = { runs: (await gaps.locator(".plot-stroke").getAttribute("d")).split("M").length - 1,
        dots: await gaps.locator(".plot-line circle").count() };
      const names = panel("Long names").locator(".plot-places text");
      t.seen.names = await t.texts(names);
      const left = (await panel("Long names").boundingBox()).x;
      t.seen.names_outside = await names.evaluateAll((all, edge) =>
        all.filter((one) => one.getBoundingClientRect().left < edge).length, left);
      const wide = panel("Wide number").locator("strong");
      t.seen.wide = { words: await wide.textContent(),
        cut: await wide.evaluate((one) => one.scrollWidth > one.clientWidth) };
      await t.look("gallery");
      const [first] = t.order.charts;
      const box = await panel(first).locator(".plot-box").boundingBox();
      await t.page.mouse.move(box.x + box.width / 2, box.y + box.height / 2);
      t.seen.tip = await panel(first).locator(".plot-tip strong").textContent();
      t.seen.tip_rows = await panel(first).locator(".plot-tip li").count();
      await t.shot("tip");
      const before = await panel(first).locator(".plot-stroke").count();
      await panel(first).locator(".plot-legend button").first().click();
      t.seen.hidden = before - await panel(first).locator(".plot-stroke").count();
      await panel(first).locator(".plot-legend button").first().click();
      for (const [item, encoding] of [["Rows as CSV", "utf8"], ["Chart as SVG", "utf8"], ["Chart as PNG", "latin1"]]) {
        await t.page.getByLabel(`More of ${first}`).click();
        const file = await t.downloaded(() => panel(first).getByRole("button", { name: item }).click(), encoding);
        t.seen[item] = { name: file.name, begin: file.text.slice(0, 60), size: file.text.length };
      }
      await button("Dark colours").click();
      await t.look("gallery-dark");
      await t.page.setViewportSize({ width: 420, height: 900 });
      await t.look("gallery-dark-small");
      await button("Dark colours").click();
      await t.look("gallery-small");
      t.seen.too_wide = await t.page.evaluate(() =>
        document.documentElement.scrollWidth - document.documentElement.clientWidth);
      await t.page.setViewportSize({ width: 1440, height: 900 });
    },
    /** Values of parameters in an address, wrong and right; and a statement that is called off. */
    async askedByAddress() {
      const made = await t.page.request.post(`${t.order.url}/v1/dashboards`, {
        headers: { Authorization: `Bearer ${t.order.token}` }, data: t.order.asked });
      const { id } = await made.json();
      await t.page.goto(`${t.order.url}/#/dashboards/${id}?v.n=many`);
      t.seen.wrong = await panel("Given").locator(".panel-problem").textContent();
      t.seen.rows_beside = await panel("Given").locator("tbody tr").count();
      const number = t.page.getByLabel("A number");
      await number.fill("7");
      await number.press("Enter");
      const cell = (words) => panel("Given").getByRole("cell", { name: words, exact: true });
      t.seen.typed = await cell("14").textContent();
      await t.page.evaluate(() => { location.hash = location.hash.replace("v.n=7", "v.n=9"); });
      t.seen.followed = await cell("18").textContent();
      await panel("Long").getByRole("button", { name: "Stop" }).click();
      t.seen.stopped = await panel("Long").locator(".panel-problem").textContent();
    },
    /** A choice changes what is drawn, and stands in the address. */
    async parameter() {
      const number = panel("Cells").locator(".number-panel strong");
      const before = await number.textContent();
      await t.page.getByLabel("Cell type").selectOption({ index: 1 });
      await t.page.waitForFunction((old) => document.querySelector(
        '[aria-label="Cells"] .number-panel strong')?.textContent !== old, before);
      t.seen.address = new URL(t.page.url()).hash;
    },
    /** Somebody without an account, by the link of a dashboard that asks by its owner's rights. */
    async sharedDashboard() {
      await t.page.goto(`${t.order.url}/#/dashboards/${t.seen.dashboard}`);
      await button("Share").click();
      await t.page.getByLabel("Seen by").selectOption("link");
      const link = await t.page.locator(".dialog .hash").textContent();
      await t.look("share");
      t.page = await t.newReader();
      await t.page.goto(link);
      await drawn("Cells of each type");
      t.seen.shared_bars = await panel("Cells of each type").locator(".plot-bars rect").count();
      t.seen.shared_buttons = await t.page.locator(".dashboard-head .buttons button").allTextContents();
    },
    /** The line of the live demo grows while one looks. */
    async liveQuotes() {
      await t.page.goto(t.order.live);
      const line = panel("Best bid over time").locator("svg[data-points]").first();
      await line.waitFor();
      const points = async () => Number(await line.getAttribute("data-points"));
      const first = await points();
      await t.page.waitForFunction((least) => Number(document.querySelector(
        '[aria-label="Best bid over time"] svg[data-points]')?.getAttribute("data-points")) >= least, first + 20);
      t.seen.grown = [first, await points()];
      const number = (title) => panel(title).locator(".number-panel strong").textContent();
      t.seen.age = await number("Age of the newest row");
      t.seen.rows = await number("Rows loaded");
      t.seen.lag = await number("From an object's event to its rows");
      await t.look("live");
    },
  };
}
