// What lies under the cells: images hidden, enlarged, shown by channel, a cell picked by its outline,
// and the picture as a drawing; see browser.mjs.
export const imageSteps = (t) => {
  const settled = async () => {
    await t.drawn();
    await t.page.waitForSelector('.image-canvas[data-missing="0"]');
  };
  /** Both canvases as PNGs, with their size on the page. */
  const drawn = () => t.page.evaluate(() => {
    const [image, cells] = [".image-canvas", ".scatter-plane canvas:not(.image-canvas)"]
      .map((name) => document.querySelector(name));
    return { width: image.clientWidth, height: image.clientHeight,
      image: image.toDataURL("image/png"), cells: cells.toDataURL("image/png") };
  });
  const panel = () => t.page.getByRole("region", { name: "Images" });
  return {
    async openImages() {
      t.page = await t.explorerTab();
      await settled();
      t.seen.open = await drawn();
      t.seen.panel = await panel().innerText();
      t.seen.bar = await t.page.locator(".scale-bar").evaluateAll((bars) =>
        bars.map((bar) => [bar.textContent, bar.getBoundingClientRect().width]));
      await t.look("open");
    },
    async hideImage() {
      await panel().getByRole("checkbox", { name: t.order.image }).uncheck();
      await t.page.waitForSelector('.image-canvas[aria-label="No image"]');
      await settled();
      t.seen.hidden = await drawn();
      await panel().getByRole("checkbox", { name: t.order.image }).check();
      await settled();
    },
    async imageAsDrawing() {
      t.seen.drawing = (await t.downloaded(() =>
        t.page.getByRole("button", { name: "Save the picture as SVG", exact: true }).click())).text;
    },
    async zoomImage() {
      const box = await t.page.locator(".scatter-plane").boundingBox();
      await t.page.mouse.move(box.x + box.width / 2, box.y + box.height / 2);
      await t.page.mouse.wheel(0, -900);
      await settled();
      await t.shot("zoom");
    },
    async channels() {
      for (const name of t.order.off) await panel().getByRole("checkbox", { name }).uncheck();
      await settled();
      t.seen.channels = await drawn();
      await t.shot("channels");
    },
    async clickCell() {
      const box = await t.page.locator(".scatter-plane").boundingBox();
      await t.page.getByRole("button", { name: "Pick a cell by its outline" }).click();
      await t.page.mouse.click(box.x + t.order.at[0], box.y + t.order.at[1]);
      await t.waitForSelected(1);
      // Its id takes its number's place when the ids have come.
      await t.page.locator(".picked-cell dd").first().filter({ hasText: t.order.cell }).waitFor();
      t.seen.picked = await t.page.locator(".picked-cell").innerText();
      await t.shot("picked");
    },
  };
};
