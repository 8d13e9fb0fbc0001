// Selections, pictures, genes, markers and what is taken out of the Explorer; see browser.mjs.
export const selectingSteps = (t) => {
  const button = (name) => t.page.getByRole("button", { name, exact: true });
  const label = (text) => t.page.getByLabel(text, { exact: true });
  /** How many cells are selected, and the script that says so. */
  async function scripted() {
    await button("Share and reproduce").click();
    await t.page.waitForFunction(() => document.querySelector(".copy-field input").value !== "");
    const said = { selected: await t.selectedCells(),
      script: await label("In Python").inputValue(),
      methods: await label("For a methods section").inputValue(),
      link: await label("Link to exactly this screen").inputValue() };
    await button("Close").click();
    return said;
  }
  const clear = () => t.page.locator(".selection-panel button", { hasText: /^Clear$/ }).click();
  async function only(column, name) {
    const row = t.page.locator(".labels li", { has: t.page.locator(`label[title="${name}"]`) });
    if (await row.count() === 0)
      await t.page.locator(".category .disclosure", { hasText: new RegExp(`^${column}$`) }).click();
    await row.hover();
    await row.locator("button.only").click();
  }
  /** How much ink is on the white page. */
  const inked = (colours) => colours.reduce((sum, [colour, pixels]) => sum + pixels *
    [1, 3, 5].reduce((dark, at) => dark + 255 - parseInt(colour.slice(at, at + 2), 16), 0), 0);
  const openShown = () => t.page.locator("summary[aria-label='Points and layout']").click();
  /** Rests the pointer near a place where cells are, until one is told. */
  async function restOnACell(x, y) {
    const tooltip = t.page.locator(".tooltip");
    for (let turn = 0; turn < 40; turn++) {
      await t.page.mouse.move(x + turn * Math.cos(turn * 2.4), y + turn * Math.sin(turn * 2.4));
      if (await tooltip.waitFor({ timeout: 1_000 }).then(() => true, () => false)) return;
    }
  }
  async function setSlider(name, value) {
    await label(name).fill(String(value));
  }
  async function pictureAfter(change) {
    await change();
    return t.colours();
  }

  return {
    async openExplorer() {
      t.page = await t.explorerTab();
    },
    /** All cells, then the selected ones, grouped and laid out anew; the groups kept as labels. */
    async clusters() {
      const done = t.page.locator(".clusterings > li");
      await t.page.getByRole("button", { name: /^Cluster all [\d,]+ cells$/ }).click();
      await done.first().waitFor();
      await t.page.locator(".category", { hasText: /cluster [0-9a-f]{8}/ }).first().waitFor();
      t.seen.places = await label("Embedding").inputValue();
      t.seen.told = await done.first().locator("span").first().textContent();
      t.seen.pictured = (await t.colours()).length;
      await t.look("clusters");
      await t.lasso();
      t.seen.chosen = await t.selectedCells();
      await label("Resolution").fill("0.4");
      await t.page.getByRole("button", { name: /^Cluster the [\d,]+ selected cells$/ }).click();
      await done.nth(1).waitFor();
      t.seen.told_of_some = await done.nth(1).locator("span").first().textContent();
      await done.first().getByRole("button", { name: "Keep as labels" }).click();
      const own = t.page.locator(".own-labels .disclosure", { hasText: /labels$/ });
      await own.waitFor();
      // Each group becomes a label, one change after the other.
      await done.first().getByRole("button", { name: /Keep/ }).waitFor({ state: "detached" });
      await t.page.waitForFunction((clusters) => document.querySelectorAll(
        ".own-labels .labels > ul > li").length > clusters, parseInt(t.seen.told, 10));
      t.seen.kept = await t.page.locator(".own-labels .labels > ul > li .counts")
        .evaluateAll((all) => all.map((one) => Number(one.textContent.replaceAll(",", ""))));
      await t.look("clusters-of-some");
      t.page = await t.explorerTab();
      await t.page.locator(".clusterings > li").nth(1).waitFor();
      t.seen.offered_again = await label("Embedding").locator("option").allTextContents();
    },
    /** Cells asked for by a sentence; one that isn't understood selects nothing by itself. */
    async inWords() {
      const said = t.page.locator(".said");
      const find = async (words) => {
        await label("Cells in words").fill(words);
        await button("Find").click();
      };
      t.seen.said = {};
      for (const [words, selected] of t.order.sentences) {
        await find(words);
        await t.waitForSelected(selected);
        t.seen.said[words] = await scripted();
      }
      t.seen.violations.words = await t.violations();
      const before = await t.selectedCells();
      await find(t.order.riddle);
      await said.locator(".notice.warning").waitFor();
      t.seen.riddle = await said.textContent();
      t.seen.unchanged = (await t.selectedCells()) === before;
      await t.shot("words");
      await button("Select that").click();
      await t.waitForSelected(t.order.rest);
      t.seen.filters = await t.page.locator(".filters li").allTextContents();
    },
    async algebra() {
      const steps = {};
      await label("Box (B)").click();
      await t.box([0.02, 0.02, 0.6, 0.6]);
      steps.first = await scripted();
      await label("Add to the selection (Shift)").click();
      await t.box([0.4, 0.4, 0.98, 0.98]);
      steps.union = await scripted();
      await label("Select anew").click();
      await t.box([0.3, 0.3, 0.7, 0.7], ["Alt"]);
      steps.less = await scripted();
      await t.box([0.02, 0.02, 0.98, 0.5], ["Shift", "Alt"]);
      steps.both = await scripted();
      await clear();
      await only("cell_type", t.order.label);
      steps.label = await scripted();
      await t.box([0.02, 0.02, 0.5, 0.98], ["Shift"]);
      steps.label_or_region = await scripted();
      await button("Invert").click();
      steps.inverted = await scripted();
      await clear();
      await only("cell_type", t.order.label);
      await label(`least ${t.order.number}`).fill(String(t.order.low));
      steps.and = await scripted();
      await t.page.getByLabel(`and ${t.order.number}`).click();
      steps.or = await scripted();
      await t.page.getByLabel(`Not ${t.order.number}`).click();
      steps.or_not = await scripted();
      t.seen.words = await t.page.locator(".filters li").allTextContents();
      t.seen.algebra = steps;
      t.seen.violations.algebra = await t.violations();
      await t.shot("algebra");
      await clear();
    },
    async gate() {
      const [x, y] = t.order.genes;
      await t.addGenes(t.order.genes.join(" "));
      await button(`x: ${x}`).click();
      await button(`y: ${y}`).click();
      const plot = t.page.locator(".gene-plane-box");
      await plot.locator("canvas").waitFor();
      await t.page.waitForFunction(() => !document.querySelector(".gene-plane-box .waiting"));
      await plot.scrollIntoViewIfNeeded();
      await t.page.waitForFunction(() => document.querySelector(".gene-plane figcaption"));
      // A triangle over the right half.
      const box = await plot.boundingBox();
      const corners = [[0.3, 0.02], [0.98, 0.02], [0.98, 0.98], [0.3, 0.98], [0.3, 0.1]];
      const at = ([right, down]) => [box.x + box.width * right, box.y + box.height * down];
      await t.page.mouse.move(...at(corners[0]));
      await t.page.mouse.down();
      for (const corner of corners.slice(1)) await t.page.mouse.move(...at(corner), { steps: 4 });
      await t.page.mouse.up();
      t.seen.gate = await scripted();
      t.seen.gate_words = await t.page.locator(".filters li").first().textContent();
      await t.shot("gate");
      await clear();
    },
    async beside() {
      await label("Two pictures side by side").click();
      const panes = t.page.locator(".panes > .scatter");
      const second = panes.nth(1);
      await second.getByLabel("Embedding", { exact: true }).selectOption("X_pca");
      await second.getByLabel("Coloured by").selectOption(t.order.number);
      await second.locator('.scatter-plane[data-complete="true"]').waitFor();
      await second.locator(`.legend :text("${t.order.number}")`).waitFor();
      const before = await t.colours();
      t.seen.pane_colours = [before.slice(0, 12), (await t.coloursIn(second.locator(".scatter-plane"))).slice(0, 12)];
      await label("Box (B)").click();
      await t.box([0.02, 0.02, 0.55, 0.98], [], second.locator(".scatter-plane"));
      t.seen.beside = await scripted();
      await t.drawn();
      t.seen.first_after = (await t.colours()).slice(0, 12);
      t.seen.violations.beside = await t.violations();
      await t.shot("beside");
      // The link has both pictures.
      const stranger = await t.newReader();
      await stranger.goto(t.seen.beside.link);
      await stranger.locator(".panes > .scatter").nth(1)
        .locator('.scatter-plane[data-complete="true"]').waitFor();
      await t.waitForSelected(t.seen.beside.selected, stranger);
      t.seen.restored_panes = await stranger.locator(".pane-head select").evaluateAll((all) =>
        all.map((one) => one.selectedOptions[0].textContent));
      await stranger.close();
      await clear();
      await label("Two pictures side by side").click();
    },
    async dimensions() {
      await label("Embedding").selectOption("X_pca");
      const first = await t.colours();
      await label("Axis x").selectOption("3");
      await label("Axis y").selectOption("4");
      const third = await t.colours();
      await label("Lasso (L)").click();
      await t.lasso();
      t.seen.third_and_fourth = await scripted();
      t.seen.dimensions_differ = JSON.stringify(first) !== JSON.stringify(third);
      await t.shot("dimensions");
      await clear();
      await label("Embedding").selectOption("X_umap");
    },
    async points() {
      await openShown();
      const small = inked(await pictureAfter(() => setSlider("Size", 0.5)));
      const large = inked(await pictureAfter(() => setSlider("Size", 3)));
      const solid = inked(await pictureAfter(() => setSlider("Opacity", 1)));
      const thin = inked(await pictureAfter(() => setSlider("Opacity", 0.2)));
      t.seen.points = { small, large, solid, thin };
      await setSlider("Size", 1);
      await setSlider("Opacity", 0.9);
      await openShown();
    },
    async tooltip() {
      await label("Names at the middle of each label").click();
      const name = t.page.locator(".centroid", { hasText: t.order.label });
      const box = await name.boundingBox();
      await restOnACell(box.x + box.width / 2, box.y + box.height / 2);
      // Its id comes a moment later.
      await t.page.waitForFunction(() =>
        /\D/.test(document.querySelector(".tooltip dd")?.textContent ?? ""));
      t.seen.tooltip = await t.page.locator(".tooltip dd").allTextContents();
      await t.shot("tooltip");
      await label("Names at the middle of each label").click();
    },
    async palettes() {
      const swatches = () => t.page.locator(".legend .swatch").evaluateAll((all) =>
        all.map((one) => one.style.background));
      const files = await swatches();
      await label("Colours").selectOption("colour-blind safe");
      const safe = await swatches();
      await t.page.getByLabel(`Colour of ${t.order.label}`, { exact: true }).fill("#123456");
      const own = await t.colours();
      t.seen.palettes = { files, safe, own, own_swatches: await swatches() };
      await label(`Colour by ${t.order.number}`).click();
      await label(`Scale of ${t.order.number}`).click();
      const viridis = await t.colours();
      await label("Palette").selectOption("magma");
      const magma = await t.colours();
      await label("to").fill(String(t.order.most));
      await label("logarithmic").check();
      t.seen.scale = { differ: JSON.stringify(viridis) !== JSON.stringify(magma),
        ends: await t.page.locator(".legend .ramp-ends").textContent(),
        note: await t.page.locator(".legend .note").first().textContent(),
        log: JSON.stringify(await t.colours()) !== JSON.stringify(magma) };
      await t.shot("scale");
    },
    async layers() {
      await t.addGenes(t.order.genes[0]);
      await label(`Colour by ${t.order.genes[0]}`).click();
      const most = async () => (await t.page.locator(".legend .ramp-ends span").nth(1).textContent());
      await t.page.waitForSelector(`.legend :text("${t.order.genes[0]}")`);
      t.seen.layer_ends = [await most()];
      await label("Layer").selectOption(t.order.layer);
      // The values of another layer have another greatest one.
      await t.page.waitForFunction((before) => {
        const ends = document.querySelectorAll(".legend .ramp-ends span");
        return ends.length > 1 && ends[1].textContent !== before;
      }, t.seen.layer_ends[0]);
      t.seen.layer_ends.push(await most());
      await label("Layer").selectOption("X");
      await t.page.waitForFunction((before) => document.querySelectorAll(".legend .ramp-ends span")[1]
        ?.textContent === before, t.seen.layer_ends[0]);
      await label("Colour by cell_type").click();
      await t.page.waitForSelector('.legend :text("cell_type")');
    },
    async split() {
      await openShown();
      await label("Split by").selectOption(t.order.split);
      await t.page.locator(".split canvas").first().waitFor();
      await openShown();
      t.seen.split = await t.page.locator(".split > ul > li button").allTextContents();
      t.seen.split_inks = [];
      for (const canvas of await t.page.locator(".split canvas").all())
        t.seen.split_inks.push((await t.coloursIn(canvas)).length);
      t.seen.violations.split = await t.violations();
      await t.shot("split");
      await t.page.locator(".split > ul > li button").first().click();
      t.seen.split_selected = await t.selectedCells();
      await clear();
      await openShown();
      await label("Split by").selectOption("");
      await t.drawn();
      await openShown();
    },
    async vector() {
      await label("Names at the middle of each label").click();
      await t.page.locator(".centroid").first().waitFor();
      t.seen.svg = (await t.downloaded(() => label("Save the picture as SVG").click())).text;
    },
    async compositionShares() {
      await label("Figure").selectOption("composition");
      await label("by").selectOption("cell_type");
      await label("shares of").selectOption(t.order.split);
      await t.page.locator(".plots .figure-drawing svg").waitFor();
      t.seen.composition = (await t.downloaded(() =>
        t.page.locator(".plots .figure-files button", { hasText: "CSV" }).click())).text;
      await label("Figure").selectOption("none");
    },
    async markers() {
      await label("Markers of cell_type").click();
      const lists = t.page.locator(".marker-lists li");
      await t.page.waitForFunction((count) => document.querySelectorAll(".marker-lists li").length ===
        count && !document.querySelector("dialog progress"), t.order.labels);
      t.seen.markers = await lists.evaluateAll((all) => Object.fromEntries(all.map((one) =>
        [one.querySelector("strong").textContent,
          [...one.querySelectorAll(".marker-genes button")].map((gene) => gene.textContent)])));
      t.seen.violations.markers = await t.violations();
      await t.shot("markers");
      t.seen.marker_csv = (await t.downloaded(() => button("CSV").click())).text;
      await button("Dot plot of the first three").click();
      await t.page.locator(".plots .figure-drawing svg circle").first().waitFor();
      await t.page.locator(".plots .figure-drawing").scrollIntoViewIfNeeded();
      await t.shot("marker-dots");
    },
    /** One cell can't be compared. */
    async refuseOne() {
      await t.page.getByLabel(`least ${t.order.number}`).fill(String(t.order.only));
      t.seen.one_cell = await t.selectedCells();
      await t.page.locator(".group-a button", { hasText: "Set from selection" }).click();
      await t.page.getByRole("button", { name: /^Compare A with/ }).click();
      await t.page.locator(".panel .notice.error").waitFor();
      t.seen.refused_set = await t.page.locator(".panel .notice.error").textContent();
      await t.shot("one-cell");
    },
    async takeOut() {
      await only("cell_type", t.order.label);
      await label("Box (B)").click();
      await t.box([0.02, 0.02, 0.5, 0.98], ["Shift"]);
      t.seen.taken = await scripted();
      await button("Take out …").click();
      t.seen.ids = (await t.downloaded(() => button("Cell ids as CSV").click())).text;
      t.seen.violations.take_out = await t.violations();
      await t.shot("take-out");
      const file = await t.downloaded(() => button("Download").click(), "base64");
      t.seen.taken_file = file.text;
      await button("Keep them under an id").click();
      const command = label("In a terminal; over HTTP it is “selection” of POST /v1/matrix");
      await command.waitFor();
      t.seen.command = await command.inputValue();
      await label("Title of the new dataset").fill(t.order.derived);
      await button("Make the dataset").click();
      await t.page.locator(".derive .notice a").waitFor();
      await t.shot("derived");
      t.seen.derived = await t.page.locator(".derive .notice a").getAttribute("href");
      await button("Close").click();
    },
    async keepRecipe() {
      await t.page.locator(".kept-selections summary").click();
      await label("Name of the recipe").fill("my B cells");
      await button("Keep").click();
      await button("my B cells").waitFor();
      t.seen.recipe = (await t.downloaded(() => button("Save as a file").click())).text;
    },
    /** In another dataset, by name; and one that doesn't fit, as a file. */
    async useRecipe() {
      t.page = await t.explorerTab(t.order.other);
      await t.page.locator(".kept-selections summary").click();
      await button("my B cells").click();
      await t.page.locator(".filters li").first().waitFor();
      t.seen.elsewhere = await scripted();
      await t.shot("recipe");
      await clear();
      await label("File of a recipe").setInputFiles({ name: "recipe.json",
        mimeType: "application/json", buffer: Buffer.from(JSON.stringify({ stroma_selection: 1,
          recipe: [{ kind: "category", column: "cell_type", excluded: [], only: ["neuron", "B cell"] },
            { kind: "range", source: { from: "obs", column: "no_such" }, low: 0, high: 1 }] })) });
      await t.page.locator(".kept-selections .notice.warning").waitFor();
      t.seen.misfits = await t.page.locator(".kept-selections .notice.warning").textContent();
      t.seen.fitting = await t.selectedCells();
    },
    async keys() {
      await t.page.locator(".scatter-plane").first().click();
      await t.page.keyboard.press("m");
      t.seen.moving = await label("Move (M)").getAttribute("aria-pressed");
      await t.page.keyboard.press("?");
      t.seen.keys = await t.page.locator(".keys dt").allTextContents();
      t.seen.violations.keys = await t.violations();
      await t.shot("keys");
      await t.page.keyboard.press("Escape");
      await t.page.locator("dialog").waitFor({ state: "detached" });
    },
    async names() {
      await label("Gene").fill("ge");
      await t.page.locator(".gene-search option").nth(3).waitFor({ state: "attached" });
      t.seen.offered = await t.page.locator(".gene-search option").evaluateAll((all) =>
        all.map((one) => one.value));
      t.seen.found = {};
      for (const name of t.order.names) {
        await t.addGenes(name);
        await t.page.waitForFunction(() =>
          document.querySelector(".gene-search input").value === "");
        t.seen.found[name] = await t.page.locator(".number-row .row-name").allTextContents()
          .then((all) => all.filter((one) => !Object.values(t.seen.found).flat().includes(one)));
      }
      await t.page.getByLabel(`About ${t.order.card}`).click();
      await t.page.locator("dialog .facts dd").nth(3).waitFor();
      await t.page.locator("dialog table tbody tr").first().waitFor();
      await t.page.locator("dialog dt", { hasText: "Position" }).waitFor();
      const texts = (selector) => t.page.locator(selector).allTextContents();
      t.seen.card = { names: await texts("dialog .facts dt"), values: await texts("dialog .facts dd"),
        rows: await texts("dialog tbody tr") };
      t.seen.violations.card = await t.violations();
      await t.shot("card");
      await button("Close").click();
    },
    async proteins() {
      await t.page.locator(".kinds summary").click();
      t.seen.proteins = await t.page.locator(".kinds li").allTextContents();
      await t.page.locator(".kinds li button").first().click();
      t.seen.badges = await t.page.locator(".badge").allTextContents();
      // RNA across, protein up: both of each cell.
      await button(`x: ${t.order.rna}`).click();
      await button(`y: ${t.order.protein}`).click();
      await t.page.locator(".gene-plane figcaption").waitFor();
      await label("Two pictures side by side").click();
      const colour = (at) => t.page.locator(".panes > .scatter").nth(at).getByLabel("Coloured by");
      await colour(0).selectOption(t.order.rna);
      await colour(1).selectOption(t.order.protein);
      await t.page.locator(".panes > .scatter").nth(1)
        .locator(`.legend :text("${t.order.protein}")`).waitFor();
      await t.page.mouse.move(0, 0);
      const plane = t.page.locator(".scatter-plane").first();
      const { x, y, width, height } = await plane.boundingBox();
      await restOnACell(x + width / 2, y + height / 2);
      t.seen.cell_names = await t.page.locator(".tooltip dt").allTextContents();
      await t.shot("proteins");
    },
  };
};
